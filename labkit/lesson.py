"""What a notebook does: run, inspect, make pods, each in the lesson's own namespace."""

from __future__ import annotations

import re
import shlex
import shutil
import tempfile
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit.cluster import State
from labkit.course.lessons import require_lesson
from labkit.course.progress import Progress, progress_path
from labkit.engine import Engine
from labkit.errors import LabFailed, Misuse
from labkit.identity.engine_errors import cause_of_engine_error
from labkit.images.contexts import archive_of_dockerfile
from labkit.images.facts import FileFact, ImageFacts
from labkit.images.names import full_name
from labkit.kube import ENFORCE_LABEL, EXEC_FAILED, LESSON_LABEL, Kube, namespace_gone, page_path
from labkit.lab import Lab
from labkit.pods.manifest import container_manifest, kubectl_line, pod_manifest, read_pod, short_name, to_yaml
from labkit.pods.objects import Applied, Rollout, apply_line, read_manifest, read_object
from labkit.pods.outcome import Outcome, pod_summary
from labkit.run_result import RunResult
from labkit.settings import CHECKOUT
from labkit.show.table import Table
from labkit.show.views import images_table, register_views, status_table

if TYPE_CHECKING:
    from labkit.container import Container
    from labkit.course.checking import Checking, CheckResult, Hint
    from labkit.publishing.publish import Published
    from labkit.show.course import LessonStatus
    from labkit.threat.threats import Threats

MANIFESTS = CHECKOUT / "cluster" / "manifests"
"""Manifests that lessons begin with."""

HELLO = CHECKOUT / "cluster" / "apps" / "hello"
"""The article's own program, as the .NET SDK published it."""


