"""The lab of the machine for faults: an engine, images and a cluster, and somebody else's things beside them."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import docker

from labkit.adapters.process_stat import has_ended
from labkit.base.waiting import watch
from labkit.core.causes import Cause
from labkit.core.pods.manifest import container_manifest, pod_manifest
from labkit.lab.cluster_kinds.cluster import State
from labkit.lab.lab import Lab
from labkit.lab.machine.engine_daemon import LOG as ENGINE_LOG
from labkit.show.steps import Silent
from tests.faults.bench import Bench, Printed
from tests.faults.leaks import MACHINE, Inventory

FOREIGN = "somebody-elses"
"""The name of a container, an image, a network and a volume that are no lab's."""


LESSON = "07-run-as-non-root"
_BEFORE = "before.json"
_ENGINE_PID = Path("/var/run/docker.pid")
_LOG_BY_HAND = Path("/var/log/dockerd-by-hand.log")
_ENGINE_SECONDS = 180.0
_PATIENCE_SECONDS = 20.0
"""For an engine that is there and may be about to answer."""
_UP_SECONDS = 600.0
_STAYS = re.compile(
    r"file \S+/(\.cache|\.local|\.local/share|\.local/state) is new: d|engine's folder overlay2/\S+ is new"
)
"""What docs/faults.md says is left: the usual folders of a home, and layers that the engine keeps without an image."""

_NODE_STATE = "{{json .State}} restarts: {{.RestartCount}}"
_EVIDENCE = """
date; ctr -n k8s.io tasks ls; ps -eo lstart,args --sort=start_time | cut -c1-100
tail -n 200 /var/log/containerd.log /var/log/kubelet.log
for log in /var/log/pods/kube-system_etcd-*/*/*.log /var/log/pods/kube-system_kube-apiserver-*/*/*.log
do echo "== $log"; head -n 3 "$log"; tail -n 40 "$log"
done
"""
"""What a node knows of its containers: which run, since when, and why others do not."""
_OPEN = "import sys, labkit\nlab = labkit.open({lesson!r})\n"


class LabBench(Bench):
    """A bench with a lab that is up."""

    last: ExitStack
    """What is taken back when the lab is up again."""
    is_working = False
    """Whether the last fault was survived, so that the lab is known to be up."""

    @property
    def folders(self) -> list[Path]:
        """Where the kit may write files."""
        return [self.home, Path("/tmp"), Path("/etc/docker"), Path("/etc/containerd")]

    @property
    def scratch(self) -> Path:
        """Not in the home, whose files are compared before and after."""
        folder = Path(os.environ[MACHINE]) / "scratch"
        folder.mkdir(exist_ok=True)
        return folder

    @property
    def bundle(self) -> Path:
        """What the lab was brought up from."""
        return next((Path(os.environ[MACHINE]) / "class").glob("labkit-bundle*"))

    def lesson(self, cell: str) -> subprocess.Popen[str]:
        """Start a kernel that opens a lesson and runs a cell; an error of the kit's is printed as in a notebook."""
        body = "".join(f"    {line}\n" for line in f"{_OPEN.format(lesson=LESSON)}{cell}".splitlines())
        return self.python(
            "from labkit.base.errors import LabError\n"
            f"try:\n{body}"
            "except LabError as error: print(*error._render_traceback_()); raise SystemExit(1) from None\n"
        )

    def run_lesson(self, cell: str, *, check: bool = True) -> Printed:
        """Open a lesson and run a cell in it.

        Args:
            cell: what is run.
            check: whether it must not end in an error.
        """
        printed = self.finish(self.lesson(cell), "a cell")
        assert not check or printed.status == 0, printed.text
        return printed

    @contextmanager
    def for_one_fault(self) -> Iterator[LabBench]:
        """The bench with an empty transcript, and the lab up."""
        self.transcript, self.undo, self.last = [], ExitStack(), ExitStack()
        with self.last, self.undo:
            if not self.is_working:
                self._bring_up()
            self.is_working = False
            self.transcript.clear()
            yield self

    def _bring_up(self) -> None:
        """Bring the lab up, whatever a fault that was not survived has left: each is judged by itself."""
        up = ("up", "--bundle", str(self.bundle))
        start_engine()
        if self.labkit(*up, seconds=_UP_SECONDS).status != 0:
            self.labkit("clean", "--yes", status=0, seconds=_UP_SECONDS)
            self.labkit(*up, status=0, seconds=_UP_SECONDS)

    def users_files(self) -> dict[str, bytes]:
        """As without a lab; of progress, which lessons add to, what was there before."""
        files = super().users_files()
        kept = json.loads(files.pop(str(self.progress), b"{}"))
        lesson = kept.get("lessons", {}).get(LESSON, {})
        return {**files, "progress": f"{LESSON} opened {lesson.get('opened')}".encode()}

    def others(self) -> dict[str, object]:
        """Somebody's container, image, network and volume, which are there, and docker's configuration."""
        client: Any = docker.APIClient(timeout=int(_ENGINE_SECONDS))
        with contextlib.closing(client) as engine:
            resources: dict[str, object] = {
                "container": engine.inspect_container(FOREIGN)["Id"],
                "image": engine.inspect_image(FOREIGN)["Id"],
                "network": engine.inspect_network(FOREIGN)["Id"],
                "volume": engine.inspect_volume(FOREIGN)["CreatedAt"],
            }
        configuration = self.home / ".docker"
        files = {str(path): path.read_bytes() for path in configuration.rglob("*") if path.is_file()}
        return {**resources, **files}

    def plant_others(self) -> None:
        """Make somebody else's things anew."""
        for kind in ("container", "image", "network", "volume"):
            self.run("docker", kind, "rm", FOREIGN, check=False)
        archive = self.folder / "foreign.tar"
        self.run("tar", "--create", "--file", str(archive), "--directory", str(self.home), ".kube")
        self.run("docker", "import", str(archive), FOREIGN)
        archive.unlink()
        self.run("docker", "network", "create", FOREIGN)
        self.run("docker", "volume", "create", FOREIGN)
        self.run("docker", "create", "--name", FOREIGN, "--volume", f"{FOREIGN}:/kept", FOREIGN, "sleep", "3600")

    @contextmanager
    def shows_why(self) -> Iterator[None]:
        """With an error, print what the engine and the node have logged: it is gone with the machine."""
        try:
            yield
        except Exception:
            with contextlib.suppress(subprocess.TimeoutExpired):  # The engine may hang, and the fault be that.
                print(self.run("tail", "-n", "60", str(ENGINE_LOG), str(_LOG_BY_HAND), check=False))
                print(self.run("docker", "inspect", "--format", _NODE_STATE, self.node, check=False))
                print(self.run("docker", "events", "--since", "3m", "--until", "0s", check=False))
                print(self.in_node(_EVIDENCE, check=False))
            raise

    def require_working(self) -> None:
        """See that the lab is up, runs a container, and refuses a pod for the right cause."""
        with Lab(self.configuration, Silent()) as lab:
            assert lab.state() is State.UP, lab.state()
            assert lab.run("debian", ["id", "-u"]).stdout == "0"
            kube = lab.kube()
            namespace = kube.new_namespace("works")
            container = container_manifest("app", lab.reference("debian"), security={"runAsNonRoot": True})
            outcome = kube.make_pod(pod_manifest("refused", [container]), namespace)
            kube.delete_namespace(namespace)
        assert outcome.cause is Cause.IMAGE_RUNS_AS_ROOT, outcome
        self.is_working = True


