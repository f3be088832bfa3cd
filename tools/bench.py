"""Measures the figures that the lab is to reach and writes them to docs/timings.md (`make bench`).

Medians of several runs on the running lab. What needs a bare machine, or all tests, cannot be measured on a running
lab: whatever rows the file has besides stay as they are, and so does what stands below its table.
"""

from __future__ import annotations

import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import bench_class
import bench_course
import bench_explain
import bench_install
import bench_publish
from bench_page import Row, merged

from labkit.adapters import go_programs
from labkit.adapters.kind import Kind, find_kind
from labkit.base.resources import CHECKOUT
from labkit.lab.lab import Lab
from labkit.notebook import open_lesson
from labkit.show.steps import Silent

# A participant's own progress is not the bench's.
_DATA = tempfile.TemporaryDirectory(prefix="labkit-data-")
os.environ["LABKIT_DATA"] = _DATA.name

FILE = CHECKOUT / "docs" / "timings.md"


def seconds(work: Callable[[], object], runs: int) -> float:
    """Median wall time of a piece of work."""
    taken = []
    for _ in range(runs):
        started = time.monotonic()
        work()
        taken.append(time.monotonic() - started)
    return statistics.median(taken)


def labkit(*arguments: str) -> None:
    """Run the command as a person would."""
    subprocess.run([sys.executable, "-m", "labkit", *arguments], check=True, capture_output=True)


def measure_up_without_cluster(lab: Lab) -> float:
    """From no cluster to a refusal that can be seen, images loaded."""
    kind = Kind(str(find_kind(lab.configuration.cache)), lab.configuration.name, lab.configuration.kubeconfig)
    taken = []
    for _ in range(3):
        kind.delete()
        taken.append(seconds(lambda: labkit("up"), 1))
    return statistics.median(taken)


def measure_up_of_stopped() -> float:
    """From a stopped lab to a running one."""
    taken = []
    for _ in range(5):
        labkit("down")
        taken.append(seconds(lambda: labkit("up"), 1))
    return statistics.median(taken)


def idle_memory(lab: Lab) -> str:
    """What the node's control group, dockerd and its containerd hold, page cache left out."""
    listing = lab.engine().execute(
        lab.cluster().node,
        ["sh", "-c", "cat /sys/fs/cgroup/memory/memory.stat /sys/fs/cgroup/memory.stat"],
    )
    match = re.search(r"^(?:total_rss|anon) (\d+)", listing.stdout, re.MULTILINE)
    node = int(match[1]) if match else 0
    engine = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "comm").read_text().strip() in ("dockerd", "containerd") and _is_on_host(process):
                engine += (
                    int(re.findall(r"^RssAnon:\s+(\d+)", (process / "status").read_text(), re.MULTILINE)[0]) * 1024
                )
        except (OSError, IndexError):
            continue
    return f"{(node + engine) / 2**20:.0f} MiB (node {node / 2**20:.0f}, engine {engine / 2**20:.0f})"


def _is_on_host(process: Path) -> bool:
    return (process / "ns" / "pid").readlink() == Path("/proc/self/ns/pid").readlink()


def disk(lab: Lab) -> str:
    """Images, the node's volume and the built programs."""
    engine = lab.engine()
    layers = engine.disk_usage()
    built = sum(path.stat().st_size for path in lab.configuration.cache.rglob("*") if path.is_file())
    return f"{(layers + built) / 1e9:.2f} GB (images and volumes {layers / 1e9:.2f}, programs {built / 1e9:.2f})"


def main() -> None:
    """Measure, print and write."""
    lab = Lab(steps=Silent())
    lab.up()
    lesson = open_lesson("07-run-as-non-root", lab)
    refuse = {"runAsNonRoot": True}
    refusal = seconds(lambda: lesson.pod("aspnetapp-root", pod=refuse).expect("image-runs-as-root"), 7)
    reset = seconds(lesson.reset, 7)
    lesson.close()
    rows = [
        ("labkit up, images present, no cluster", "at most 10 s", f"{measure_up_without_cluster(lab):.1f} s"),
        ("labkit up of a stopped lab", "at most 3 s", f"{measure_up_of_stopped():.1f} s"),
        ("reset of a lesson", "at most 0.2 s", f"{reset:.2f} s"),
        ("a pod's refusal, from create to cause in hand", "at most 1.1 s", f"{refusal:.2f} s"),
        *bench_course.rows(lab),
        ("make unit", "at most 30 s", f"{seconds(_unit_tests, 1):.0f} s"),
        ("import labkit", "at most 0.1 s", f"{_import_seconds():.3f} s"),
        *bench_explain.rows(),
        *bench_publish.rows(lab),
        *bench_class.rows(),
        *bench_install.rows(),
        ("labkit doctor", "under 3 s", f"{seconds(lambda: labkit('doctor'), 3):.1f} s"),
        ("idle lab (cluster and engine), page cache left out", "at most 600 MiB", idle_memory(lab)),
        ("disk taken by the embedded lab", "at most 2.5 GB", disk(lab)),
    ]
    text = report(lab, rows)
    FILE.write_text(text, encoding="utf-8")
    print(text)


def _unit_tests() -> None:
    subprocess.run([CHECKOUT / "tools" / "test.sh", "rules+course+unit"], check=True, capture_output=True)


def _import_seconds() -> float:
    script = "import time; t = time.monotonic(); import labkit; print(time.monotonic() - t)"
    argv = [sys.executable, "-c", script]
    return statistics.median(float(subprocess.check_output(argv, text=True)) for _ in range(5))


def report(lab: Lab, rows: list[Row]) -> str:
    """The page, with machine, date and versions."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    kubernetes = go_programs.module_version(go_programs.KUBERNETES.module, "k8s.io/kubernetes")
    rows, below = merged(FILE.read_text(encoding="utf-8") if FILE.is_file() else "", rows)
    lines = [
        "# Timings",
        "",
        f"Measured on {datetime.now(UTC):%Y-%m-%d} by `make bench`:",
        f"{os.cpu_count()} cores, {memory:.0f} GiB of memory,",
        f"Linux {platform.release().split('-')[0]}, {lab.engine().info().get('OperatingSystem')},",
        f"Docker {lab.engine().version()['Version']}, Kubernetes {kubernetes}, Python {platform.python_version()}.",
        "Medians; machines differ and are noisy, so compare within one run. A figure is a measurement, never a test.",
        "",
        "| what | to reach | measured |",
        "| --- | --- | --- |",
        *(f"| {name} | {target} | {measured} |" for name, target, measured in rows),
        "",
        below,
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
