"""The doctor's round for a class on a cluster: what will not work there, and what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from labkit.adapters.kube.cluster_reader import ClusterReader
from labkit.adapters.kube.cluster_writer import ClusterWriter
from labkit.base.errors import LabError, NoRight
from labkit.core.admission.policy import ENFORCE_LABEL
from labkit.lab.classroom.class_room import cluster_room, needed_room
from labkit.lab.classroom.class_settings import CLASS_LABEL, ClassSettings
from labkit.lab.classroom.class_state import is_default_storage_class
from labkit.lab.classroom.class_trials import ClusterTrial, try_cluster
from labkit.lab.classroom.class_versions import POLICIES, check_version, read_version, why_no_engine
from labkit.lab.classroom.cluster_class import ClusterClass
from labkit.lab.machine.machine_check import Check, not_checked, ok, problem, warning
from labkit.show.steps import Steps

_ADMIN = "ask the cluster's administrator; docs/class.md has the table of rights"


def examine_cluster(
    cluster: ClusterWriter, settings: ClassSettings, participants: int, steps: Steps, *, trials: bool = True
) -> list[Check]:
    """Check all that a class needs of a cluster.

    Args:
        cluster: which.
        settings: of the class.
        participants: how many will come.
        steps: told what is going on.
        trials: whether pods may be started for some seconds, in a namespace that is deleted again.
    """
    version = _looked(lambda: cluster.get("version"))
    checks = [check_version(version, _looked(lambda: cluster.get(POLICIES)))]
    checks += [_rights(cluster, settings, steps), _levels(cluster, settings)]
    checks += [_storage(cluster, settings), _room(cluster, settings, participants)]
    return checks + list(_trials(cluster, settings, steps, trials, why_no_engine(read_version(version))))


def _rights(cluster: ClusterWriter, settings: ClassSettings, steps: Steps) -> Check:
    try:
        ClusterClass(cluster, settings, steps).require_rights()
    except NoRight as error:
        line = settings.line(cluster.access.context, "up", "--dry-run")
        return problem("your rights", error.came_back, f"{_ADMIN}\n  {line}")
    except LabError as error:
        return problem("your rights", error.came_back, error.remedy)
    return ok("your rights", "you may make all that a class is made of")


def _levels(cluster: ClusterWriter, settings: ClassSettings) -> Check:
    """Whether Pod Security is enforced: a privileged pod is tried without effect where the level forbids it."""
    name = "Pod Security"
    try:
        spaces = list(cluster.list("api/v1/namespaces", f"{CLASS_LABEL}={settings.name}"))
    except LabError as error:
        return not_checked(name, error.came_back, _ADMIN)
    enforced = [space for space in spaces if ENFORCE_LABEL in space["metadata"]["labels"]]
    if not enforced:
        return not_checked(
            name, "there is no namespace of the class yet to try it in", "bring the class up, and ask again"
        )
    spec = {"hostNetwork": True, "containers": [{"name": "a", "image": "a"}]}
    metadata = {"name": "asked", "namespace": enforced[0]["metadata"]["name"]}
    answer = cluster.create({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}, dry_run=True)
    if answer.is_ok:
        remedy = "have the admission plugin PodSecurity switched on; without it no level holds, and no lesson on levels"
        return problem(name, "a pod on the host's network was let into a namespace that forbids it", remedy)
    if "violates PodSecurity" not in answer.message:
        return not_checked(name, answer.message, _ADMIN)
    return ok(name, "enforced: a pod on the host's network was refused in a dry run")


def _storage(cluster: ClusterReader, settings: ClassSettings) -> Check:
    name = "storage class"
    classes = _looked(lambda: list(cluster.list("apis/storage.k8s.io/v1/storageclasses")))
    if classes is None:
        return not_checked(name, "you may not list the storage classes", _ADMIN)
    defaults = [str(each["metadata"]["name"]) for each in classes if is_default_storage_class(each)]
    names = sorted(str(each["metadata"]["name"]) for each in classes)
    if settings.storage_class in names or (not settings.storage_class and defaults):
        return ok(name, settings.storage_class or f"{defaults[0]}, the default one")
    lost = "without one, notebooks and progress are lost with each server's pod"
    if not names:
        return warning(name, f"the cluster has none: {lost}", "have one made, or tell the class to export progress")
    line = settings.line(cluster.access.context, "up", "--storage-class", names[0])
    listed = f"none is the default one; there {'is' if len(names) == 1 else 'are'} {', '.join(names)}"
    return warning(name, f"{listed}; {lost}", f"name it\n  {line}")


def _room(cluster: ClusterReader, settings: ClassSettings, participants: int) -> Check:
    name = f"room for {participants}"
    room = _looked(lambda: cluster_room(cluster))
    if room is None:
        return not_checked(name, "you may not list nodes and pods", f"{_ADMIN}; docs/class.md has the sizes")
    needed = needed_room(settings, participants)
    short = [line for line in room.lacking(needed) if line]
    if short:
        most = room.most(needed_room(settings, 1), needed_room(settings, 0))
        remedy = f"take a larger cluster, or a class of {most}; idle servers give their room back after a while"
        return warning(name, "; ".join(short), remedy)
    return ok(name, f"{room.describe()} are free, {needed.describe()} are needed")


def _trials(
    cluster: ClusterWriter, settings: ClassSettings, steps: Steps, wanted: bool, reason: str
) -> Iterator[Check]:
    names, context = ("volumes", "network policies", "engine in a pod"), cluster.access.context
    if not wanted:
        for name in names:
            finding = _joined("no trial was wanted", reason if name == names[2] else "")
            yield not_checked(name, finding, f"try it\n  {settings.line(context, 'doctor')}")
        return
    try:
        trials = try_cluster(cluster, settings, steps)
    except LabError as error:
        for name in names:
            yield not_checked(name, error.came_back, error.remedy)
        return
    yield _of_trial(
        names[0], trials.volumes, "a pod that is not root wrote to one", "name another\n  --storage-class NAME"
    )
    yield _of_trial(names[1], trials.network, "enforced: a pod was kept from another", _ADMIN)
    without = settings.line(context, "up", "--engine", "none")
    yield _of_trial(
        names[2],
        trials.engine
        if trials.engine.is_ok
        else replace(trials.engine, message=_joined(trials.engine.message, reason)),
        "podman can run beside a participant's server",
        f"the course goes without: each cell that needs an engine says what differs\n  {without}",
    )


def _of_trial(name: str, trial: ClusterTrial, finding: str, remedy: str) -> Check:
    if trial.is_ok:
        return ok(name, finding)
    if trial.is_ok is None:
        return not_checked(name, trial.message, "bring the class up, which brings the images, and ask again")
    return warning(name, trial.message, remedy)


def _joined(finding: str, reason: str) -> str:
    return f"{finding}; {reason}" if reason else finding


def _looked(look: Callable[[], Any]) -> Any:
    """What there is to see, None where we may not look."""
    try:
        return look()
    except LabError:
        return None