def fill(bench: LabBench, folder: Path) -> None:
    """Fill the disk that a folder lies on, and keep it full until the fault is undone.

    What others have removed comes free a while later, and the engine and the cluster go on removing.

    Args:
        bench: whose fault it is.
        folder: the file that takes the last byte goes there.
    """
    filler, full = folder / "filler", bench.scratch / "is-full"
    bench.undo.callback(full.unlink, missing_ok=True)
    bench.undo.callback(filler.unlink, missing_ok=True)
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(shutil.disk_usage(folder).free - (1 << 20), 1))
    append = f"dd if=/dev/zero of={filler} bs=4k conv=notrunc,nocreat oflag=append 2> /dev/null; sync -f {filler}"
    loop = f"while {append}; do : > {full}; sleep 0.1; done"
    filling = subprocess.Popen(["sh", "-c", loop], stderr=subprocess.DEVNULL)
    bench.undo.callback(filling.wait)
    bench.undo.callback(filling.kill)
    bench.wait(full.exists, "the last byte")


def start_engine(before: str = "") -> None:
    """Start the engine of the machine, as it would by itself, if it does not run; one that hangs is ended before.

    Args:
        before: Python that runs first in its process.
    """
    if watch(engine_answers, bool, _PATIENCE_SECONDS if _ENGINE_PID.is_file() else 0.0):
        return
    end_engine()
    script = f"{before}\nimport os; os.execvp('dockerd', ['dockerd'])"
    behind = f'setsid "$@" < /dev/null >> {_LOG_BY_HAND} 2>&1 &'
    subprocess.run(["sh", "-c", behind, "sh", sys.executable, "-P", "-c", script], check=True)
    assert watch(engine_answers, bool, _ENGINE_SECONDS), "the engine does not start"


def end_engine() -> None:
    """Kill an engine that is there and does not answer; one whose number another process has now is none."""
    with contextlib.suppress(OSError, ValueError):
        pid = int(_ENGINE_PID.read_text(encoding="utf-8"))
        if Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip() == "dockerd":
            os.kill(pid, signal.SIGKILL)
            watch(lambda: has_ended(pid), bool, _ENGINE_SECONDS)


def engine_answers() -> bool:
    """Whether there is an engine that answers soon."""
    try:
        return subprocess.run(["docker", "version"], capture_output=True, check=False, timeout=10).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def lab_bench() -> LabBench:
    """The lab in the machine that this runs in, with somebody else's things beside it, but not yet brought up.

    The first time it is listed what there is: all that a lab must not change.
    """
    machine = Path(os.environ[MACHINE])
    start_engine()
    if not (machine / _BEFORE).is_file():
        bench = LabBench.in_folder(machine / "home")
        bench.plant_others()
        shutil.rmtree(bench.home / ".local")  # The participant's progress goes with `labkit clean --progress`.
        kinds = Inventory.take(bench.folders).kinds
        (machine / _BEFORE).write_text(json.dumps(kinds), encoding="utf-8")
    return LabBench.in_folder(machine / "home", LABKIT_SOURCE="stand-in")


def changes_since_the_beginning(bench: LabBench) -> list[str]:
    """What is another than before there was a lab."""
    before = Inventory(json.loads((Path(os.environ[MACHINE]) / _BEFORE).read_text(encoding="utf-8")))
    changes = Inventory.take(bench.folders).changes_since(before)
    return [line for line in changes if not _STAYS.match(line)]
