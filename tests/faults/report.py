"""docs/faults.md: a table of every fault, with what was seen of it the last time."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from tests.faults.fault import FAULTS, Fault, Needs

_TOP = """\
# What was broken on purpose, and what came of it

Written by `make faults`, which breaks the lab in each of these ways in a machine of its own: a network, an engine, a
disk, processes and a home that nothing else uses. After each it looks whether the participant's files and other
people's containers, images, networks and volumes are as they were, byte for byte, whether a traceback was printed, and
whether the lab can be used again: it is up, runs a container, and refuses a pod for the right cause. Those marked
"no lab" need no engine; the quick ones of them are in `make test`.

"""
_LONGEST = 300
_HONEST = Path(__file__).with_name("not_survived.md")


def write_report(results: Path, page: Path, *, whole: bool, seconds: float) -> None:
    """Write the page; what was not run this time keeps no row, so only a whole run writes it.

    Args:
        results: a file for each fault that was survived.
        page: docs/faults.md.
        whole: whether all faults were run.
        seconds: how long that took.
    """
    read = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(results.glob("*.json"))]
    seen = {result["name"]: result for result in read}
    print(f"{len(seen)} of {len(FAULTS)} faults survived")
    if not whole:
        return
    rows = [_row(fault, seen.get(name)) for name, fault in FAULTS.items()]
    table = [
        "| | fault | how it was made | what was seen | what was kept | sentence | back after |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        *rows,
    ]
    summary = (
        f"{len(seen)} of {len(FAULTS)} were survived, on {date.today().isoformat()}, in {seconds / 60:.0f} min on "
        f"{os.cpu_count()} processors that had a load of {os.getloadavg()[2]:.1f} in the last quarter of an hour.\n\n"
    )
    page.write_text(_TOP + summary + "\n".join(table) + "\n\n" + _HONEST.read_text(encoding="utf-8"), encoding="utf-8")


def _shortened(sentence: str) -> str:
    return sentence if len(sentence) <= _LONGEST else f"{sentence[:_LONGEST]} ..."


def _plain(command: str) -> str:
    return command.format(lesson="07-run-as-non-root", bundle="BUNDLE")


def _row(fault: Fault, result: Mapping[str, Any] | None) -> str:
    room = fault.room if fault.needs is Needs.LAB else f"{fault.room} (no lab)"
    if result is None:
        cells = [room, fault.name, fault.made, "**not survived, or not run**", "", "", ""]
    else:
        recovered = " and ".join(f"`labkit {_plain(command)}`" for command in fault.recovery) or "by itself"
        late = f" (asked: {fault.seconds:g} s)" if result["seconds"] > fault.seconds else ""
        seconds = f"{result['seconds']:.1f} s{late}, {recovered}"
        cells = [
            room,
            fault.name,
            fault.made,
            result["seen"].replace("`", "").replace("labkit ", ""),
            fault.kept,
            _shortened(result["sentence"]),
            seconds,
        ]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
