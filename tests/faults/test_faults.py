"""Each fault: what must be read is read, what must be kept is kept, and the lab comes back.

Those that need no lab are in `make test`. `make faults` (tests/faults/__main__.py) runs all of them in a machine of its
own, and writes docs/faults.md.
"""

from __future__ import annotations

import functools
import itertools
import json
import os
import re
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from labkit.base.resources import CHECKOUT
from tests.faults import all_faults
from tests.faults.bench import Bench, Printed
from tests.faults.fault import FAULTS, Fault, Needs
from tests.faults.lab_bench import LESSON, LabBench, lab_bench
from tests.faults.leaks import MACHINE

assert all_faults
RESULTS = "LABKIT_FAULTS_RESULTS"
"""The variable with the folder of results, which all machines of a run share."""
FAVOURED = "LABKIT_FAULTS_FAVOURED"
"""The variable of the one machine to which the others give way: it begins with what takes long to be back."""
_PATIENCE = 20
_ERROR = re.compile(r"error: |[A-Z]\w+: ")
_KITS_ERROR = re.compile(r"(error|LabFailed|Misuse|MachineLacks|EngineUnreachable|DeadlineExceeded): ")
_REMEDY = ("What to do", "  ")
_LONGEST_ERROR = 8
"""Lines of an error, up to its remedy."""
_WHOLE = RESULTS in os.environ
"""Whether the whole suite runs, and not the part of it that is in `make test`."""

_QUICK = [name for name, fault in FAULTS.items() if fault.needs is Needs.NOTHING and (_WHOLE or not fault.slow)]


def _order(fault: Fault) -> int:
    return 0 if fault.long else 2 if fault.alone else 1


_WITH_A_LAB = [
    fault.key
    for fault in sorted(FAULTS.values(), key=_order)
    if fault.needs is Needs.LAB and (FAVOURED in os.environ or not fault.long)
]
"""Of those that several machines have, each is made by the machine that comes to it first."""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts what is full or read-only; see docs/tests.md")
@pytest.mark.parametrize("name", _QUICK)
def test_without_a_lab(name: str, tmp_path: Path) -> None:
    bench = Bench.in_folder(tmp_path, DOCKER_HOST=f"unix://{tmp_path}/none.sock")
    with bench.undo:
        _survive(bench, FAULTS[name])


if MACHINE in os.environ:

    @pytest.mark.parametrize("name", _WITH_A_LAB)
    def test_with_a_lab(name: str) -> None:
        if not _claim(FAULTS[name]):
            pytest.skip("another machine makes it")
        with _lab_at_hand().for_one_fault() as bench, bench.shows_why():
            _survive(bench, FAULTS[name])


_lab_at_hand = functools.cache(lab_bench)


def _claim(fault: Fault) -> bool:
    """Whether this machine is the first that comes to a fault."""
    claims = Path(os.environ[RESULTS]) / "claims"
    claims.mkdir(exist_ok=True)
    try:
        (claims / fault.file_name).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def _survive(bench: Bench, fault: Fault) -> None:
    own, others = bench.users_files(), bench.others()
    began = time.monotonic()
    fault.make(bench)
    made = list(bench.transcript)
    bench.undo.close()
    made_in = time.monotonic() - began
    seconds = _recover(bench, fault)
    assert "Traceback" not in bench.text, bench.text
    sentence = _sentence(made, fault.sentence) if fault.sentence else _first_error(made) or _last_line(bench.transcript)
    assert sentence is not None, f"{fault.sentence!r} is not in\n{bench.text}"
    assert bench.users_files() == own, "what belongs to the participant was changed"
    assert bench.others() == others, "what belongs to others was changed"
    # What is measured is written down; a busy machine is no fault of the kit's, and a hang is.
    assert seconds <= _PATIENCE * fault.seconds, f"the recovery took {seconds:.1f} s\n{bench.text}"
    _keep(fault, made, sentence, {"seconds": seconds, "made in": made_in}, bench.folder)


def _recover(bench: Bench, fault: Fault) -> float:
    began = time.monotonic()
    for command in fault.recovery:
        bench.labkit(*_arguments(bench, command), status=0, seconds=600)
    seconds = time.monotonic() - began
    if fault.needs is Needs.LAB:
        bench.require_working()
    return seconds if fault.recovery else sum(printed.seconds for printed in bench.transcript[-1:])


def _arguments(bench: Bench, command: str) -> list[str]:
    values = {"bundle": bench.bundle} if isinstance(bench, LabBench) else {}
    return command.format(lesson=LESSON, **values).split()


def _sentence(made: list[Printed], pattern: str) -> str | None:
    """What must be read, from the beginning of its sentence: an error with what to do, or a line."""
    text = "\n".join(printed.text for printed in made)
    match = re.search(pattern, text)
    if match is None:
        return None
    begin, end = text.rfind("\n", 0, match.start()) + 1, text.find("\n", match.end())
    lines = text[:begin].splitlines()
    # A remedy stands in the lines below its error.
    error = next((at for at in range(len(lines) - 1, -1, -1) if _ERROR.match(lines[at])), None)
    if text[begin:].startswith(_REMEDY) and error is not None and len(lines) - error <= _LONGEST_ERROR:
        begin = sum(len(line) + 1 for line in lines[:error])
    return " ".join(text[begin : end if end >= 0 else None].split())


def _first_error(made: list[Printed]) -> str | None:
    """What is read first of all that went wrong, with its remedy."""
    for printed in made:
        lines = printed.text.splitlines()
        for at, line in enumerate(lines):
            if _KITS_ERROR.match(line):
                rest = itertools.takewhile(lambda line: line.startswith(_REMEDY), lines[at + 1 : at + _LONGEST_ERROR])
                return " ".join(" ".join([line, *rest]).split())
    return None


def _last_line(transcript: list[Printed]) -> str:
    """The last that anybody reads where nothing must be read."""
    for printed in reversed(transcript):
        # A warning of this machine's, such as of low limits, says nothing of the fault.
        text = (printed.stderr or printed.stdout).partition("\nwarning: ")[0]
        if lines := [line.strip() for line in text.splitlines() if line.strip()]:
            return f"{printed.command.removeprefix('labkit ').split()[0]}: {lines[-1]}"
    return "nothing is printed"


def _keep(fault: Fault, made: list[Printed], sentence: str, seconds: Mapping[str, float], home: Path) -> None:
    """Keep what docs/faults.md says of a fault."""
    if (folder := os.environ.get(RESULTS)) is None:
        return
    seen = "; ".join(dict.fromkeys(f"`{printed.command}` ended with {printed.status}" for printed in made))
    places = {str(home): "~", os.environ.get(MACHINE, str(home)): "...", str(CHECKOUT): "."}
    text = json.dumps({"name": fault.key, "seen": seen, "sentence": sentence, **seconds})
    for place, short in places.items():
        text = text.replace(json.dumps(place)[1:-1], short)
    (Path(folder) / f"{fault.file_name}.json").write_text(text, encoding="utf-8")
