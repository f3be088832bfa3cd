"""Which labs use a cache: it is the only thing that labs of different names share."""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path

import platformdirs

from labkit.base.configuration import Configuration
from labkit.base.errors import LabFailed
from labkit.base.files import read_own, write_atomically

_FOLDER = "labs"


def enter_cache_user(configuration: Configuration) -> None:
    """Write down that a lab uses its cache; a cache that cannot be written has no use of it written down."""
    file = _entry(configuration)
    if not file.is_file():
        with contextlib.suppress(LabFailed):  # Whatever needs the cache says why it cannot be written.
            write_atomically(file, f"{configuration.state.absolute()}\n", durable=False)


def remove_cache_user(configuration: Configuration) -> None:
    """Take back what `enter_cache_user` has written down."""
    with contextlib.suppress(OSError):
        _entry(configuration).unlink(missing_ok=True)


def other_cache_users(configuration: Configuration) -> list[Path]:
    """The state folders of the other labs that use the cache of this one, as far as they are there.

    Beside what is written down these are the labs that lie in the usual place, if the cache does.
    """
    states = {state for entry in _entries(configuration.cache) if (state := _read_entry(entry)) is not None}
    if configuration.cache == platformdirs.user_cache_path("labkit"):
        # Whatever has changed a lab has left its lock; what only asked for one left no more than a log.
        states.update(lock.parent for lock in platformdirs.user_state_path("labkit").glob("*/lock"))
    return sorted(state for state in states if not _same(state, configuration.state))


def _entry(configuration: Configuration) -> Path:
    name = hashlib.sha256(bytes(configuration.state.absolute())).hexdigest()[:16]
    return configuration.cache / _FOLDER / name


def _entries(cache: Path) -> list[Path]:
    try:
        return list((cache / _FOLDER).iterdir())
    except OSError:
        return []


def _read_entry(entry: Path) -> Path | None:
    """The state folder that an entry names, if it is there."""
    try:
        state = Path((read_own(entry) or "").strip())
        return state if state.is_absolute() and state.is_dir() else None
    except (OSError, ValueError):
        return None


def _same(state: Path, other: Path) -> bool:
    return state.resolve() == other.resolve()
