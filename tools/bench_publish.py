"""Measures publishing and the catalogue; `make bench` takes the rows, and alone it prints them."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time

from labkit.base.resources import CHECKOUT
from labkit.lab.lab import Lab

Row = tuple[str, str, str]
_HELLO = str(CHECKOUT / "cluster" / "apps" / "hello")
_RECORDED = CHECKOUT / "tests" / "recorded" / "sdk"
_TIMES = 30


def publish_seconds(*arguments: str) -> float:
    """Median wall time of the command, start included, on a base that is there."""
    command = [sys.executable, "-m", "labkit", "publish", _HELLO, "--back-end", "kit", *arguments]
    subprocess.run(command, check=True, capture_output=True)
    taken = []
    for _ in range(5):
        started = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def batch_rate() -> float:
    """Cases a second of `labkit publish --batch`, start included: the recorded ones, again and again."""
    bases = json.loads((_RECORDED / "bases.json").read_text(encoding="utf-8"))
    cases = [json.loads(line) for line in (_RECORDED / "cases.jsonl").read_text(encoding="utf-8").splitlines()]
    lines = [
        json.dumps({**{key: case[key] for key in ("id", "project", "arguments")}, "base": bases.get(case["base"])})
        + "\n"
        for case in cases
    ]
    with tempfile.TemporaryFile("w+") as file:
        file.writelines(lines * _TIMES)
        file.seek(0)
        started = time.perf_counter()
        subprocess.run([sys.executable, "-m", "labkit", "publish", "--batch"], stdin=file, stdout=subprocess.DEVNULL)
        return len(lines) * _TIMES / (time.perf_counter() - started)


def images_from_nothing(lab: Lab) -> tuple[float, float]:
    """Seconds of `labkit up` after every sample image but the Debian base was removed, and of the next one."""
    engine = lab.engine()
    for name in reversed(list(lab.catalogue)):
        if name != "debian":
            engine.remove_image(lab.configuration.image_reference(name))
    taken = []
    for _ in range(2):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-m", "labkit", "up"], check=True, capture_output=True)
        taken.append(time.perf_counter() - started)
    return taken[0], taken[1]


def rows(lab: Lab) -> list[Row]:
    """The rows for docs/timings.md."""
    made, unchanged = images_from_nothing(lab)
    with tempfile.TemporaryDirectory() as folder:
        archive = publish_seconds(f"-p:ContainerArchiveOutputPath={folder}/")
    engine = publish_seconds("-p:ContainerRepository=labkit-bench")
    lab.engine().remove_image("labkit-bench:latest")
    return [
        ("publish into the engine, base present, start included", "at most 0.5 s", f"{engine:.2f} s"),
        ("publish into an archive of 126 MB", "at most 0.5 s", f"{archive:.2f} s"),
        ("publish --batch, start included", "at least 2,000 cases/s", f"{batch_rate():,.0f} cases/s"),
        ("17 images made and loaded, Debian's root file system there", "at most 3 min", f"{made:.0f} s"),
        ("labkit up, nothing to do", "at most 2 s", f"{unchanged:.1f} s"),
    ]


if __name__ == "__main__":
    for row in rows(Lab()):
        print(*row, sep=" | ")
