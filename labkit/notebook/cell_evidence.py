"""Cells that differ in a class on a cluster: one sentence why, and for those that cannot be run what a lab showed.

A cell of the course that stands as it was given is looked up in `cluster/class/evidence.json`, which
tools/record_course.py writes. Whatever somebody writes themselves is run, and says itself what it lacks.
"""

from __future__ import annotations

import html
import json
import sys
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal, NotRequired, TypedDict, cast

from labkit.base.resources import CLUSTER, require
from labkit.core.causes import Cause
from labkit.core.run_results import RunResult
from labkit.notebook.opened_lesson import OpenedLesson
from labkit.show.cards import Tone, card_html

EVIDENCE_FILE = CLUSTER / "class" / "evidence.json"
MARK = {"labkit": "evidence"}
"""The metadata of the output that says the sentence: it is no part of what the cell or a lab shows."""

_NO_ENGINE = "an engine, and this class gives its participants none"
WHY = {
    "inspect": f"it asks {_NO_ENGINE}: lab.image(NAME) has an image's facts",
    "run": f"it runs a container, which needs {_NO_ENGINE}: as a pod the image runs here, by the kubelet's rules "
    "instead of Docker's",
    "build": f"it builds an image, which needs {_NO_ENGINE}: labkit explain reads a Dockerfile without building it",
    "publish": f"it publishes an image, which needs {_NO_ENGINE}: labkit publish --batch says what would come out",
    "pod": "it runs an image of your own as a pod, and this class has no registry from which a node could pull it",
    "victim": f"it breaks into a container, which needs {_NO_ENGINE}",
    "check": f"what it judges comes from an earlier cell, which needs {_NO_ENGINE}",
    "earlier": f"it goes on with what an earlier cell makes, which needs {_NO_ENGINE}",
}
"""Why a cell is not run, by what it needs."""

WAY = (
    "What works here: edit the file and have it explained, labkit.explain(FILE), or run an image of the lab as a pod. "
    "The hints and the solution are there as always; the exercise is not checked without an engine."
)
"""What an exercise offers in place of its cell."""

NOT_RECORDED = "What a lab shows here is not recorded yet."
"""What is said below the reason where tools/record_course.py was not run for the lesson."""

_ONLY_SAID = "nothing"
"""What a cell needs that is run, and shows another thing than in a lab of one's own."""
_OF_OTHERS = ("cluster", "pod")
"""What a cell needs that asks for more of the cluster than a participant may see or change, with an engine or not."""


class RecordedResultJson(TypedDict):
    """What a container printed, and how it ended."""

    command: str
    stdout: str
    exit_status: int | None
    cause: str | None
    message: str | None
    stderr: str
    interleaved: str | None


class RecordedRunJson(TypedDict):
    """What a check tried in a container."""

    image: str
    command: str | list[str] | None
    user: str | None
    result: RecordedResultJson


class RecordedStreamJson(TypedDict):
    """What a cell printed, as nbformat has it."""

    output_type: Literal["stream"]
    name: Literal["stdout", "stderr"]
    text: str


class RecordedDisplayJson(TypedDict):
    """What a cell showed, likewise."""

    output_type: Literal["display_data"]
    data: dict[str, str]


class RecordedCellJson(TypedDict):
    """A cell of the course: where it stands, what it needs (a key of `WHY`, or nothing), and what it showed.

    `why` is the sentence of a cell that is run and shows another thing in a class, `reads` what a check is given, and
    `exercise` whether it belongs to one.
    """

    at: int
    needs: str
    source: str
    outputs: list[RecordedStreamJson | RecordedDisplayJson]
    why: NotRequired[str]
    reads: NotRequired[list[str]]
    exercise: NotRequired[bool]


class ClassEvidenceJson(TypedDict):
    """What tools/record_course.py writes: the cells and runs of each lesson, and on what they were seen."""

    recorded: str
    engine: str
    kubernetes: str
    lessons: dict[str, dict[str, RecordedCellJson]]
    experiments: dict[str, list[RecordedRunJson]]


def noted_result(result: RunResult) -> RecordedResultJson:
    """A result as it is written down."""
    return {
        "command": result.command,
        "stdout": result.stdout,
        "exit_status": result.exit_status,
        "cause": str(result.cause) if result.cause else None,
        "message": result.message,
        "stderr": result.stderr,
        "interleaved": result.interleaved,
    }


def _read_again(noted: RecordedResultJson) -> RunResult:
    return RunResult(
        noted["command"],
        noted["stdout"],
        noted["exit_status"],
        cause=Cause(noted["cause"]) if noted["cause"] else None,
        message=noted["message"],
        stderr=noted["stderr"],
        interleaved=noted["interleaved"],
    )


