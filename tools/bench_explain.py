"""How long `labkit explain` takes, how many cases it answers in a second, and what memory; part of `make bench`."""

from __future__ import annotations

import itertools
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any

from labkit.core.identity.identity_cases import answer_case

Row = tuple[str, str, str]
_CASES = 20_000
_LINES = 100_000
_MANIFEST = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    spec:
      securityContext: {runAsNonRoot: true}
      containers: [{name: web, image: aspnetapp}]
"""


_CRDS = 30
_FIELDS_OF_A_CRD = 810
_OWN_MODULES = "import atexit, sys; atexit.register(lambda: print(*sys.modules, file=sys.stderr)); "


def bundle_of_crds() -> str:
    """Some 4.5 MB of CustomResourceDefinitions, as operators come with, and one Deployment behind them."""
    field = "                {0}:\n                  description: {1}\n                  type: string\n"
    fields = "".join(
        field.format(f"field{number}", "what this field is for, " * 4) for number in range(_FIELDS_OF_A_CRD)
    )
    head = """---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: widgets{0}.example.org
spec:
  group: example.org
  names: {{kind: Widget{0}, plural: widgets{0}}}
  scope: Namespaced
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec:
              type: object
              properties:
"""
    return "".join(head.format(number) + fields for number in range(_CRDS)) + f"---{_MANIFEST}"


def cases(count: int) -> list[dict[str, Any]]:
    """Cases on 500 images with the account files of a Debian, half in pods and half on the engine."""
    chance = random.Random(1654)
    root = "root:x:0:0:root:/root:/bin/bash\n"
    system = "".join(f"s{uid}:x:{uid}:{uid}::/var/lib/s{uid}:/usr/sbin/nologin\n" for uid in range(1, 20))
    group = "root:x:0:\n" + "".join(f"g{gid}:x:{gid}:app\n" for gid in range(1, 40))
    files = [f"{root}{system}app:x:{uid}:{uid}::/home/app:/bin/sh\n" for uid in range(1000, 1500)]
    users = ["", "0", "1654", "app", "app:g7", "nobody-here", "2147483648", "1100:50"]
    context = {"runAsNonRoot": True, "fsGroup": 2000}
    made = []
    for number in range(count):
        image = {"user": chance.choice(users), "passwd": chance.choice(files), "group": group}
        where = (
            {"docker": {"user": chance.choice([None, *users]), "group_add": ["g5", "777"]}}
            if number % 2
            else {"pod": {"securityContext": chance.choice([{}, context])}}
        )
        made.append({"id": number, "image": image, **where})
    return made


def function_rate() -> float:
    """Cases a second through the Python function."""
    sample = cases(_CASES)
    taken = []
    for _ in range(5):
        started = time.perf_counter()
        for case in sample:
            answer_case(case)
        taken.append(time.perf_counter() - started)
    return _CASES / statistics.median(taken)


def batch(lines: int) -> tuple[float, int]:
    """Lines a second through the command, its start included, and its peak memory in bytes."""
    sample = [json.dumps(case) + "\n" for case in cases(1000)]
    measure = (
        "import resource, subprocess, sys; "
        "command = [sys.executable, '-m', 'labkit', 'explain', '--batch']; "
        "subprocess.run(command, check=True, stdout=subprocess.DEVNULL); "
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)"
    )
    with tempfile.TemporaryFile("w+") as file:
        file.writelines(itertools.islice(itertools.cycle(sample), lines))
        file.seek(0)
        started = time.perf_counter()
        done = subprocess.run([sys.executable, "-c", measure], stdin=file, check=True, capture_output=True, text=True)
        return lines / (time.perf_counter() - started), int(done.stderr) * 1024


def one_manifest(*options: str, manifest: str = _MANIFEST, runs: int = 11) -> float:
    """Seconds for one manifest, the whole process: what a gate costs on each commit."""
    command = [sys.executable, "-m", "labkit", "explain", "-f", "-", *options]
    taken = []
    for _ in range(runs):
        started = time.perf_counter()
        subprocess.run(command, input=manifest, check=True, capture_output=True, text=True)
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def own_modules(*options: str) -> int:
    """How many of the kit's modules one manifest loads."""
    program = f"{_OWN_MODULES}from labkit.cli import main; main(prog_name='labkit')"
    argv = [sys.executable, "-c", program, "explain", "-f", "-", *options]
    done = subprocess.run(argv, input=_MANIFEST, check=True, capture_output=True, text=True)
    return sum(name.partition(".")[0] == "labkit" for name in done.stderr.splitlines()[-1].split())


def rows() -> list[Row]:
    """The rows for docs/timings.md."""
    rate, few = batch(_LINES // 10)
    rate, many = batch(_LINES)
    memory = f"{few / 2**20:.0f} MiB for {_LINES // 10} lines, {many / 2**20:.0f} MiB for {_LINES}"
    user = ("--image-user", "aspnetapp=1654")
    given, bundle = one_manifest(*user), bundle_of_crds()
    of_bundle = one_manifest(*user, manifest=bundle, runs=5)
    return [
        ("explain -f one.yaml, the image's user given", "at most 0.25 s", f"{given:.2f} s"),
        ("explain -f one.yaml, the engine asked", "no target", f"{one_manifest():.2f} s"),
        (
            "explain -f one.yaml, modules of the kit loaded",
            "at most 25",
            f"{own_modules(*user)}, asking {own_modules()}",
        ),
        (f"explain -f of {len(bundle) / 1e6:.1f} MB of CRDs with one Deployment", "at most 1 s", f"{of_bundle:.2f} s"),
        ("explain, through the function", "at least 40,000 cases/s", f"{function_rate():,.0f} cases/s"),
        ("explain --batch, start included", "at least 5,000 cases/s", f"{rate:,.0f} cases/s"),
        ("explain --batch, peak memory", "the same for any number", memory),
    ]


if __name__ == "__main__":
    for row in rows():
        print(*row, sep=" | ")
