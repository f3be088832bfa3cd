"""Volumes for a class on the lab's own cluster: kind's provisioner makes folders there that root alone can write to."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from labkit.adapters.kube.cluster_writer import ClusterWriter
from labkit.base.errors import LabFailed
from labkit.lab.classroom.class_placement import kind_nodes
from labkit.lab.lab import Lab

_NAME = "labkit-class-test"
_FOLDER = f"/var/lib/{_NAME}"
_CLASSES, _VOLUMES = "apis/storage.k8s.io/v1/storageclasses", "api/v1/persistentvolumes"
_COUNT = 40
"""A claim takes one, and leaves it used: the trial's, the hub's, one for each participant who starts a server."""


@contextlib.contextmanager
def kind_volumes(lab: Lab, cluster: ClusterWriter) -> Iterator[str]:
    """A storage class with volumes that everybody can write to, for as long as the block lasts.

    Args:
        lab: whose own cluster it may be.
        cluster: where they are made.

    Yields:
        Its name; empty on any other cluster, which has a storage class of its own.

    Raises:
        LabFailed: the folders cannot be made.
    """
    if kind_nodes(lab, cluster) != [lab.cluster().node]:
        yield ""
        return
    try:
        _make_folders(lab)
        cluster.post(_CLASSES, _storage_class())
        for number in range(_COUNT):
            cluster.post(_VOLUMES, _volume(number))
        yield _NAME
    finally:
        cluster.delete(f"{_CLASSES}/{_NAME}")
        for number in range(_COUNT):
            cluster.delete(f"{_VOLUMES}/{_NAME}-{number}")
        lab.cluster().execute(["rm", "-rf", _FOLDER])


def _make_folders(lab: Lab) -> None:
    folders = [f"{_FOLDER}/{number}" for number in range(_COUNT)]
    done = lab.cluster().execute(["install", "-d", "-m", "0777", *folders])
    if done.exit_status != 0:
        raise LabFailed("Making folders for volumes on the node", done.stderr.strip(), "look at the node")


def _storage_class() -> dict[str, Any]:
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": _NAME},
        "provisioner": "kubernetes.io/no-provisioner",
    }


def _volume(number: int) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": f"{_NAME}-{number}"},
        "spec": {
            "storageClassName": _NAME,
            "accessModes": ["ReadWriteOnce"],
            "capacity": {"storage": "1Gi"},
            "persistentVolumeReclaimPolicy": "Retain",
            "hostPath": {"path": f"{_FOLDER}/{number}", "type": "Directory"},
        },
    }
