"""Publishing an app as an image, by the kit's own back end or by the real SDK."""

from __future__ import annotations

from pathlib import Path

from labkit.adapters.dotnet import find_dotnet
from labkit.lab.lab import Lab
from labkit.publish.app_files import AppFolder
from labkit.publish.kit_back_end import publish_by_kit
from labkit.publish.published import Options, Published
from labkit.publish.sdk_back_end import publish_by_sdk


def publish(app: Path, options: Options, lab: Lab) -> Published:
    """Publish an app as an image.

    Args:
        app: the folder of its project file.
        options: how.
        lab: its catalogue has base images by their upstream names.

    Raises:
        Misuse: there is no such app, or its project asks for what is not done.
        LabFailed: the SDK would refuse it, or reading or writing failed.
    """
    folder = AppFolder.find(app)
    by_sdk = options.back_end == "sdk" or (options.back_end == "auto" and find_dotnet() and not options.base)
    return publish_by_sdk(folder, options, lab) if by_sdk else publish_by_kit(folder, options, lab)
