"""What a check may ask of the lesson's pods, images and containers, and what it may start. A Protocol, nothing more.

`labkit.notebook.lesson_world` implements it on a real lab.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from labkit.core.mappings import Manifest

if TYPE_CHECKING:
    from labkit.archives import ImageTree
    from labkit.core.admission.policy import Policy
    from labkit.core.pods.objects import Applied, Rollout
    from labkit.core.pods.outcome import Outcome
    from labkit.core.run_results import RunResult
    from labkit.core.started import AppProcess, PodProcesses, Started
    from labkit.explain.rows import Explanations
    from labkit.lab.container import Container
    from labkit.lab.samples.image_facts import ImageFacts
    from labkit.publish.published import Published
    from labkit.threat.evidence import Matrix, Tried


class Looks(Protocol):
    """What a check may look at. Looking runs no program of theirs and changes nothing."""

    def pod(self, name: str) -> Outcome | None:
        """A pod of the lesson as it is now, once it is decided; one that is being deleted does not count.

        If there is none, the API server's last no to one of that name; None if there was no such no.
        """

    def log(self, pod: str, container: str | None = None) -> str:
        """What a container of a pod printed, the one that kubectl would take if none is named.

        Raises:
            Misuse: there is no such pod, or it has no such container.
        """

    def manifest(self, pod: str) -> Manifest:
        """A pod's manifest as the API server has it; empty if it does not exist."""

    def admission(self, manifest: str | Mapping[str, Any]) -> Outcome | None:
        """The API server's no to a pod if it were made now (a dry run); None if it would let it in.

        Of a Deployment, ReplicaSet, StatefulSet, DaemonSet or Job, a pod of its template is asked for.

        Raises:
            Misuse: it is a manifest of none of these.
        """

    def rollout(self, deployment: str) -> Rollout | None:
        """A Deployment as it is now, once it is decided; None if it does not exist."""

    def pods_of(self, deployment: str) -> list[Outcome]:
        """Each pod of a Deployment's template as it is now, once all are decided; none of older templates."""

    def processes_in(self, pod: Mapping[str, Any]) -> Mapping[str, PodProcesses]:
        """The processes of each container of a pod that runs, as the kernel shows them, by the container's name.

        Args:
            pod: as the API server has it, so that it is about the containers that were seen there.
        """

    def deployment(self, name: str) -> Manifest:
        """A Deployment's manifest as the API server has it; empty if it does not exist."""

    def kinds_named(self, name: str) -> list[str]:
        """The kinds of what has a name in the lesson's namespace: Pod, and those that make pods of a template."""

    def names_near(self, name: str) -> list[str]:
        """The names of the lesson's pods and Deployments that one may have mistyped a name into."""

    def not_taken(self, name: str) -> str | None:
        """Why the lesson's last object of a name was not made or changed, in the words of who refused it.

        None if it was taken, or if somebody has changed the Deployment of that name since.
        """

    def processes(self, container: Container) -> Sequence[AppProcess]:
        """What runs in a container of the engine, seen from outside; nothing if it has ended."""

    def enforced(self) -> Policy:
        """The Pod Security level that the lesson's namespace enforces, and of which Kubernetes its rules are."""

    def page(self, pod: str, port: int) -> RunResult:
        """What a pod's port answers to a GET request; the exit status is 0 if it answers with a success."""

    def image(self, name: str) -> ImageFacts | None:
        """What an image says of itself; None if it does not exist."""

    def tree(self, image: str) -> ImageTree | None:
        """All that an image's file system holds: owners, modes, content; None if the image does not exist."""

    def last_stop(self, image: str) -> RunResult | None:
        """The lesson's last build or publish of an image of that name, if it stopped; its message is the builder's."""

    def dockerfile(self, image: str, file: str) -> str | None:
        """The Dockerfile that the lesson's last build of an image was given, if that is the image that there is now.

        Otherwise, what the participant's file has now: somebody has built it in a terminal. None if there is no file.

        Args:
            image: its name; of one that does not exist, because its build stopped, the same is told.
            file: the Dockerfile's path beside the notebooks.
        """

    def published(self, image: str) -> Published | None:
        """What the lesson's last publish of an image gave, warnings included; None if there was none."""

    def digest(self, image: str, *paths: str) -> str | None:
        """The sha256 of the first file of an image that is at one of some paths, links followed; None if none is."""

    def instructions(self, image: str) -> tuple[str, ...]:
        """What an image's history says that its Dockerfiles did, oldest first; nothing if the image does not exist.

        The labels that the lab gives are left out.
        """

    def explain(self, manifest: str) -> Explanations:
        """As whom a manifest's containers would run, and what a gate has against it.

        Raises:
            Misuse: it is not YAML.
        """


class Starts(Protocol):
    """What a check may start, make or set. It goes with the lesson: containers at once, the rest at its reset."""

    def run(self, image: str, command: str | Sequence[str] | None = None, *, user: str | None = None) -> RunResult:
        """Run a command in a new container of an image; the same in the same image is run once."""

    def app(
        self,
        image: str,
        *,
        user: str | None = None,
        groups: Sequence[int] = (),
        variables: Mapping[str, str] | None = None,
        contents: Mapping[str, bytes] | None = None,
        files: Sequence[str] = (),
        seconds: float = 10.0,
    ) -> Started:
        """Start an image as it will be started, look at it from outside once it runs or has ended, and remove it.

        Args:
            image: its name.
            user: as somebody else than it says.
            groups: in further groups.
            variables: in its environment, besides its own.
            contents: what is in files of it instead, by their paths; owners and modes stay.
            files: paths of files to look at in the end.
            seconds: the deadline.
        """

    def exec(self, pod: Outcome | str, command: str | Sequence[str], container: str | None = None) -> RunResult:
        """Run a command in a running pod, in the container that kubectl would take if none is named."""

    def snapshot(self, container: Container) -> str | None:
        """Make an image of a container's file system as it is now; gives its name, None if the container is gone."""

    def pod(
        self,
        image: str,
        *,
        name: str,
        pod: Mapping[str, Any] | None = None,
        container: Mapping[str, Any] | None = None,
        command: str | Sequence[str] | None = None,
    ) -> Outcome:
        """Make a pod of an image with these settings, and watch it until it runs or is refused.

        One that was made for the same before, and is still there, is looked at again.
        """

    def apply(self, manifest: str | Mapping[str, Any]) -> Outcome:
        """Make a pod of a manifest, and watch it until it runs or is refused; as with `pod`, once."""

    def build(self, dockerfile: str, name: str) -> RunResult:
        """Build an image of a Dockerfile's text."""

    def publish(self, *arguments: str, item: str = "", name: str) -> Published:
        """Publish the article's program as an image, as `dotnet publish -t:PublishContainer` does."""

    def enforce(self, level: str) -> Applied:
        """Have the lesson's namespace enforce a Pod Security level."""

    def probe(self, posture: str, *probes: str) -> Tried:
        """Run a posture on the engine and try probes in it; the same in the same image is tried once."""

    def matrix(self, postures: Sequence[str], probes: Sequence[str], where: str) -> Matrix:
        """Try probes in several postures, side by side."""


class World(Protocol):
    """A lesson's world, as its checks meet it."""

    @property
    def look(self) -> Looks:
        """What a check may look at."""

    @property
    def start(self) -> Starts:
        """What a check may start."""
