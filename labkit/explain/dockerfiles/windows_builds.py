"""Dockerfiles whose image is for Windows: users have names there, and no uids.

Which images are for Windows is in what is known of them; where nothing is, by the words that Microsoft and the official
images use for Windows' own base images (docs.microsoft.com: Container Base Images; docker-library/official-images).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from labkit.core.identity.model import Answer, Image
from labkit.core.identity.windows_rules import explain_on_windows
from labkit.explain.dockerfiles.built_stage import BuiltStage

_NAMES: Final = re.compile(r"mcr\.microsoft\.com/windows(?:/.*|:.*)?|[^:@]+:[^@]*(?:nanoserver|windowsservercore).*")
_NON_ROOT: Final = {"securityContext": {"runAsNonRoot": True}}


def is_for_windows(stage: BuiltStage) -> bool:
    """Whether a stage's image is for Windows."""
    base = next(part.base for part in stage.lineage() if part.parent is None)
    known = stage.image.image if stage.image is not None else None
    return (known is not None and known.is_for_windows) or _NAMES.fullmatch(base.lower()) is not None


def windows_answers(stage: BuiltStage) -> tuple[Answer, Answer | None]:
    """The answers for a plain pod and for one with runAsNonRoot; the second is None where the base decides."""
    if stage.user is None:
        return explain_on_windows(None, {}, {}), None
    image = windows_image(stage.user)
    return explain_on_windows(image, {}, {}), explain_on_windows(image, _NON_ROOT, {})


def windows_image(user: str) -> Image:
    """An image for Windows with a user."""
    return Image(user, files_known=False, is_for_windows=True)


def windows_findings(stage: BuiltStage) -> Iterator[str]:
    """What is to be said of a stage's USER."""
    line = stage.user_line
    if line is None:
        return
    becomes = "decides" if line.value == line.written else f'becomes "{line.value}"'
    yield f"line {line.line}: USER {line.written} {becomes if line.value is not None else 'depends on the base'}"
