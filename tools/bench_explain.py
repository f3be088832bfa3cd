"""How many cases `labkit explain` answers in a second, and what memory it takes; part of `make bench`."""

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


def cases(count: int) -> list[dict[str, Any]]:
    """Cases on 500 images with the account files of a Debian, half in pods and half on the engine."""
    chance = random.Random(1654)
    root = "root:x:0:0:root:/root:/bin/bash\n"
    system = "".join(f"s{uid}:x:{uid}:{uid}::/var/lib/s{uid}:/usr/sbin/nologin\n" for uid in range(1, 20))
    group = "root:x:0:\n" + "".join(f"g{gid}:x:{gid}:app\n" for gid in range(1, 40))
    files = [f"{root}{system}app:x:{1000 + one}:{1000 + one}::/home/app:/bin/sh\n" for one in range(500)]
    users = ["", "0", "1654", "app", "app:g7", "nobody-here", "2147483648", "1100:50"]
    context = {"runAsNonRoot": True, "fsGroup": 2000}
    found = []
    for number in range(count):
        image = {"user": chance.choice(users), "passwd": chance.choice(files), "group": group}
        where = (
            {"docker": {"user": chance.choice([None, *users]), "group_add": ["g5", "777"]}}
            if number % 2
            else {"pod": {"securityContext": chance.choice([{}, context])}}
        )
        found.append({"id": number, "image": image, **where})
    return found


def function_rate() -> float:
    """Cases a second through the Python function."""
    some = cases(_CASES)
    taken = []
    for _ in range(5):
        started = time.perf_counter()
        for case in some:
            answer_case(case)
        taken.append(time.perf_counter() - started)
    return _CASES / statistics.median(taken)


def batch(lines: int) -> tuple[float, int]:
    """Lines a second through the command, its start included, and its peak memory in bytes."""
    some = [json.dumps(case) + "\n" for case in cases(1000)]
    measure = (
        "import resource, subprocess, sys; "
        "command = [sys.executable, '-m', 'labkit', 'explain', '--batch']; "
        "subprocess.run(command, check=True, stdout=subprocess.DEVNULL); "
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)"
    )
    with tempfile.TemporaryFile("w+") as file:
        file.writelines(itertools.islice(itertools.cycle(some), lines))
        file.seek(0)
        started = time.perf_counter()
        done = subprocess.run([sys.executable, "-c", measure], stdin=file, check=True, capture_output=True, text=True)
        return lines / (time.perf_counter() - started), int(done.stderr) * 1024


def rows() -> list[Row]:
    """The rows for docs/timings.md."""
    rate, few = batch(_LINES // 10)
    rate, many = batch(_LINES)
    memory = f"{few / 2**20:.0f} MiB for {_LINES // 10} lines, {many / 2**20:.0f} MiB for {_LINES}"
    return [
        ("explain, through the function", "at least 20,000 cases/s", f"{function_rate():,.0f} cases/s"),
        ("explain --batch, start included", "at least 5,000 cases/s", f"{rate:,.0f} cases/s"),
        ("explain --batch, peak memory", "the same for any number", memory),
    ]


if __name__ == "__main__":
    for row in rows():
        print(*row, sep=" | ")
