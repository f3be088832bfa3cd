"""docs/faults.md: a table of every fault, with what was seen of it the last time."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from labkit.base.resources import CHECKOUT
from tests.faults.fault import FAULTS, RECOVERY_SECONDS, Fault, Needs

_TOP = """\
# What was broken on purpose, and what came of it

Written by `make faults`, which breaks a lab in each of these ways in machines of their own: a network, an engine, a
disk, processes and a home that nothing else uses. Two such labs are broken side by side, and beside them what needs no
lab. After each it looks whether the participant's files and other
people's containers, images, networks and volumes are as they were, byte for byte, whether a traceback was printed, and
whether the lab can be used again: it is up, runs a container, and refuses a pod for the right cause. Those marked
"no lab" need no engine; the quick ones of them are in `make test`. Only a whole run in which all was survived writes
this page; any other writes `build/faults.md`.

"""
_LONGEST = 300
_HONEST = Path(__file__).with_name("not_survived.md")


def write_report(results: Path, page: Path, *, whole: bool, seconds: float) -> Path:
    """Write the page.

    Args:
        results: a file for each fault that was survived.
        page: docs/faults.md, or another place for what is no whole run that was survived.
        whole: whether all faults were run; of a part only those that were survived have rows.
        seconds: how long that took.

    Returns:
        The page.
    """
    read = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(results.glob("*.json"))]
    seen = {result["name"]: result for result in read}
    rows = [_row(fault, seen.get(name)) for name, fault in FAULTS.items() if whole or name in seen]
    table = [
        "| | fault | how it was made | what was seen | what was kept | sentence | back after |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        *rows,
    ]
    part = f"{len(seen)} of {len(FAULTS)}" if whole else f"In a run of a part {len(seen)}"
    summary = (
        f"{part} were survived on {date.today().isoformat()}, in {seconds / 60:.0f} min on {os.cpu_count()} processors "
        f"that had a load of {os.getloadavg()[2]:.1f} in the last quarter of an hour.\n\n"
    )
    print(summary.strip())
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(_TOP + summary + "\n".join(table) + "\n\n" + _HONEST.read_text(encoding="utf-8"), encoding="utf-8")
    return page


def _shortened(sentence: str) -> str:
    return sentence if len(sentence) <= _LONGEST else f"{sentence[:_LONGEST]} ..."


def _plain(command: str) -> str:
    """A command as it is typed in the checkout, wherever that is."""
    return command.format(lesson="07-run-as-non-root", bundle="BUNDLE").replace(str(CHECKOUT), ".")


def _how_back(fault: Fault) -> str:
    if fault.recovery:
        return " and ".join(f"`labkit {_plain(command)}`" for command in fault.recovery)
    # Without a lab nothing has to come back: how long the last command took is how long one waits for the sentence.
    return "by itself" if fault.needs is Needs.LAB else "until it was told"


def _row(fault: Fault, result: Mapping[str, Any] | None) -> str:
    room = fault.room if fault.needs is Needs.LAB else f"{fault.room} (no lab)"
    if result is None:
        cells = [room, fault.name, fault.made, "**not survived, or not run**", "", "", ""]
    else:
        below = " (see below)" if fault.recovery and result["seconds"] > RECOVERY_SECONDS else ""
        seconds = f"{result['seconds']:.1f} s{below}, {_how_back(fault)}"
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
