"""What several exercises demand of a pod; each says what was seen instead, and which changes would break it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from labkit.core.admission.pod_security import missing_controls
from labkit.core.mappings import Manifest, ManifestPart
from labkit.course.judging import breaks
from labkit.course.judging.demands import Demand
from labkit.course.judging.dotnet_runtimes import dotnet_digests
from labkit.course.judging.judged_pod import RUNS, JudgedPod, controls_named, why_it_does_not_run
from labkit.course.pod_settings import with_debug_containers
from labkit.course.world import World

ROOT = breaks.everywhere("everything as uid 0", runAsUser=0)
ROOT_UNASKED = breaks.everywhere("uid 0, and nobody insists", runAsUser=0, runAsNonRoot=None)
NOT_INSISTED = (
    ROOT_UNASKED,
    breaks.everywhere("nobody insists", runAsNonRoot=None),
    breaks.container_setting("the containers opt out", runAsNonRoot=False),
)


def _start_another(_: Manifest, spec: ManifestPart) -> None:
    for container in spec["containers"]:
        container |= {"image": "aspnetapp", "command": ["sleep", "600"]}


ANOTHER_PROGRAM = breaks.PodBreak("another program", _start_another)


def runs(asks: str, *, as_root: bool = False, goes_on: bool = False) -> Demand[JudgedPod]:
    """All its containers run, or have run to a good end.

    Args:
        asks: the task's own words for it, to the letter.
        as_root: whether it may run as uid 0, as in a user namespace of its own.
        goes_on: whether it has to run now, so that a good end is not enough.
    """

    def unmet(pod: JudgedPod) -> str | None:
        enough = ("running",) if goes_on else RUNS
        if pod.outcome is None or pod.outcome.verdict not in enough:
            return why_it_does_not_run(pod)
        # The kernel knows of an end before the pod's status does.
        ended = [name for name in _main_containers(pod) if name not in pod.processes] if goes_on else []
        return f"The pod does not run: the program of {' and '.join(ended)} has ended." if ended else None

    return Demand("runs", asks, unmet, (*(() if as_root else (ROOT,)), *((breaks.ends_at_once(),) if goes_on else ())))


def _main_containers(pod: JudgedPod) -> list[str]:
    return [container["name"] for container in pod.spec.get("containers") or []]


def insists(asks: str) -> Demand[JudgedPod]:
    """runAsNonRoot is in force for each of its containers, init containers and sidecars too."""

    def unmet(pod: JudgedPod) -> str | None:
        open_to_root = [name for name, settings in pod.settings_in_force.items() if not settings.get("runAsNonRoot")]
        if not open_to_root:
            return None
        return f"It runs, but nobody insists any more: runAsNonRoot is not true for {' and '.join(open_to_root)}."

    return Demand("insists", asks, unmet, NOT_INSISTED)


def has_containers(asks: str, *, init: tuple[str, ...] = (), main: tuple[str, ...] = ()) -> Demand[JudgedPod]:
    """Its containers are all there, each in its place.

    Args:
        asks: the task's own words for it, to the letter.
        init: the names of its init containers.
        main: the names of its containers.
    """

    def unmet(pod: JudgedPod) -> str | None:
        for field, names in (("initContainers", init), ("containers", main)):
            there = {container["name"] for container in pod.spec.get(field) or []}
            everywhere = {container["name"] for container in pod.containers}
            for name in names:
                if name not in everywhere:
                    return f"The container {name} is gone, and was needed."
                if name not in there:
                    return f"The container {name} is not among {field} any more, so it does not run when it should."
        return None

    return Demand("containers", asks, unmet, tuple(breaks.without_container(name) for name in init))


def has_images(asks: str, images: Mapping[str, str]) -> Demand[JudgedPod]:
    """Its containers are there, with the images that they were given.

    Args:
        asks: the task's own words for it, to the letter.
        images: a sample image for each container's name.
    """

    def unmet(pod: JudgedPod) -> str | None:
        by_name = {container["name"]: container.get("image", "") for container in pod.containers}
        for name, image in images.items():
            if name not in by_name:
                return f"The container {name} is gone, and was needed."
            facts = pod.world.look.image(image)
            if facts is not None and by_name[name] != facts.reference:
                return f"The container {name} has another image now, {by_name[name]}; {image} is what was to run."
        return None

    changed = tuple(breaks.another_image(name, "aspnetapp-chiseled") for name in images)
    return Demand("image", asks, unmet, changed)


def has_image(asks: str, image: str) -> Demand[JudgedPod]:
    """One of its containers is of a sample image, whatever the container is called.

    Args:
        asks: the task's own words for it, to the letter.
        image: the sample image.
    """

    def unmet(pod: JudgedPod) -> str | None:
        facts = pod.world.look.image(image)
        there = [container.get("image", "") for container in pod.spec.get("containers") or []]
        if facts is None or facts.reference in there:
            return None
        return f"{image} is what was to run, and no container of the pod is of it: {', '.join(there)}."

    def change(_: Manifest, spec: ManifestPart) -> None:
        for container in spec["containers"]:
            container["image"] = "aspnetapp-chiseled"

    return Demand("image", asks, unmet, (breaks.PodBreak("aspnetapp-chiseled in its place", change),))


@dataclass(frozen=True)
class SampleApp:
    """The program of a sample image, which is known by its content and by what it is called by.

    Args:
        path: where the sample images have it.
        samples: they have the same program, though perhaps not to the byte; the first is the task's own.
    """

    path: str
    samples: tuple[str, ...]

    def containers_in(self, pod: JudgedPod) -> list[ManifestPart]:
        """A pod's containers in which it runs, whatever image, command or name they have it by."""
        containers = pod.spec.get("containers") or []
        for sample in self.samples:
            if running := [entry for entry in containers if self._runs_in(pod, entry["name"], sample)]:
                return running
        return []

    def _runs_in(self, pod: JudgedPod, container: str, sample: str) -> bool:
        """Whether a container runs a sample image's program itself, or by a .NET runtime."""
        name, digest_of = PurePosixPath(self.path).name, pod.world.look.digest
        for program in pod.processes[container].programs if container in pod.processes else ():
            if program.name == name and program.digest == digest_of(sample, self.path):
                return True
            if program.assembly == f"{name}.dll" and program.digest in dotnet_digests(digest_of, sample):
                return program.assembly_digest == digest_of(sample, f"{self.path}.dll")
        return False


