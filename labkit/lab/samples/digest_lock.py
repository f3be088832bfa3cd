"""Digests that upstream images had when they were last looked at; what is locked is pulled by its digest.

The file lies in the checkout, to be committed like requirements.lock: whoever has the checkout, each laptop of a class
and CI, then pulls the same bytes, and a change of them is a change that one can review. In a user's own folder it
would hold for one person, and nobody would see it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

from labkit.base.errors import LabFailed, Misuse
from labkit.base.files import read_given, write_atomically
from labkit.base.resources import CLUSTER, IS_CHECKOUT

LOCK_FILE = CLUSTER / "images.lock"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def read_lock(file: Path = LOCK_FILE) -> dict[str, str]:
    """Upstream reference -> digest; empty where nothing is locked.

    Raises:
        LabFailed: the file cannot be read as one.
    """
    try:
        digests = json.loads(read_given(file))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise _broken(file, str(error)) from error
    if not isinstance(digests, dict) or not all(
        isinstance(digest, str) and _DIGEST.fullmatch(digest) for digest in digests.values()
    ):
        raise _broken(file, "it is not a table of references and digests")
    return digests


def write_lock(digests: Mapping[str, str], file: Path = LOCK_FILE) -> None:
    """Lock these digests beside those that are locked already.

    Raises:
        Misuse: the kit was installed without its checkout, where the file would be committed.
        LabFailed: the file makes no sense, or cannot be written.
    """
    if file == LOCK_FILE and not IS_CHECKOUT:
        raise Misuse(
            "Locking the digests of upstream images",
            "this labkit was installed without its checkout, in which they would be committed",
            "lock them in the checkout that it is built from, then build and install it again",
        )
    locked = {**read_lock(file), **digests}
    write_atomically(file, json.dumps(locked, indent=2, sort_keys=True) + "\n", mode=0o644)


def locked_reference(reference: str, upstream: str, locked: Mapping[str, str]) -> str:
    """What to pull: the reference, by its digest where its upstream name is locked."""
    digest = locked.get(upstream)
    return f"{reference}@{digest}" if digest else reference


def gone_digest(tried: str, came_back: str, upstream: str, file: Path = LOCK_FILE) -> LabFailed:
    """The error for a locked digest that the registry no longer has.

    Args:
        tried: the pull.
        came_back: what the registry said.
        upstream: the name under which the digest is locked.
        file: where it is.
    """
    remedy = (
        f"take the line of {upstream} out of {file}, then pull what is there now, see what has changed, and lock that"
        "\n  labkit up; labkit images verify; labkit images lock"
    )
    return LabFailed(tried, f"the digest that is locked for it is gone: {came_back.strip()}", remedy)


def _broken(file: Path, why: str) -> LabFailed:
    return LabFailed(
        f"Reading {file}", why, f"restore it, or remove it and lock again\n  rm {file}; labkit images lock"
    )
