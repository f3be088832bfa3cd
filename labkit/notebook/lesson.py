"""The lab as one lesson sees it: what a notebook calls `lab`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

from labkit.core.admission.policy import LATEST
from labkit.core.mappings import Manifest
from labkit.core.pods.objects import Applied, Rollout
from labkit.core.pods.outcome import Outcome
from labkit.core.run_results import RunResult
from labkit.course.check_views import LessonStatus
from labkit.course.checking import Checking, CheckResult, Hint
from labkit.course.guessing import Guess, Guessing
from labkit.course.progress import Progress
from labkit.lab.container import Container
from labkit.lab.lab_tables import status_table
from labkit.lab.samples.image_facts import FileFact, ImageFacts
from labkit.notebook.answer_cells import AnswerCells
from labkit.notebook.interrupts import brief_interrupts
from labkit.notebook.lesson_containers import LessonContainers
from labkit.notebook.lesson_images import LessonImages
from labkit.notebook.lesson_pods import LessonPods
from labkit.notebook.lesson_workloads import LessonWorkloads
from labkit.notebook.lesson_world import LessonLooks, LessonStarts, LessonWorld
from labkit.notebook.opened_lesson import OpenedLesson
from labkit.notebook.shell_cells import names_of_kernel
from labkit.notebook.threats import Threats
from labkit.publish.published import Published
from labkit.show.steps import in_notebook
from labkit.show.table import Table

Command = str | Sequence[str]
"""A command: text is split into words, and read by no shell."""

GivenManifest = str | Mapping[str, Any]
"""YAML text, the name of its file, or a mapping.