def recorded_run(lesson: str, image: str, command: Sequence[str] | str | None, user: str | None) -> RunResult | None:
    """What a lab saw when a check of a lesson ran this; None if that was not written down.

    Args:
        lesson: the notebook's name without its ending.
        image: its name.
        command: what was run in place of the image's entrypoint.
        user: as whom.
    """
    wanted = (image, command if isinstance(command, str | None) else list(command), user)
    for run in _record()["experiments"].get(lesson, []):
        if (run["image"], run["command"], run["user"]) == wanted:
            return _read_again(run["result"])
    return None


def _record() -> ClassEvidenceJson:
    return cast(ClassEvidenceJson, json.loads(require(EVIDENCE_FILE).read_text(encoding="utf-8")))


class CellEvidence:
    """What is known of a lesson's cells in a class.

    Args:
        record: what is in the file.
        lesson: the notebook's name without its ending.
        has_engine: whether the class gives an engine.
    """

    def __init__(self, record: ClassEvidenceJson, lesson: str, *, has_engine: bool) -> None:
        self._record = record
        cells = record["lessons"].get(lesson, {})
        always = (_ONLY_SAID, *_OF_OTHERS)
        self._last = 0
        self._cells = {name: cell for name, cell in cells.items() if not has_engine or cell["needs"] in always}

    @classmethod
    def of(cls, lesson: str, *, has_engine: bool = False) -> CellEvidence:
        """Read the file.

        Raises:
            MachineLacks: this installation lacks it.
        """
        return cls(_record(), lesson, has_engine=has_engine)

    def find(self, source: str) -> str | None:
        """The id of a cell of the course that has this source; None if there is none, or if nothing is to be said.

        Of several it is the next one behind that which was found last: a kernel is not told which cell it runs.
        """
        cells = {name: cell["at"] for name, cell in self._cells.items() if cell["source"] == source.strip()}
        if not cells:
            return None
        name = min(cells, key=lambda name: (cells[name] < self._last, cells[name]))
        self._last = cells[name]
        return name

    def is_run(self, name: str, variables: Collection[str] = ()) -> bool:
        """Whether a cell is run all the same.

        Args:
            name: its id.
            variables: what there is: a check whose are all there is run, and says itself what it cannot see.
        """
        cell = self._cells[name]
        return cell["needs"] == _ONLY_SAID or ("reads" in cell and set(cell["reads"]) <= set(variables))

    def sentence(self, name: str) -> str:
        """Why a cell is otherwise here, and what stands below."""
        cell, made = self._cells[name], self._record
        if self.is_run(name):
            return f"In this class: {cell['why']}."
        why = f"Not run: {cell.get('why') or WHY[cell['needs']]}."
        if cell.get("exercise"):
            return f"{why} {WAY}"
        if not cell["outputs"]:
            return f"{why} {NOT_RECORDED}"
        versions = f"{made['engine']} and Kubernetes {made['kubernetes']}"
        return f"{why} A lab showed this on {made['recorded']}, with {versions}:"

    def say(self, name: str) -> None:
        """Show the sentence."""
        sentence = self.sentence(name)
        word = "in a class" if self.is_run(name) else "recorded"
        card = card_html(Tone.OPEN, word, html.escape(sentence), label=sentence)
        _display({"text/plain": sentence, "text/html": card}, MARK)

    def show(self, name: str) -> None:
        """Show the sentence, and below it what was recorded."""
        self.say(name)
        for output in self._cells[name]["outputs"]:
            if output["output_type"] == "stream":
                print(output["text"], end="", file=sys.stderr if output["name"] == "stderr" else sys.stdout)
            else:
                _display(output["data"])


def _display(data: Mapping[str, Any], metadata: Mapping[str, Any] | None = None) -> None:
    from IPython.display import display

    display(dict(data), raw=True, metadata=metadata)  # type: ignore[no-untyped-call]


def show(lesson: str, name: str) -> None:
    """Show what was recorded of a cell.

    Args:
        lesson: the notebook's name without its ending.
        name: the cell's id.
    """
    CellEvidence.of(lesson).show(name)


def install_cell_evidence(shell: Any, lesson: OpenedLesson) -> None:
    """Have a kernel of a class say what is otherwise there, and show what was recorded in place of what cannot be run.

    Args:
        shell: IPython's.
        lesson: that was opened.
    """
    transforms: list[Any] = shell.input_transformers_cleanup
    transforms[:] = [transform for transform in transforms if not hasattr(transform, "labkit_evidence")]
    sandbox = lesson.lab.configuration.sandbox
    if sandbox is None:
        return
    evidence = CellEvidence.of(lesson.name, has_engine=sandbox.has_engine)

    def in_place(lines: Sequence[str]) -> Sequence[str]:
        name = evidence.find("".join(lines))
        if name is None or evidence.is_run(name, shell.user_ns):
            return lines
        return [f"__import__({__name__!r}, fromlist=['show']).show({lesson.name!r}, {name!r})\n"]

    def before(source: str) -> None:
        if (name := evidence.find(source)) is not None and evidence.is_run(name):
            evidence.say(name)

    vars(in_place)["labkit_evidence"] = True
    transforms.insert(0, in_place)
    lesson.before_each_cell.append(before)
