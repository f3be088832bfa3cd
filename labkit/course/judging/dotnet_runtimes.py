"""Programs of .NET, which are given an app's assembly and execute that. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import PurePosixPath

_DOTNET = "/usr/bin/dotnet"
_SAMPLES = ("runtime", "runtime-chiseled")


def dotnet_digests(digest_of: Callable[[str, str], str | None], *samples: str) -> set[str]:
    """The sha256 of the .NET runtimes of the course: one for each C library, so that an image has its own.

    Args:
        digest_of: gives the sha256 of a sample image's file.
        samples: further sample images that may have one.
    """
    digests = (digest_of(sample, _DOTNET) for sample in dict.fromkeys((*_SAMPLES, *samples)))
    return {digest for digest in digests if digest is not None}


def assembly_of(argv: Sequence[str]) -> str:
    """The assembly that a .NET runtime was given: options may stand before it, and the app's arguments behind it."""
    return next((argument for argument in argv[1:] if PurePosixPath(argument).suffix == ".dll"), "")