class Lesson:
    """The lab as one lesson sees it.

    Args:
        name: the notebook's name without its ending.
        lab: the lab; the one of the environment if not given.

    Raises:
        Misuse: there is no such lesson.
        LabError: the lab cannot be brought up.
    """

    def __init__(self, name: str, lab: Lab | None = None) -> None:
        register_views()
        self.name = require_lesson(name)
        self._lab = lab or Lab()
        self._lab.up()
        self._kube = self._connect()
        self._threats: Threats | None = None
        self._exercises: Checking | None = None
        self._pods = 0
        self._images: set[str] = set()
        self._not_admitted: dict[str, Outcome] = {}
        self.namespace = ""
        self.reset()
        self._progress = Progress.open(progress_path(self._lab.settings))
        self._progress.opened(self.name)

    def _connect(self) -> Kube:
        return self._lab.cluster(self._lab.engine()).kube()

    def __repr__(self) -> str:
        return str(self._stands())

    def _repr_html_(self) -> str:
        return self._stands()._repr_html_()

    def _stands(self) -> LessonStatus:
        from labkit.show.course import LessonStatus

        passed, exercises = self._checking.standing()
        return LessonStatus.of(self.name, self.namespace, self._lab.status(), exercises=exercises, passed=passed)

    def reset(self) -> None:
        """Begin with an empty namespace again, without containers and images of one's own.

        The old namespace goes away in the background.
        """
        self._clear_engine()
        self._not_admitted.clear()
        for namespace in self._kube.namespaces(self.name):
            self._kube.delete_namespace(namespace)
        self.namespace = self._kube.new_namespace(self.name)

    def close(self) -> None:
        """Remove the lesson's namespace and all in it, and the images that it made; the lab stays up."""
        self._clear_engine()
        for namespace in self._kube.namespaces(self.name):
            self._kube.delete_namespace(namespace)
        self._kube.close()

    def _clear_engine(self) -> None:
        """Remove the lesson's containers, and the images that it made."""
        engine = self._lab.engine()
        _remove_containers(engine, self.name)
        while self._images:
            engine.remove_image(self._images.pop())

    # --- looking ---

    def status(self) -> Table:
        """How the lab is."""
        return status_table(self._lab.status())

    def images(self) -> Table:
        """The sample images, with their users and sources."""
        from labkit.images.survey import survey

        return images_table(survey(self._lab))

    def image(self, name: str) -> ImageFacts:
        """What an image says of itself, without running it: Config.User, environment, passwd.

        Args:
            name: of a sample image, or any reference that the engine has.
        """
        return self._lab.image_facts(name)

    def file(self, image: str, path: str) -> FileFact | None:
        """Who owns a file or folder of an image, and its mode, without running it; None if it is not there.

        Args:
            image: a sample image, or any reference that the engine has.
            path: from the image's root.
        """
        engine = self._lab.engine()
        found = engine.look_inside(self._lab.reference(image, engine), [path])[path]
        return FileFact(found.uid, found.gid, found.mode) if found else None

    # --- the engine ---

    def run(self, image: str, command: str | Sequence[str] | None = None, *, user: str | None = None) -> RunResult:
        """Run a command in a new container, as `docker run --rm` does.

        Args:
            image: a sample image, or any reference that the engine has.
            command: in place of the image's entrypoint; text is split into words and read by no shell.
            user: as `docker run --user`.
        """
        return self._lab.run(image, _words(command), user=user)

    def start(self, image: str, command: str | Sequence[str] | None = None, *, user: str | None = None) -> Container:
        """Start a container that stays, as `docker run --detach` does; it goes when the lesson is reset or closed.

        Args:
            image: a sample image, or any reference that the engine has.
            command: in place of the image's entrypoint. Base images, which would end at once, are kept busy.
            user: as `docker run --user`.

        Raises:
            LabFailed: the engine does not start it.
        """
        from labkit.container import start

        return start(self._lab, image, _words(command), user=user, labels={LESSON_LABEL: self.name})

    # --- exercises ---

    @property
    def _checking(self) -> Checking:
        if self._exercises is None:
            from labkit.course.checking import Checking
            from labkit.show.course import offer_help

            self._exercises = Checking(self, self._progress)
            offer_help(self.name, self._exercises)
        return self._exercises

    def check(self, name: str, answer: object = None) -> CheckResult:
        """Look at what there is now, and say how an exercise stands.

        Args:
            name: of the exercise.
            answer: what your cell gave, where the exercise asks for an answer.

        Raises:
            Misuse: the lesson has no such exercise.
            LabError: the lab went away, or the lesson was opened elsewhere.
        """
        if self.namespace not in self._kube.namespaces(self.name):
            raise namespace_gone(self.namespace)
        return self._checking.check(name, answer)

    def hint(self, name: str, number: int | None = None) -> Hint:
        """The next hint of an exercise, or one by its number."""
        return self._checking.hint(name, number)

    def solution(self, name: str) -> Hint:
        """A solution of an exercise."""
        return self._checking.solution(name)

    def manifest(self, pod: str) -> dict[str, Any]:
        """A pod as the API gives it; empty if there is none of that name."""
        return next((one for one in self._kube.pods(self.namespace) if one["metadata"]["name"] == pod), {})

    def look_at(self, pod: str, seconds: float = 0.0) -> Outcome | None:
        """A pod of the lesson as it is now, or the API server's last no to it; None if there was none of that name.

        Args:
            pod: its name.
            seconds: how long to wait for it to be decided.
        """
        if not any(name == pod for name, _, _ in self.pods()):
            return self._not_admitted.get(pod)
        return self._kube.observe(pod, self.namespace, seconds=seconds)

    def ending(self, pod: str, seconds: float = 15.0) -> Outcome:
        """How a pod ended whose program stops by itself, soon after its start.

        Args:
            pod: its name.
            seconds: how long to wait for it.
        """
        return self._kube.ending(pod, self.namespace, seconds)

    # --- threats ---

    @property
    def threats(self) -> Threats:
        """What an attacker could do: probes, the vulnerable app, the matrix, the worksheet."""
        if self._threats is None:
            from labkit.threat.threats import Threats

            self._threats = Threats(self._lab, {LESSON_LABEL: self.name})
        return self._threats

    # --- images of one's own ---

    def publish(self, *arguments: str, item: str = "", name: str = "my-app", strict: bool = False) -> Published:
        """Publish the article's program into the engine, as `dotnet publish -t:PublishContainer` does.

        Args:
            arguments: as one types them, such as "-p:ContainerUser=root".
            item: one more item in the project file, as XML.
            name: the image's name.
            strict: whether a warning is an error.
        """
        from labkit.publishing.publish import Options, publish

        given = (f"-p:ContainerRepository={name}", *arguments)
        with tempfile.TemporaryDirectory(prefix="labkit-app-") as folder:
            app = shutil.copytree(HELLO, Path(folder) / HELLO.name)
            file = app / "hello.csproj"
            text = file.read_text(encoding="utf-8")
            file.write_text(
                text.replace("</Project>", f"  <ItemGroup>{item}</ItemGroup>\n</Project>"), encoding="utf-8"
            )
            done = publish(app, Options(given, strict=strict, back_end="kit"), self._lab)
        self._images.add(name)
        return replace(done, line=f"dotnet publish -t:PublishContainer {shlex.join(given)}")

    def build(self, dockerfile: str, name: str = "my-image") -> RunResult:
        """Build an image, as `docker build` does.

        Args:
            dockerfile: its text; after FROM a sample image's name means the lab's image. There are no other files,
                so COPY can copy between stages alone.
            name: the image's name.

        Returns:
            What the builder said, with its exit status: a build that stops is a result, not an error.
        """
        sample = "|".join(map(re.escape, self._lab.catalogue))
        text = re.sub(
            rf"(?m)^((?:FROM|COPY --from=) ?)({sample})(?=\s|$)",
            lambda found: found[1] + self._lab.settings.image_reference(found[2]),
            textwrap.dedent(dockerfile).strip() + "\n",
        )
        line = f"docker build --tag {name} ."
        try:
            self._lab.engine().build(archive_of_dockerfile(text), name, arguments={}, labels={})
        except LabFailed as stopped:
            return RunResult(line, stopped.came_back.strip(), 1)
        self._images.add(name)
        return RunResult(line, "", 0)

    # --- the cluster ---

    def pod(
        self,
        image: str,
        *,
        pod: Mapping[str, Any] | None = None,
        container: Mapping[str, Any] | None = None,
        command: str | Sequence[str] | None = None,
        init: str | None = None,
        name: str | None = None,
    ) -> Outcome:
        """Make a pod of an image and watch it until it runs or is refused.

        Args:
            image: a sample image.
            pod: the pod's securityContext, with Kubernetes' own names.
            container: the container's.
            command: in place of the image's entrypoint. Base images, which would end at once, are kept busy.
            init: a sample image whose `id` runs first, as an init container.
            name: the pod's; one that has it already is replaced. Without it each pod gets a new one.
        """
        reference = self._in_cluster(image)
        words = _words(command) or self._lab.keep_busy(image)
        one = container_manifest(short_name(reference), reference, command=words, security=container)
        first = [container_manifest("init", self._lab.reference(init), command=["id"])] if init else []
        self._pods += 1
        name = name or f"{short_name(reference)}-{self._pods}"
        return self.apply(pod_manifest(name, [one], init_containers=first, security=pod))

    def _in_cluster(self, image: str) -> str:
        """The reference of an image that the cluster has; one's own is loaded into it first."""
        engine = self._lab.engine()
        reference = self._lab.reference(image, engine)
        if image in self._lab.catalogue:
            return reference
        tagged = reference if ":" in reference.rpartition("/")[2] else f"{reference}:latest"
        inspected = engine.image(reference) or {}
        self._lab.cluster(engine).load({full_name(tagged): str(inspected.get("Id"))})
        return tagged

    def apply(self, manifest: str | Mapping[str, Any]) -> Outcome:
        """Make a pod of one's own manifest and watch it until it runs or is refused.

        Args:
            manifest: YAML text or a mapping, of one Pod. A pod of that name is replaced.

        Raises:
            Misuse: it is not a manifest of one Pod.
        """
        try:
            read = read_pod(manifest)
        except ValueError as error:
            raise Misuse("Reading the manifest", str(error), "give one Pod, as in\n  kubectl explain pod") from error
        self._not_admitted.pop(read["metadata"]["name"], None)
        self._load_own(read)
        outcome = self._kube.make_pod(read, self.namespace)
        outcome = replace(outcome, command=kubectl_line(read, self.namespace), yaml=to_yaml(read))
        if outcome.verdict == "not admitted":
            self._not_admitted[outcome.pod] = outcome
        return outcome

    def sample(self, name: str) -> dict[str, Any]:
        """A manifest of the course, to be changed and applied.

        Args:
            name: of its file in cluster/manifests, without the ending.

        Raises:
            Misuse: there is none of that name.
        """
        file = MANIFESTS / f"{name}.yaml"
        if not file.is_file():
            known = ", ".join(sorted(one.stem for one in MANIFESTS.glob("*.yaml")))
            raise Misuse(f"Looking for manifest {name!r}", "there is none of that name", f"there are {known}")
        return read_manifest(file.read_text(encoding="utf-8"))

    def _load_own(self, manifest: Mapping[str, Any]) -> None:
        """Give the node the images of a pod that the lesson has made."""
        spec = manifest.get("spec") or {}
        named = [one.get("image") for one in (spec.get("containers") or []) if isinstance(one, dict)]
        for image in self._images.intersection(named):
            self._in_cluster(image)

    def create(self, manifest: str | Mapping[str, Any]) -> Applied:
        """Make or change what is no pod, and see what the API server says to it.

        Args:
            manifest: YAML text or a mapping, of one Deployment, Secret or ConfigMap.

        Raises:
            Misuse: it is none of these.
            LabFailed: the API server does not take it.
        """
        try:
            read = read_object(manifest)
        except ValueError as error:
            raise Misuse("Reading the manifest", str(error), "give one, as in\n  kubectl explain deployment") from error
        warnings = self._kube.apply_object(read, self.namespace)
        name = f"{read['kind'].lower()}/{read['metadata']['name']}"
        return Applied(name, warnings, apply_line(read, self.namespace))

    def rollout(self, deployment: str, seconds: float = 15.0) -> Rollout:
        """What became of a Deployment: how many of its pods came, or why they do not.

        Args:
            deployment: its name.
            seconds: how long to wait until that is known.

        Raises:
            Misuse: there is no such Deployment.
        """
        found = self._kube.rollout(deployment, self.namespace, seconds)
        if found is None:
            raise Misuse(f"Looking for deployment {deployment!r}", "there is none", "make it with lab.create")
        return found

    def enforce(self, level: str = "restricted") -> Applied:
        """Have the lesson's namespace enforce a Pod Security level, until the lesson is reset.

        Args:
            level: privileged, baseline or restricted.

        Returns:
            What the API server says, with its warnings about pods that are there already.

        Raises:
            LabFailed: there is no such level.
        """
        warnings = self._kube.enforce(self.namespace, level)
        line = f"kubectl label --overwrite namespace {self.namespace} {ENFORCE_LABEL}={level}"
        return Applied(f"namespace/{self.namespace}", warnings, line)

    def enforced(self) -> str:
        """The Pod Security level that the lesson's namespace enforces; privileged if none is said."""
        return self._kube.enforced(self.namespace)

    def admission(self, manifest: str | Mapping[str, Any]) -> Outcome | None:
        """Ask the API server for a pod without making it (a dry run); its no, or None if it would let it in.

        Args:
            manifest: YAML text or a mapping, of one Pod.
        """
        read = read_pod(manifest)
        read["metadata"] = {"name": f"{read['metadata']['name'][:40]}-asked"}
        return self._kube.create_pod(read, read["metadata"]["name"], self.namespace, dry_run=True)

    def page(self, pod: str, port: int, path: str = "/") -> RunResult:
        """Ask a pod's port for a page, through the API server.

        Args:
            pod: its name.
            port: the port that its app listens on.
            path: of the page.
        """
        answered, text = self._kube.page(pod, self.namespace, port, path)
        line = f"kubectl get --raw {page_path(pod, self.namespace, port, path)}"
        return RunResult(line, text.strip(), 0 if answered else 1)

    def pods(self) -> list[tuple[str, str, str]]:
        """The lesson's pods as they are now: name, phase, and what a container of it waits for."""
        return [pod_summary(pod) for pod in self._kube.pods(self.namespace)]

    def exec(self, outcome: Outcome, command: str | Sequence[str]) -> RunResult:
        """Run a command in a pod's container, as `kubectl exec` does; there is no way to say as whom.

        Args:
            outcome: of the pod.
            command: what to run; text is split into words and read by no shell.
        """
        words = list(_words(command) or ())
        status, output = self._kube.execute(outcome.pod, outcome.namespace, words)
        line = shlex.join(["kubectl", "exec", "--namespace", outcome.namespace, outcome.pod, "--", *words])
        cause = cause_of_engine_error(output) if EXEC_FAILED in output else None
        return RunResult(line, output, status, cause)


