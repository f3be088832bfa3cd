"""Both back ends on one project: what the SDK makes now, and what the kit's rules say that it does."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypedDict

from labkit.base.scratch import scratch_folder
from labkit.lab.lab import Lab
from labkit.publish.published import Options
from labkit.publish.publisher import publish
from labkit.publish.rules.image_config import ConfigObject

_ASIDE = {
    *("org.opencontainers.image.created", "org.opencontainers.artifact.created"),
    *("org.opencontainers.image.base.digest", "net.dot.sdk.version"),
}


class Difference(TypedDict):
    """A field in which the two back ends differ, and what each has there."""

    field: str
    sdk: object
    kit: object


def compare(app: Path, options: Options, lab: Lab) -> list[Difference]:
    """Publish by both back ends into archives of a temporary folder, and compare the configurations.

    Times, the base's digest and the SDK's version are not compared.

    Args:
        app: the folder of a project file.
        options: as for publishing, but for the place.
        lab: as for publishing.

    Returns:
        What differs: `field`, `sdk`, `kit`.

    Raises:
        LabError: one of them could not publish it.
    """
    made = {}
    with scratch_folder() as folder:
        for back_end in ("sdk", "kit"):
            place = f"-p:ContainerArchiveOutputPath={folder}/{back_end}.tar.gz"
            chosen = replace(options, back_end=back_end, arguments=(*options.arguments, place), cluster=False)
            chosen = replace(chosen, base="", strict=False) if back_end == "sdk" else replace(chosen, strict=False)
            made[back_end] = publish(app, chosen, lab).config
    return differences(made["sdk"], made["kit"])


def differences(sdk: Mapping[str, Any], kit: Mapping[str, Any]) -> list[Difference]:
    """The fields of two configurations that are not the same."""
    by_sdk, by_kit = _comparable(sdk), _comparable(kit)
    return [
        {"field": field, "sdk": by_sdk.get(field), "kit": by_kit.get(field)}
        for field in sorted({*by_sdk, *by_kit})
        if json.dumps(by_sdk.get(field), sort_keys=True) != json.dumps(by_kit.get(field), sort_keys=True)
    ]


def _comparable(config: Mapping[str, Any]) -> ConfigObject:
    labels = {name: value for name, value in (config.get("Labels") or {}).items() if name not in _ASIDE}
    return {name: value for name, value in {**config, "Labels": labels}.items() if value not in (None, {}, [])}
