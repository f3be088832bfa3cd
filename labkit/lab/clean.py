"""Removing what the lab made, found by its label from outside, so that it works after any crash."""

from __future__ import annotations

import contextlib
import errno
import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path

from labkit.adapters.engine import Engine, EngineUnreachable, ListedImage
from labkit.adapters.engine.removal_rounds import remove_in_rounds
from labkit.base.errors import LabFailed
from labkit.base.locks import locked
from labkit.base.log import stop_log_file
from labkit.base.scratch import remove_abandoned_scratch
from labkit.lab.bringup.background import stop_background
from labkit.lab.cache_users import other_cache_users, remove_cache_user
from labkit.lab.classroom.mirror import Mirror
from labkit.lab.classroom.registry import Registry
from labkit.lab.lab import Lab

_TRIES = 10
"""Of removing a folder: whoever waits for the lab's lock makes it anew there while the folder goes."""


def clean(lab: Lab) -> list[str]:
    """Remove the lab's cluster, containers, networks, volumes, images and files.

    What the participant made stays, wherever it lies: progress, worksheets. The cache goes with the last lab that uses
    it: `other_cache_users` has the others.

    Args:
        lab: whose.

    Returns:
        What was removed, one line each.
    """
    if not lab.configuration.state.is_dir():
        stop_log_file()  # It would make the folder, which would have to be removed again.
        return _clean(lab)
    stop_background(lab.configuration)
    with locked(lab.configuration.state / "lock", on_wait=lab.steps.note):
        return _clean(lab)


def _clean(lab: Lab) -> list[str]:
    try:
        engine = lab.engine()
    except EngineUnreachable as error:
        lab.steps.note(f"nothing of the engine's is removed: {error.came_back}")
        return _clean_files(lab)
    return _clean_engine(lab, engine) + _clean_files(lab)


def _clean_engine(lab: Lab, engine: Engine) -> list[str]:
    removed = [f"cluster {lab.configuration.name}"] if lab.cluster().delete() else []
    for container in engine.labelled_containers():
        engine.remove_container(container)
        removed.append(f"container {container}")
    for network in engine.labelled_networks():
        if not engine.containers_in(network):  # Clusters of others may be in the one of kind's.
            engine.remove_network(network)
            removed.append(f"network {network}")
    for volume in engine.labelled_volumes():
        engine.remove_volume(volume)
        removed.append(f"volume {volume}")
    return removed + [f"image {image}" for image in remove_images(engine)]


def remove_images(engine: Engine, *labels: str, listed: Sequence[ListedImage] | None = None) -> list[str]:
    """Remove the lab's images, in rounds: one that others are built on goes once they are gone.

    Args:
        engine: where.
        labels: that they have besides the lab's; each a name, or a name and a value.
        listed: those of these labels, where that has just been asked; None to ask.

    Returns:
        The names that are gone.
    """
    return remove_in_rounds(lambda: engine.labelled_images(*labels), engine.remove_image, listed)


def _clean_files(lab: Lab) -> list[str]:
    removed = ["the registry"] if Registry(lab.configuration, lab.steps).down() else []
    removed += Mirror(lab.configuration).forget(None)
    removed += [f"folder {folder}" for folder in remove_abandoned_scratch()]
    remove_cache_user(lab.configuration)
    folders = [lab.configuration.state]
    if not other_cache_users(lab.configuration):
        folders.append(lab.configuration.cache)
    for folder in folders:
        if folder.is_dir():
            _remove_folder(folder, lab.configuration.data)
            removed.append(f"folder {folder}")
        _remove_if_empty(folder.parent)
    with contextlib.suppress(OSError):
        lab.configuration.data.rmdir()  # Only if the participant has nothing in it.
        _remove_if_empty(lab.configuration.data.parent)
    return removed


def _remove_folder(folder: Path, kept: Path) -> None:
    """Remove a folder but for what is kept in it; one that is a file system of its own stays, empty.

    Raises:
        LabFailed: something in it cannot be removed.
    """
    for tries_left in reversed(range(_TRIES)):
        try:
            return _remove_but(folder, kept)
        except FileNotFoundError:
            return  # Another clean was quicker.
        except OSError as error:
            if error.errno == errno.EBUSY and not any(folder.iterdir()):
                return
            if error.errno != errno.ENOTEMPTY or not tries_left:
                raise _not_removed(folder, error) from error


def _not_removed(folder: Path, error: OSError) -> LabFailed:
    came_back = f"{error.strerror} ({error.filename})"
    remedy = f"look at it, and remove the rest yourself\n  ls -la {shlex.quote(str(folder))}"
    return LabFailed(f"Removing the folder {folder}", came_back, remedy)


def _remove_but(folder: Path, kept: Path) -> None:
    """Remove a folder; if another lies in it, by somebody's choice of LABKIT_DATA, that one stays."""
    if not kept.is_dir() or not kept.resolve().is_relative_to(folder.resolve()):
        shutil.rmtree(folder)
    elif kept.resolve() != folder.resolve():
        for path in folder.iterdir():
            if path.is_dir() and not path.is_symlink():
                _remove_but(path, kept)
            else:
                path.unlink()


def _remove_if_empty(folder: Path) -> None:
    if folder.name == "labkit" and folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