def _remove_containers(engine: Engine, lesson: str | None) -> None:
    """Remove the containers that a lesson, or any, left running."""
    label = LESSON_LABEL if lesson is None else f"{LESSON_LABEL}={lesson}"
    for container in engine.labelled_containers(label):
        engine.remove_container(container)


def reset_lessons(name: str | None = None) -> list[str]:
    """Remove the namespaces and containers of one lesson or of all; each gets an empty one when it is opened or reset.

    Args:
        name: the lesson; None for all.

    Returns:
        The namespaces that are gone.
    """
    if name is not None:
        require_lesson(name)
    lab = Lab()
    with _running_kube(lab) as kube:
        _remove_containers(lab.engine(), name)
        namespaces = kube.namespaces(name)
        for namespace in namespaces:
            kube.delete_namespace(namespace)
    return namespaces


def _running_kube(lab: Lab) -> Kube:
    if lab.state() is not State.UP:
        raise LabFailed("Looking for the cluster", f"it is {lab.state()}", "bring it up\n  labkit up")
    return lab.cluster(lab.engine()).kube()


def diagnose(name: str) -> str:
    """Pods, events and logs of a lesson's namespaces as text, for the report of a failed test.

    Args:
        name: the lesson.
    """
    with _running_kube(Lab()) as kube:
        parts = [
            str(kube.judge_now(pod["metadata"]["name"], namespace))
            for namespace in kube.namespaces(name)
            for pod in kube.pods(namespace)
        ]
    return "\n\n".join(parts) or f"lesson {name} has no pods"


def _words(command: str | Sequence[str] | None) -> Sequence[str] | None:
    return shlex.split(command) if isinstance(command, str) else command