def runs_app(asks: str, app: SampleApp) -> Demand[JudgedPod]:
    """A sample image's program runs in one of its containers, whatever image and command it has it from.

    Args:
        asks: the task's own words for it, to the letter.
        app: the program.
    """

    def unmet(pod: JudgedPod) -> str | None:
        return None if app.containers_in(pod) else in_its_place(pod, app)

    return Demand("program", asks, unmet, (ANOTHER_PROGRAM,))


def in_its_place(pod: JudgedPod, app: SampleApp) -> str:
    """What a pod runs, of which no container has the app."""
    own = PurePosixPath(app.path).name
    names = ", ".join(
        sorted({program.name for running in pod.processes.values() for program in running.programs if program.name})
    )
    if not names:
        why = "give no command in its place, and see that it stays up"
        return f"The pod is to run its app, {own}, which is not running: {why}."
    if own in names.split(", "):
        return f"The pod runs another program of the name {own} in place of its app: not that of {app.samples[0]}."
    return f"The pod runs {names} in place of its app."


def not_as_root(asks: str) -> Demand[JudgedPod]:
    """The runtime reports a uid other than 0 for each container."""

    def unmet(pod: JudgedPod) -> str | None:
        as_root = [name for name, identity in pod.identities.items() if identity.uid == 0]
        return f"It runs, and {' and '.join(as_root)} runs as uid 0." if as_root else None

    return Demand("not as root", asks, unmet, (ROOT_UNASKED,))


def restricted_holds(asks: str) -> Demand[JudgedPod]:
    """The namespace enforces `restricted`, and would let the pod in now."""

    def unmet(pod: JudgedPod) -> str | None:
        if (weaker := weakened(pod.world)) is not None:
            return weaker
        refusal = pod.world.look.admission(with_debug_containers(pod.manifest))
        if refusal is None:
            return None
        names = controls_named(refusal.violations) or refusal.message
        return f"The pod was let in before the label; today the API server would name: {names}."

    changes = (
        breaks.container_setting("it may escalate", allowPrivilegeEscalation=None),
        breaks.container_setting("the usual capabilities", capabilities=None),
        breaks.everywhere("no filter", seccompProfile=None),
    )
    return Demand("restricted", asks, unmet, changes)


def weakened(world: World) -> str | None:
    """How the lesson's namespace lets in more than `restricted` does today; None if it does not.

    Admission judges by the rules of the version that the namespace is pinned to
    (kubernetes/pod-security-admission:policy/registry.go), and older ones lack controls.
    """
    policy = world.look.enforced()
    if policy.level != "restricted":
        return 'The namespace does not enforce restricted, so anything would pass: run lab.enforce("restricted").'
    if missing := missing_controls(policy):
        return (
            f"The namespace enforces restricted as it was in Kubernetes {policy.version.removeprefix('v')}, by its "
            f"label enforce-version. These controls came later, and nobody asks for them there: {', '.join(missing)}."
        )
    return None


def uids(pod: JudgedPod) -> str:
    """As whom its containers run, in words."""
    return " and ".join(f"uid {uid}" for uid in dict.fromkeys(identity.uid for identity in pod.identities.values()))
