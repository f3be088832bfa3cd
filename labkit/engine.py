"""The only file that talks to Docker."""

from __future__ import annotations

import contextlib
import io
import shlex
import subprocess
import tarfile
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any, cast

import docker
import requests
from docker.errors import APIError, DockerException, ImageNotFound, NotFound

from labkit.causes import Cause
from labkit.errors import LabFailed, MachineLacks
from labkit.identity.engine_errors import cause_of_engine_error
from labkit.identity.model import read_version
from labkit.pulling import PULL_SILENCE_SECONDS, heard, pull_failed
from labkit.run_result import RunResult
from labkit.settings import LABEL, Settings

_CONNECT_SECONDS = 10
_RUN_SECONDS = 60.0
_TEXT_BYTES = 1 << 20
_CONFLICT = 409
_COMMAND_NOT_FOUND, _PERMISSION_DENIED, _ENGINE_FAILED, _KILLED = 127, 126, 125, 137


@dataclass(frozen=True)
class ContainerState:
    """What the engine says of a container that stays."""

    running: bool
    image_id: str
    labels: Mapping[str, str]
    exit_status: int | None = None


@dataclass(frozen=True)
class PathInImage:
    """Something at a path of an image: who owns it, its mode in octal, its text if it is a small file."""

    uid: int
    gid: int
    mode: str
    text: str | None