A sample image's name in it, such as `image: debian`, means the lab's image.
"""


@brief_interrupts("lab")
class Lesson:
    """What a lesson does with images, containers, pods and exercises. `labkit.open` opens one.

    Args:
        lesson: the lesson, opened; making a Lesson of it touches neither engine, cluster nor disk.
        progress: the participant's.
    """

    def __init__(self, lesson: OpenedLesson, progress: Progress) -> None:
        self.threats = Threats(lesson.lab, lesson.labels)
        """What an attacker could do: probes, the vulnerable app, the matrix, the worksheet."""
        self._lesson = lesson
        self._images = images = LessonImages(lesson)
        self._containers = containers = LessonContainers(lesson)
        self._pods = pods = LessonPods(lesson, images)
        self._workloads = workloads = LessonWorkloads(lesson, images)
        look = LessonLooks(lesson.lab, images, pods, workloads)
        start = LessonStarts(images, containers, pods, workloads, self.threats)
        self._guessing = Guessing(lesson.name, progress)
        self._answer_cells = AnswerCells(names_of_kernel)
        lesson.before_each_cell += [self._guessing.next_cell, self._answer_cells.begin]
        lesson.after_each_cell.append(self._answer_cells.end)
        self._world = LessonWorld(look, start, self._require_namespace)
        self._checking = Checking(lesson.name, self._world, progress)

    # --- the lesson ---

    @property
    def name(self) -> str:
        """The notebook's name without its ending."""
        return self._lesson.name

    @property
    def namespace(self) -> str:
        """The lesson's own namespace; each reset gives it a new one. It is there once the cluster is."""
        return self._lesson.namespace

    def status(self) -> Table:
        """How the lab is."""
        return status_table(self._lesson.lab.status())

    def reset(self) -> None:
        """Begin again: an empty namespace, none of your containers, none of your images."""
        self._lesson.reset()
        if in_notebook():
            print(
                f"reset: the lesson is empty; its namespace is {self._lesson.own_namespace or 'made with the cluster'}"
            )

    def close(self) -> None:
        """Remove the lesson's namespace with all in it, its containers and its images; the lab stays up."""
        self._lesson.close()
        if in_notebook():
            print("closed: the lesson's namespace, containers and images are gone; the lab stays up")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return str(self._status_line())

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        # IPython's hook for both at once: each look at the lab asks the engine for every image.
        line = self._status_line()
        return {"text/plain": str(line), "text/html": line._repr_html_()}

    def _status_line(self) -> LessonStatus:
        passed, exercises = self._checking.standing()
        status = self._lesson.lab.status()
        return LessonStatus.of(self.name, self._lesson.own_namespace, status, exercises=exercises, passed=passed)

    # --- images ---

    def images(self) -> Table:
        """The sample images, with their users and sources."""
        return self._images.images()

    def image(self, name: str) -> ImageFacts:
        """What a sample image, or any that the engine has, says of itself: Config.User, environment, passwd."""
        return self._images.image(name)

    def file(self, image: str, path: str) -> FileFact:
        """Who owns a file or folder of an image, and its mode, without running it.

        Args:
            image: a sample image, or any reference that the engine has.
            path: from the image's root.

        Raises:
            Misuse: nothing is there; what lies nearest is named.
        """
        if (file := self._images.file(image, path)) is None:
            raise self._images.no_such_path(image, path)
        return file

    def program(self, file: str) -> str:
        """A file of the article's program, which `publish` publishes: "Program.cs" or "hello.csproj".

        Args:
            file: its name.
        """
        return self._images.program(file)

    def publish(
        self, *arguments: str, item: str = "", name: str = "my-app", strict: bool = False, project: str = ""
    ) -> Published:
        """Publish the article's program into the engine, as `dotnet publish -t:PublishContainer` does.

        Args:
            arguments: as one types them, such as "-p:ContainerUser=root".
            item: one more item in the project file, as XML.
            name: the image's name.
            strict: whether a warning is an error.
            project: the folder of a project file of yours, such as "hello"; the program stays the article's.
        """
        return self._images.publish(*arguments, item=item, name=name, strict=strict, project=project)

    def build(self, dockerfile: str, name: str = "my-image") -> RunResult:
        """Build an image, as `docker build` does; a build that stops is a result with an exit status, not an error.

        Args:
            dockerfile: the path of the file, such as "menu/Dockerfile", whose folder is the context; or its text, with
                no other files, so that COPY can copy between stages alone. After FROM a sample image's name means the
                lab's image.
            name: the image's name.
        """
        return self._images.build(dockerfile, name)

    # --- containers ---

    def run(self, image: str, command: Command | None = None, *, user: str | int | None = None) -> RunResult:
        """Run a command in a new container, as `docker run --rm` does.

        Args:
            image: a sample image, or any reference that the engine has.
            command: overrides the image's entrypoint; text is split into words and read by no shell.
            user: as `docker run --user`.
        """
        return self._containers.run(image, command, user=user)

    def start(self, image: str, command: Command | None = None, *, user: str | int | None = None) -> Container:
        """Start a container that stays, as `docker run --detach` does; it goes when the lesson is reset or closed.

        Args:
            image: a sample image, or any reference that the engine has.
            command: overrides the image's entrypoint. Base images, which would end at once, are kept busy.
            user: as `docker run --user`.
        """
        return self._containers.start(image, command, user=user)

    # --- pods ---

    def pod(
        self,
        image: str,
        *,
        pod: Mapping[str, Any] | None = None,
        container: Mapping[str, Any] | None = None,
        command: Command | None = None,
        init: str | None = None,
        name: str | None = None,
    ) -> Outcome:
        """Make a pod of an image and watch it until it runs or is refused.

        Args:
            image: a sample image, or one of your own.
            pod: the pod's securityContext, as in pod={"runAsNonRoot": True}.
            container: the container's securityContext.
            command: overrides the image's entrypoint. Base images, which would end at once, are kept busy.
            init: a sample image whose `id` runs first, as an init container.
            name: the pod's; one that has it already is replaced. Without it each pod gets a new one.
        """
        return self._pods.pod(image, pod=pod, container=container, command=command, init=init, name=name)

    def apply(self, manifest: GivenManifest) -> Outcome:
        """Make a pod of your own manifest and watch it until it runs or is refused.

        Args:
            manifest: of one Pod; a pod of that name is replaced.
        """
        return self._pods.apply(manifest)

    def sample(self, name: str) -> Manifest:
        """A manifest of the course, to be changed and applied.

        Args:
            name: of its file in cluster/manifests, without the ending.
        """
        return self._pods.sample(name)

    def admission(self, manifest: GivenManifest) -> Outcome | None:
        """Ask the API server for a pod without making it (a dry run); its no, or None if it would let it in.

        Args:
            manifest: of one Pod, as for `apply`, or of what makes pods: of a Deployment a pod of its template is
                asked for.
        """
        return self._pods.admission(manifest)

    def pods(self) -> Table:
        """The lesson's pods as they are now: name, phase, and what a container of it waits for."""
        rows = self._pods.pods()
        return Table("", ("pod", "phase", "waits for"), rows) if rows else Table("", (), (), "The lesson has no pod.")

    def manifest(self, pod: Outcome | str) -> Manifest:
        """A pod as the API gives it; empty if it does not exist."""
        return self._pods.manifest(pod)

    def look_at(self, pod: Outcome | str, seconds: float = 0.0) -> Outcome | None:
        """A pod of the lesson as it is now, or the API server's last no to it; None if there was none of that name.

        Args:
            pod: its name, or what `pod` or `apply` returned.
            seconds: the timeout, until when it has to be decided.
        """
        return self._pods.look_at(pod, seconds)

    def ending(self, pod: Outcome | str, seconds: float = 15.0) -> Outcome:
        """How a pod ended whose program stops by itself, soon after its start.

        Args:
            pod: its name, or what `pod` or `apply` returned.
            seconds: the timeout.
        """
        return self._pods.ending(pod, seconds)

    def page(self, pod: Outcome | str, port: int, path: str = "/") -> RunResult:
        """Ask a pod's port for a page, through the API server.

        Args:
            pod: its name, or what `pod` or `apply` returned.
            port: the port that its app listens on.
            path: of the page.
        """
        return self._pods.page(pod, port, path)

    def exec(self, pod: Outcome | str, command: Command, container: str | None = None) -> RunResult:
        """Run a command in a pod's container, as `kubectl exec` does; there is no way to say as whom.

        Args:
            pod: its name, or what `pod` or `apply` returned.
            command: what to run; text is split into words and read by no shell.
            container: which, as `--container`. Without it the one that the pod's annotation
                kubectl.kubernetes.io/default-container names, or else the first.
        """
        return self._pods.exec(pod, command, container)

    # --- what is not a pod ---

    def create(self, manifest: GivenManifest) -> Applied:
        """Make or change what is not a pod, and see what the API server says to it.

        Args:
            manifest: of one Deployment, Secret or ConfigMap.
        """
        return self._workloads.create(manifest)

    def rollout(self, deployment: str, seconds: float = 15.0) -> Rollout:
        """What became of a Deployment: how many of its pods came, or why they do not.

        Args:
            deployment: its name.
            seconds: the timeout, until when that has to be known.
        """
        return self._workloads.rollout(deployment, seconds)

    def enforce(self, level: str = "restricted") -> Applied:
        """Have the lesson's namespace enforce a Pod Security level by its newest rules, until the lesson is reset.

        Args:
            level: privileged, baseline or restricted.
        """
        return self._workloads.enforce(level)

    def enforced(self) -> str:
        """The Pod Security level that the lesson's namespace enforces; privileged if it has no such label.

        One that is pinned to the rules of a version has it behind a colon, as in restricted:v1.30.
        """
        policy = self._workloads.enforced()
        return policy.level if policy.version == LATEST else str(policy)

    # --- exercises ---

    def guess(self, question: str, options: Sequence[str], choice: str | int | None = None) -> Guess:
        """Guess, before the next cell shows what is so. It is kept for you, and nothing is graded by it.

        Args:
            question: it.
            options: what can be chosen; in a notebook, buttons.
            choice: one of them, or its number, where you would rather type than press.
        """
        return self._guessing.guess(question, options, choice)

    def guesses(self) -> Table:
        """What you guessed in this lesson, beside what is so."""
        return self._guessing.guesses()

    def check(self, name: str = "", answer: object = None) -> CheckResult:
        """Look at what there is now, and say how an exercise stands.

        Args:
            name: of the exercise.
            answer: what your cell gave, where the exercise asks for an answer.
        """
        if self._lesson.is_closed:
            self._require_namespace()
        self._world.begin()
        cells = self._answer_cells
        return self._checking.check(name, answer, cells.failure(), cells.error_before())

    def _require_namespace(self) -> None:
        # One that was opened while the cluster is being made has none yet.
        if self._lesson.own_namespace or self._lesson.is_closed:
            self._lesson.require_namespace()

    def hint(self, name: str = "", number: int | None = None) -> Hint:
        """The next hint of an exercise, or one by its number."""
        return self._checking.hint(name, number)

    def solution(self, name: str = "", *, put: bool = False) -> Hint:
        """A solution of an exercise.

        Args:
            name: of the exercise.
            put: whether to put it into the file that the exercise edits; yours is kept beside it.
        """
        return self._checking.solution(name, put=put)
