"""Publishing by the real SDK, and looking at what it made."""

from __future__ import annotations

from pathlib import Path

from labkit.adapters.crane import Crane
from labkit.adapters.dotnet import publish_container
from labkit.archives.archive import ArchiveUnreadable, open_image
from labkit.base.errors import LabFailed, MachineLacks, Misuse
from labkit.lab.lab import Lab
from labkit.publish.app_files import AppFolder
from labkit.publish.published import Options, Published, stop_if_strict
from labkit.publish.rules.image_config import ConfigObject
from labkit.publish.rules.messages import Message


def publish_by_sdk(app: AppFolder, options: Options, lab: Lab) -> Published:
    """Publish an app by `dotnet publish`.

    Args:
        app: the folder with its project file.
        options: how.
        lab: where the image may go.

    Raises:
        MachineLacks: there is no SDK, or it published into another engine.
        Misuse: an option that the SDK does not have.
        LabFailed: the SDK failed, or published nothing.
    """
    if options.base:
        raise Misuse("Publishing by the SDK", "it takes a base from registries alone", "leave out --base")
    doing = f"Publishing {app.folder} by the SDK"
    run = publish_container(app.project_file, options.arguments, lab.steps.note)
    if run.failed:
        errors = "\n".join(f"{kind} {code}: {text}" for kind, code, text in run.problems if kind == "error")
        raise LabFailed(doing, errors or run.last, f"run it by hand\n  {run.line}")
    if not run.pushed:
        raise LabFailed(doing, "it published nothing", f"run it by hand\n  {run.line}")
    warnings = tuple(Message(code, text) for kind, code, text in run.problems if kind == "warning")
    stop_if_strict(options, app.folder, warnings)
    name, place = run.pushed[0]
    config, digest, system = _look_at(name, place, lab)
    windows = system == "windows"
    return Published(name, digest, config, "sdk", warnings, "chosen by the SDK", place, run.line, windows)


def _look_at(name: str, place: str, lab: Lab) -> tuple[ConfigObject, str, str]:
    """The `config` object, the digest and the system of what the SDK has published, from its place."""
    if place.startswith("local archive at "):
        return _look_into(Path(place.removeprefix("local archive at ").rstrip(".").strip("'")))
    if place.startswith("registry "):
        reference = f"{place.removeprefix('registry ').rstrip('.').strip(chr(39))}/{name}"
        crane = Crane(lab.configuration, lab.steps)
        configuration = crane.image_config(reference, "linux/amd64")
        return dict(configuration.get("config") or {}), crane.digest(reference), configuration.get("os", "")
    inspected = lab.engine().image(name)
    if inspected is None:
        raise MachineLacks(f"Looking at {name}", "the engine does not have it", "the SDK may have used another engine")
    return dict(inspected["Config"]), inspected["Id"], inspected.get("Os", "")


def _look_into(path: Path) -> tuple[ConfigObject, str, str]:
    """The `config` object of an archive's first image, the digest of its manifest or configuration, and its system."""
    try:
        with open_image(path) as (_, parts):
            config, system = dict(parts.configuration.get("config") or {}), str(parts.configuration.get("os") or "")
            return config, parts.manifest_digest or parts.key, system
    except ArchiveUnreadable as error:
        raise LabFailed(f"Reading {path}", error.came_back, "publish it again") from error