class _Chunks(io.RawIOBase):
    """An iterator of bytes as a file, so that a large file's header can be read without the rest."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        while size < 0 or len(self._rest) < size:
            chunk = next(self._chunks, None)
            if chunk is None:
                break
            self._rest += chunk
        taken = self._rest if size < 0 else self._rest[:size]
        self._rest = self._rest[len(taken) :]
        return taken


class EngineUnreachable(MachineLacks):
    """No engine answers."""


def _translate(doing: str, error: Exception) -> LabFailed:
    """Say an engine's error in the kit's form."""
    if isinstance(error, requests.exceptions.ConnectionError | requests.exceptions.Timeout):
        return LabFailed(doing, "the engine stopped answering", "bring it back and go on\n  labkit up")
    said = str(getattr(error, "explanation", None) or error)
    if "no space left on device" in said:
        return LabFailed(doing, "the engine's disk is full", "free some space\n  docker system df")
    return LabFailed(doing, said, "look at the engine\n  labkit doctor")


@contextlib.contextmanager
def _doing(what: str) -> Iterator[None]:
    try:
        yield
    except (DockerException, requests.exceptions.RequestException) as error:
        raise _translate(what, error) from error


class Engine:
    """A Docker engine, seen through what the lab needs of it."""

    def __init__(self, client: docker.DockerClient, settings: Settings) -> None:
        self._client = client
        # The SDK's low-level API is typed in parts only.
        self._api: Any = client.api
        self._settings = settings

    @classmethod
    def connect(cls, settings: Settings) -> Engine:
        """Connect to the engine that the docker command would use.

        Raises:
            EngineUnreachable: nothing answers, or we may not talk to it.
        """
        try:
            client = docker.from_env(timeout=_CONNECT_SECONDS)
            client.ping()
        except (DockerException, requests.exceptions.RequestException) as error:
            raise EngineUnreachable("Connecting to the engine", *_why_unreachable(error)) from None
        # Builds and runs take their time; what must not hang has a deadline of its own.
        cast(Any, client.api).timeout = None
        return cls(client, settings)

    def info(self) -> dict[str, Any]:
        """What `docker info` tells, as the API gives it."""
        with _doing("Asking the engine about itself"):
            return dict(self._client.info())

    def version(self) -> dict[str, Any]:
        """What `docker version` tells of the server."""
        with _doing("Asking the engine for its version"):
            return dict(self._client.version())

    def runc_version(self) -> tuple[int, int] | None:
        """Major and minor of the engine's runc, None if the engine does not say."""
        components = self.version().get("Components") or []
        return next((read_version(str(one.get("Version"))) for one in components if one.get("Name") == "runc"), None)

    # --- images ---

    def image(self, reference: str) -> dict[str, Any] | None:
        """What `docker image inspect` tells, or None if there is no such image here."""
        with _doing(f"Inspecting {reference}"):
            try:
                return dict(self._api.inspect_image(reference))
            except ImageNotFound:
                return None

    def look_inside(self, reference: str, paths: Sequence[str]) -> dict[str, PathInImage | None]:
        """Look at paths of an image without running anything of it, as `docker cp` does.

        Returns:
            What is at each path, None where there is nothing.
        """
        with _doing(f"Looking into {reference}"):
            container = self._api.create_container(reference, command=["none"], labels=self._settings.labels)
            try:
                return {path: self._look_at(container["Id"], path) for path in paths}
            finally:
                self._api.remove_container(container["Id"], force=True)

    def _look_at(self, container: str, path: str) -> PathInImage | None:
        try:
            chunks, _ = self._api.get_archive(container, path)
        except NotFound:
            return None
        with contextlib.closing(chunks), tarfile.open(fileobj=_Chunks(chunks), mode="r|") as archive:
            member = archive.next()
            if member is None:
                return None
            handle = archive.extractfile(member) if member.isfile() and member.size <= _TEXT_BYTES else None
            text = handle.read().decode("utf-8", "replace") if handle else None
            return PathInImage(member.uid, member.gid, f"{member.mode & 0o7777:o}", text)

    def build(
        self,
        context: bytes,
        reference: str,
        *,
        arguments: Mapping[str, str],
        labels: Mapping[str, str],
        target: str = "",
    ) -> str:
        """Build an image with the engine's classic builder, which every engine has.

        Args:
            context: a tar archive with the Dockerfile in it.
            reference: what to call the result.
            arguments: build arguments.
            labels: labels besides the kit's own.
            target: the stage to build, the last one if empty.

        Returns:
            The image's id.

        Raises:
            LabFailed: the builder's last lines are in the error.
        """
        lines: list[str] = []
        with _doing(f"Building {reference}"), self._replacing(reference):
            for event in self._api.build(
                fileobj=io.BytesIO(context),
                custom_context=True,
                tag=reference,
                buildargs=dict(arguments),
                labels={**self._settings.labels, **labels},
                target=target,
                rm=True,
                forcerm=True,
                decode=True,
            ):
                lines += str(event.get("stream", "")).splitlines()
                if "error" in event:
                    last = "\n".join([*lines[-6:], event["error"]])
                    raise LabFailed(
                        f"Building {reference}", last, "look at the engine and at the disk\n  labkit doctor"
                    )
        image = self.image(reference)
        if image is None:
            raise LabFailed(f"Building {reference}", "no image came of it", "build it again\n  labkit up")
        return str(image["Id"])

    def import_rootfs(self, rootfs: str, reference: str, *, labels: Mapping[str, str], changes: Sequence[str]) -> None:
        """Make an image of a root file system (`docker import`).

        Args:
            rootfs: path of a tar archive.
            reference: what to call the image.
            labels: labels besides the kit's own.
            changes: Dockerfile instructions.
        """
        all_labels = {**self._settings.labels, **labels}
        marks = [f'LABEL "{name}"="{value}"' for name, value in all_labels.items()]
        repository, _, tag = reference.rpartition(":")
        with _doing(f"Importing {reference}"), self._replacing(reference):
            self._api.import_image_from_file(rootfs, repository=repository, tag=tag, changes=[*changes, *marks])

    @contextlib.contextmanager
    def _replacing(self, reference: str) -> Iterator[None]:
        """Remove the lab's image that had a name before, once a new one has it; else each change would leave one.

        Somebody's own image of that name stays, without its name.
        """
        before = self.image(reference)
        yield
        after = self.image(reference)
        ours = before and self._settings.labels.items() <= (before["Config"].get("Labels") or {}).items()
        if before and after and ours and before["Id"] != after["Id"]:
            self.remove_image(before["Id"])

    def pull(self, reference: str, *, silence: float = PULL_SILENCE_SECONDS) -> str:
        """Pull an image for this machine's platform; gives its digest reference.

        Args:
            reference: the image.
            silence: seconds without a word from the registry after which it is given up.

        Raises:
            LabFailed: the registry does not give it; the remedy is for what it said.
        """
        doing = f"Pulling {reference}"
        with _doing(doing):
            events: Iterator[dict[str, Any]] = heard(
                lambda: self._api.pull(reference, stream=True, decode=True), silence, doing
            )
            for event in events:
                if "error" in event:
                    raise pull_failed(doing, str(event["error"]))
        image = self.image(reference) or {}
        return next(iter(image.get("RepoDigests") or []), reference)

    def push(self, image: str, reference: str) -> None:
        """Push an image under another name, which it has here for no longer than that takes.

        Raises:
            LabFailed: the registry does not take it.
        """
        self.tag(image, reference)
        try:
            with _doing(f"Pushing {reference}"):
                for event in self._api.push(reference, stream=True, decode=True):
                    if "error" in event:
                        raise LabFailed(f"Pushing {reference}", str(event["error"]), "see what the registry says")
        finally:
            self.remove_image(reference)

    def put_files(self, container: str, files: Mapping[str, bytes]) -> None:
        """Write files, by their whole paths, into a container; missing folders are made."""
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as tar:
            for path, content in files.items():
                entry = tarfile.TarInfo(path.lstrip("/"))
                entry.size, entry.mode = len(content), 0o644
                tar.addfile(entry, io.BytesIO(content))
        with _doing(f"Writing into {container}"):
            self._api.put_archive(container, "/", packed.getvalue())

    def can_reach_registry(self, reference: str, seconds: float) -> bool:
        """Whether the engine gets an answer about an image from its registry, within so many seconds.

        Asked through the engine, because it is the engine that pulls: its proxies, mirrors and certificates count.
        """
        answered = threading.Event()

        def ask() -> None:
            with contextlib.suppress(DockerException, requests.exceptions.RequestException):
                with contextlib.suppress(NotFound):  # That there is no such image is an answer too.
                    self._api.inspect_distribution(reference)
                answered.set()

        asking = threading.Thread(target=ask, daemon=True)
        asking.start()
        asking.join(seconds)
        return answered.is_set()

    def history(self, reference: str) -> list[dict[str, Any]]:
        """What `docker history` tells, the newest entry first."""
        with _doing(f"Reading the history of {reference}"):
            return list(self._api.history(reference))

    def load_archive(self, archive: IO[bytes], reference: str) -> None:
        """Load an archive as `docker load` does; an image of the lab that had the name before goes, no other one.

        Raises:
            LabFailed: the engine does not take it.
        """
        with _doing(f"Loading {reference} into the engine"), self._replacing(reference):
            for line in self._api.load_image(archive):
                if problem := line.get("error"):
                    raise LabFailed(f"Loading {reference} into the engine", str(problem), "try again")

    def save_image(self, reference: str, target: IO[bytes]) -> None:
        """Write an image as `docker save` does."""
        with _doing(f"Saving {reference}"):
            for chunk in self._api.get_image(reference, chunk_size=1 << 20):
                target.write(chunk)

    def tag(self, image: str, reference: str) -> None:
        """Give an image another name."""
        repository, _, tag = reference.rpartition(":")
        with _doing(f"Tagging {image} as {reference}"):
            self._api.tag(image, repository, tag)

    def remove_image(self, reference: str) -> bool:
        """Remove a name of an image, and the image with its last name.

        Returns:
            False if there is none, or if another image or a container stands on it.
        """
        with _doing(f"Removing {reference}"):
            try:
                self._api.remove_image(reference, force=False)
            except ImageNotFound:
                return False
            except APIError as error:
                if error.status_code == _CONFLICT:
                    return False
                raise
        return True

    def labelled_images(self, *, nameless: bool = False) -> list[dict[str, Any]]:
        """The images that carry this lab's label; only those without a name on which nothing stands, if asked."""
        filters: dict[str, Any] = {"label": f"{LABEL}={self._settings.name}"}
        if nameless:
            filters["dangling"] = True
        with _doing("Listing the lab's images"):
            return list(self._api.images(filters=filters, all=not nameless))

    # --- containers ---

    def run(
        self,
        reference: str,
        command: Sequence[str] | None = None,
        *,
        user: str | None = None,
        options: Mapping[str, Any] | None = None,
        deadline: float = _RUN_SECONDS,
    ) -> RunResult:
        """Run a command in a new container, as `docker run --rm` does, and say what happened.

        Args:
            reference: the image; it is never pulled.
            command: what to run in place of the image's entrypoint; None for what the image says.
            user: as `docker run --user`.
            options: more of the engine's HostConfig, by the SDK's names (for postures and for the node's making).
            deadline: seconds after which the container is killed.

        Returns:
            The output and how it ended; an engine that refuses is a result, not an error.

        Raises:
            LabFailed: the engine went away.
        """
        line = docker_run_line(reference, command, user)
        api = self._api
        try:
            container = api.create_container(
                reference,
                command=list(command[1:]) if command else None,
                entrypoint=[command[0]] if command else None,
                user=user,
                labels=self._settings.labels,
                host_config=api.create_host_config(**(options or {})),
            )["Id"]
        except ImageNotFound as error:
            return RunResult(line, "", _ENGINE_FAILED, Cause.IMAGE_MISSING, str(error.explanation))
        except APIError as error:
            return _refused(line, error)
        except requests.exceptions.RequestException as error:
            raise _translate(f"Running {line}", error) from error
        try:
            return self._start_and_wait(container, line, deadline)
        finally:
            with contextlib.suppress(DockerException, requests.exceptions.RequestException):
                api.remove_container(container, force=True, v=True)

    def _start_and_wait(self, container: str, line: str, deadline: float) -> RunResult:
        api = self._api
        try:
            api.start(container)
        except APIError as error:
            return _refused(line, error)
        with _doing(f"Running {line}"):
            try:
                status = int(api.wait(container, timeout=deadline)["StatusCode"])
            except requests.exceptions.ConnectionError as error:
                if not _is_timeout(error):
                    raise
                output = self._logs(container)
                return RunResult(line, output, _KILLED, Cause.TIMEOUT, f"still running after {deadline:.0f} s")
            except requests.exceptions.Timeout:
                return RunResult(
                    line, self._logs(container), _KILLED, Cause.TIMEOUT, f"still running after {deadline:.0f} s"
                )
            return RunResult(line, self._logs(container), status)

    def launch(
        self,
        reference: str,
        arguments: Sequence[str],
        *,
        entrypoint: Sequence[str] | None = None,
        user: str | None = None,
        environment: Mapping[str, str] | None = None,
        options: Mapping[str, Any] | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> str:
        """Start a container that stays, with arguments for its image's entrypoint; gives its id.

        Args:
            reference: the image; it is never pulled.
            arguments: for its entrypoint.
            entrypoint: in place of the image's.
            user: as `docker run --user`.
            environment: variables besides the image's own.
            options: more of the engine's HostConfig, by the SDK's names.
            labels: besides the kit's own.

        Raises:
            LabFailed: the engine does not start it; nothing of it is left.
        """
        with _doing(f"Starting a container of {reference}"):
            container = str(
                self._api.create_container(
                    reference,
                    command=list(arguments),
                    entrypoint=list(entrypoint) if entrypoint else None,
                    user=user,
                    environment=dict(environment or {}),
                    labels={**self._settings.labels, **(labels or {})},
                    host_config=self._api.create_host_config(**(options or {})),
                )["Id"]
            )
            try:
                self._api.start(container)
            except BaseException:
                self.remove_container(container)
                raise
        return container

    def output(self, container: str) -> str:
        """All that a container has printed so far."""
        with _doing("Reading what a container printed"):
            return self._logs(container)

    def address(self, container: str) -> str:
        """A container's address in the engine's own network."""
        with _doing("Asking for a container's address"):
            networks = self._api.inspect_container(container)["NetworkSettings"]["Networks"]
        return next((str(one["IPAddress"]) for one in networks.values() if one.get("IPAddress")), "")

    def _logs(self, container: str) -> str:
        return bytes(self._api.logs(container)).decode("utf-8", "replace").strip()

    def container(self, name: str) -> ContainerState | None:
        """What became of a container that stays, such as the node; None if there is none of that name."""
        with _doing(f"Looking for container {name}"):
            try:
                found = self._api.inspect_container(name)
            except NotFound:
                return None
        state = found["State"]
        running = bool(state["Running"]) and not state.get("Paused")
        status = None if running else int(state.get("ExitCode") or 0)
        return ContainerState(running, found["Image"], found["Config"].get("Labels") or {}, status)

    def start(self, name: str) -> None:
        """Start a container that was stopped, or let one go on that was paused."""
        with _doing(f"Starting container {name}"):
            container = self._client.containers.get(name)
            if container.status == "paused":
                container.unpause()
            else:
                container.start()

    def stop(self, name: str, seconds: int = 10) -> None:
        """Stop a container, by force after so many seconds; nothing if there is none."""
        with _doing(f"Stopping container {name}"), contextlib.suppress(NotFound):
            self._api.stop(name, timeout=seconds)

    def remove_container(self, name: str) -> None:
        """Remove a container with its anonymous volumes, running or not; nothing if there is none."""
        with _doing(f"Removing container {name}"), contextlib.suppress(NotFound):
            self._api.remove_container(name, force=True, v=True)

    def commit(self, container: str, reference: str, *, labels: Mapping[str, str], changes: Sequence[str]) -> None:
        """Make an image of a container's file system."""
        marks = [f'LABEL "{name}"="{value}"' for name, value in {**self._settings.labels, **labels}.items()]
        repository, _, tag = reference.rpartition(":")
        with _doing(f"Committing {reference}"), self._replacing(reference):
            self._api.commit(container, repository, tag, changes="\n".join([*changes, *marks]))

    def execute(self, container: str, command: Sequence[str]) -> tuple[int, str]:
        """Run a command in a running container of the lab; gives its exit status and all that it printed."""
        with _doing(f"Running {command[0]} in {container}"):
            process = self._api.exec_create(container, list(command))["Id"]
            output = bytes(self._api.exec_start(process)).decode("utf-8", "replace")
            return int(self._api.exec_inspect(process)["ExitCode"]), output

    def labelled_containers(self, *more: str) -> list[str]:
        """The names of the containers that carry this lab's label, and more labels if asked, running or not.

        A container has the labels of its image, so these include the node and whatever else anyone started from
        an image of the lab.
        """
        return self._labelled("containers", lambda filters: self._api.containers(all=True, filters=filters), more)

    def labelled_networks(self) -> list[str]:
        """The names of the networks that carry this lab's label."""
        return self._labelled("networks", lambda filters: self._api.networks(filters=filters))

    def labelled_volumes(self) -> list[str]:
        """The names of the volumes that carry this lab's label."""
        return self._labelled("volumes", lambda filters: self._api.volumes(filters=filters)["Volumes"] or [])

    def _labelled(self, kind: str, find: Any, more: Sequence[str] = ()) -> list[str]:
        with _doing(f"Listing the lab's {kind}"):
            found = find({"label": [f"{LABEL}={self._settings.name}", *more]})
        return [str(one["Names"][0]).lstrip("/") if one.get("Names") else str(one["Name"]) for one in found]

    def remove_network(self, network: str) -> None:
        """Remove a network."""
        with _doing(f"Removing network {network}"), contextlib.suppress(NotFound):
            self._api.remove_network(network)

    def remove_volume(self, volume: str) -> None:
        """Remove a volume."""
        with _doing(f"Removing volume {volume}"), contextlib.suppress(NotFound):
            self._api.remove_volume(volume)

    # --- images into containers ---

    def pipe_images(self, references: Iterable[str], receiver: Sequence[str]) -> None:
        """Stream images, as `docker save` writes them, into a docker command's standard input.

        The SDK cannot stream into an exec; the docker command, which kind needs anyway, can.

        Args:
            references: the images.
            receiver: arguments of a second docker command.

        Raises:
            LabFailed: either command failed.
        """
        platform = ["--platform", f"linux/{self._architecture()}"] if self.has_containerd_store() else []
        saving = subprocess.Popen(
            ["docker", "save", *platform, *references],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
        )
        try:
            loading = subprocess.run(["docker", *receiver], stdin=saving.stdout, capture_output=True, check=False)
        finally:
            if saving.stdout is not None:
                saving.stdout.close()
            _, said = saving.communicate()
        failed = said if saving.returncode else loading.stderr
        if saving.returncode or loading.returncode:
            last = failed.decode("utf-8", "replace").strip().splitlines()[-3:]
            came_back = "\n".join(last) or "the docker command ended without a word"
            raise LabFailed("Loading images into the node", came_back, "try again\n  labkit up")

    def disk_usage(self) -> int:
        """Bytes that images, containers and volumes take, shared layers counted once."""
        with _doing("Measuring the engine's disk"):
            usage = self._api.df()
        containers = sum(int(one.get("SizeRw") or 0) for one in usage.get("Containers") or [])
        volumes = sum(int((one.get("UsageData") or {}).get("Size") or 0) for one in usage.get("Volumes") or [])
        return int(usage.get("LayersSize") or 0) + containers + max(volumes, 0)

    def has_containerd_store(self) -> bool:
        """Whether images live in containerd's store, where an image may hold several platforms."""
        return any("io.containerd.snapshotter" in part for _, part in self.info().get("DriverStatus") or [])

    def _architecture(self) -> str:
        return str(self.version().get("Arch", "amd64"))


def docker_run_line(reference: str, command: Sequence[str] | None, user: str | None) -> str:
    """The line to type for what `Engine.run` does."""
    words = ["docker", "run", "--rm"]
    if user is not None:
        words += ["--user", user]
    if command:
        words += ["--entrypoint", command[0]]
    return shlex.join([*words, reference, *(command[1:] if command else ())])


def _refused(line: str, error: APIError) -> RunResult:
    """The result of an engine's refusal, with the exit status that the docker command would give."""
    message = str(error.explanation or error).strip()
    cause = cause_of_engine_error(message)
    status = {Cause.COMMAND_NOT_FOUND: _COMMAND_NOT_FOUND, Cause.PERMISSION_DENIED: _PERMISSION_DENIED}
    return RunResult(line, "", status.get(cause, _ENGINE_FAILED) if cause else _ENGINE_FAILED, cause, message)


def _is_timeout(error: requests.exceptions.ConnectionError) -> bool:
    return "Read timed out" in str(error)


def _why_unreachable(error: Exception) -> tuple[str, str]:
    said = str(error)
    if "Permission denied" in said or "PermissionError" in said:
        return (
            "the engine is there, but this user may not talk to it",
            "join the docker group, then log in again\n  sudo usermod -aG docker $USER",
        )
    if "FileNotFoundError" in said or "No such file" in said:
        return "there is no engine's socket", "see what to install or start\n  labkit doctor"
    if "Connection refused" in said or "ConnectionRefused" in said:
        return "the engine is installed but not running", "start it\n  labkit up"
    return said, "see what the machine lacks\n  labkit doctor"
