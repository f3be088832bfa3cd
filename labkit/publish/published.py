"""What is asked of publishing, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

from labkit.base.errors import LabFailed
from labkit.core.identity.windows_rules import ADMINISTRATOR
from labkit.publish.rules.base_image import SDK_VERSION
from labkit.publish.rules.image_config import ConfigObject
from labkit.publish.rules.messages import Message
from labkit.show.table import Table


@dataclass(frozen=True)
class Options:
    """How to publish.

    Args:
        arguments: as they follow `dotnet publish -t:PublishContainer`.
        base: an archive or a layout to take the base image from; empty for engine or registry.
        cluster: whether the image is loaded into the lab's cluster too.
        strict: whether a warning is an error.
        back_end: sdk, kit, or auto: the SDK where there is a `dotnet`.
        labels: of the image in the engine, besides the lab's own; the kit's back end sets them.
    """

    arguments: tuple[str, ...] = ()
    base: str = ""
    cluster: bool = False
    strict: bool = False
    back_end: str = "auto"
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Published:
    """What was published.

    Args:
        reference: the image's name with its first tag.
        digest: of its manifest, or where it has none (in an engine, in Docker's archives) of its configuration.
        config: the image's `config` object.
        back_end: sdk or kit.
        warnings: each a code and a text.
        base_image: its base, and where that was read.
        place: where it is now.
        line: what one types for the same with the SDK.
        is_for_windows: which the SDK alone publishes for; users have names there.
    """

    reference: str
    digest: str
    config: ConfigObject
    back_end: str
    warnings: tuple[Message, ...]
    base_image: str
    place: str
    line: str
    is_for_windows: bool = False

    def to_dict(self) -> dict[str, object]:
        """As JSON-ready values."""
        warnings = [{"code": warning.code, "text": warning.text} for warning in self.warnings]
        return asdict(self) | {"warnings": warnings}

    def rows(self) -> list[tuple[str, str]]:
        """What to show: a label and a text each."""
        user, nobody = self.config.get("User"), ADMINISTRATOR if self.is_for_windows else "root"
        made = {"kit": f"the kit's own back end, by the rules of .NET SDK {SDK_VERSION}", "sdk": "the .NET SDK"}
        return [
            ("image", self.reference),
            ("place", self.place),
            ("made by", made[self.back_end]),
            ("base", self.base_image),
            (
                "Config.User",
                f'"{user}"' if user else f"(none set: {nobody})" if user is None else f'"" (empty: {nobody})',
            ),
            ("Entrypoint", " ".join(self.config.get("Entrypoint") or []) or "(none)"),
            ("digest", self.digest),
            ("typed", self.line),
            *(("warning", f"{warning.code}: {warning.text}") for warning in self.warnings),
        ]

    def _repr_html_(self) -> str:
        return Table("", (), self.rows())._repr_html_()

    def __str__(self) -> str:
        return "\n".join(f"{label:<12}  {text}" for label, text in self.rows())

    __repr__ = __str__


def stop_if_strict(options: Options, app: object, warnings: Sequence[Message]) -> None:
    """Make an error of warnings, where a warning is one.

    Raises:
        LabFailed: there are warnings, and they are errors.
    """
    if options.strict and warnings:
        came_back = "\n".join(map(str, warnings))
        raise LabFailed(f"Publishing {app} strictly", came_back, "fix what it names, e.g. -p:ContainerUser=1654")
