"""Records what a class without an engine shows: the outputs of the course's cells that need one, and the matrix.

Usage: python tools/record_course.py [LESSON ...] [matrix]   (all lessons and the matrix if none is named)
       python tools/record_course.py sentences               (nothing is run: only what each cell needs)

It runs the lessons on the lab that is up, as nbval does, from copies of the notebooks, and writes
cluster/class/evidence.json and cluster/class/matrix.json. Run it again after the course or a version has changed.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any
from unittest import mock

sys.path.insert(0, str(Path(__file__).parents[1]))

import nbformat
from nbclient import NotebookClient

from labkit.base.files import write_atomically
from labkit.base.resources import NOTEBOOKS
from labkit.core.run_results import RunResult
from labkit.course.lessons import lesson_names
from labkit.lab.lab import Lab
from labkit.notebook import lesson_world, open_lesson
from labkit.notebook.cell_evidence import EVIDENCE_FILE, noted_result
from labkit.notebook.experiments import Experiments
from labkit.threat.measure import measure
from labkit.threat.postures import POSTURES, VULNERABLE
from labkit.threat.recorded_matrix import MATRIX_FILE
from tests.course import cells_of, placed
from tests.engine_cells import engine_cells, names_read
from tests.notebooks.expectations import in_class_of

_SECONDS = 180
_DATA = "~/.local/share/labkit/labkit"
"""Where a participant's own files lie, as they are shown (labkit.base.configuration)."""
_TAKEN_AWAY = {"text/plain": ""}
"""What is left of a line that was shown while a cell took its time (labkit/show/live_line.py)."""
_MATRIX, _SENTENCES = "matrix", "sentences"


def record_lesson(lesson: str) -> dict[str, Any]:
    """What is known of a lesson's cells, with what those show that a class cannot run.

    Args:
        lesson: the notebook's name.
    """
    entries = described(lesson)
    to_run = {name for name, entry in entries.items() if entry["needs"] != "nothing" and "exercise" not in entry}
    if not to_run:
        return entries
    with tempfile.TemporaryDirectory() as scratch:
        folder = shutil.copytree(NOTEBOOKS, Path(scratch) / "notebooks")
        notebook = nbformat.read(folder / f"{lesson}.ipynb", as_version=4)
        os.environ["LABKIT_DATA"] = str(Path(scratch) / "data")
        resources = {"metadata": {"path": str(folder)}}
        NotebookClient(notebook, timeout=_SECONDS, kernel_name="python3", resources=resources).execute()
    for cell in notebook.cells:
        if cell["id"] in to_run:
            outputs = list(_without_live_lines(list(_outputs(cell["outputs"]))))
            entries[cell["id"]]["outputs"] = _at_home(outputs, os.environ["LABKIT_DATA"])
    return entries


def described(lesson: str) -> dict[str, Any]:
    """What is known of a lesson's cells without running any, by their ids: what they need, and how they differ.

    Args:
        lesson: the notebook's name.
    """
    cells = cells_of(lesson)
    needs = engine_cells(cells)
    entries = {}
    for position, cell in enumerate(cells):
        differs = in_class_of(cell)
        if cell["id"] in needs or differs is not None:
            entries[cell["id"]] = {
                "needs": needs.get(cell["id"], "nothing"),
                "source": cell["source"].strip(),
                "outputs": [],
                **({"why": differs.why} if differs is not None else {}),
                **({"exercise": True} if "exercise" in cell["metadata"].get("labkit", {}) else {}),
                **_of_check(cell["source"], needs.get(cell["id"], "")),
                "at": position,
            }
    return entries


def _of_check(source: str, needs: str) -> dict[str, Any]:
    """What a check is given, without which it cannot be run; it is no cell that shows something."""
    return {"reads": sorted(names_read(source)), "exercise": True} if needs == "check" else {}


def record_experiments(lesson: str) -> list[dict[str, Any]]:
    """What the checks of a lesson try in containers, for its solutions that need no engine themselves.

    Args:
        lesson: the notebook's name.
    """
    needs = engine_cells(cells_of(lesson))
    runs: list[dict[str, Any]] = []

    class Noting(Experiments):
        """Writes down what is run."""

        def run(self, image: str, command: str | Sequence[str] | None, user: str | None) -> RunResult:
            result = super().run(image, command, user)
            runs.append({"image": image, "command": command, "user": user, "result": noted_result(result)})
            return result

    cells = {cell["source"]: cell["id"] for cell in cells_of(lesson)}
    tasks = [task for task in placed(lesson) if cells[task.cell] not in needs]
    if not tasks:
        return []
    with mock.patch.object(lesson_world, "Experiments", Noting), tempfile.TemporaryDirectory() as scratch:
        os.environ["LABKIT_DATA"] = str(Path(scratch) / "data")
        folder = shutil.copytree(NOTEBOOKS, Path(scratch) / "notebooks")
        with open_lesson(lesson) as lab:
            for task in tasks:
                task.run(lab, task.exercise.solution, folder)
    return runs


def _outputs(outputs: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """What a cell showed; what a stream brought in pieces is one."""
    stream: dict[str, Any] | None = None
    for output in outputs:
        if output["output_type"] == "stream":
            if stream is not None and stream["name"] == output["name"]:
                stream["text"] += output["text"]
                continue
            if stream is not None:
                yield stream
            stream = {"output_type": "stream", "name": output["name"], "text": output["text"]}
        elif output["output_type"] in ("display_data", "execute_result"):
            if stream is not None:
                yield stream
                stream = None
            data = {kind: output["data"][kind] for kind in ("text/plain", "text/html") if kind in output["data"]}
            yield {"output_type": "display_data", "data": data}
    if stream is not None:
        yield stream


def main(lessons: Sequence[str]) -> None:
    """Record some lessons, or all of them and the matrix."""
    known: dict[str, Any] = {"lessons": {}, "experiments": {}}
    if EVIDENCE_FILE.is_file():
        known |= json.loads(EVIDENCE_FILE.read_text(encoding="utf-8"))
    for lesson in lesson_names():  # Also of a lesson that was not recorded, or has changed since.
        recorded = known["lessons"].get(lesson, {})
        known["lessons"][lesson] = {
            name: entry | {"outputs": _still_true(entry, recorded.get(name, {}))}
            for name, entry in described(lesson).items()
        }
    if lessons == [_SENTENCES]:
        _write(known)
        return
    with Lab() as lab:
        engine = lab.engine()
        made = {
            "recorded": date.today().isoformat(),
            "engine": f"{engine.name} {engine.version().get('Version', '').partition('+')[0]}",
            "kubernetes": lab.kube().version(),
        }
        if not lessons or _MATRIX in lessons:
            matrix = measure(lab, [*POSTURES, *VULNERABLE])
            write_atomically(MATRIX_FILE, _a_line_each(matrix.to_dict()), mode=0o644)
    for lesson in [lesson for lesson in lessons if lesson != _MATRIX] if lessons else lesson_names():
        known["lessons"][lesson] = record_lesson(lesson)
        known["experiments"][lesson] = record_experiments(lesson)
        tried = len(known["experiments"][lesson])
        print(f"{lesson}: {len(known['lessons'][lesson])} cells, {tried} experiments", file=sys.stderr)
        _write({**known, **made})


def _a_line_each(values: Mapping[str, Any]) -> str:
    """JSON with a line for each member of a list, so that a change can be read."""
    parts = []
    for name, value in values.items():
        lines = (
            [json.dumps(item, sort_keys=True, separators=(",", ":")) for item in value]
            if isinstance(value, list)
            else None
        )
        joined = "[\n" + ",\n".join(lines) + "\n]" if lines is not None else json.dumps(value, separators=(",", ":"))
        parts.append(f"{json.dumps(name)}:{joined}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _still_true(entry: Mapping[str, Any], recorded: Mapping[str, Any]) -> list[Any]:
    """What was recorded of a cell, if it was of the same source and need."""
    is_same = all(recorded.get(name) == entry[name] for name in ("source", "needs"))
    return list(_without_live_lines(recorded["outputs"])) if is_same and "exercise" not in entry else []


def _without_live_lines(outputs: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Outputs without the line that a long call shows and takes away again."""
    for output in outputs:
        if output["output_type"] != "stream":
            if output["data"] != _TAKEN_AWAY:
                yield dict(output)
        elif text := "\n".join(line.rstrip("\r").rsplit("\r", 1)[-1] for line in output["text"].split("\n")):
            yield {**output, "text": text}


def _at_home(outputs: Sequence[Mapping[str, Any]], data: str) -> list[Any]:
    """Outputs with a participant's own folder in place of the one that was made for the recording."""
    return list(json.loads(json.dumps(outputs).replace(data, _DATA)))


def _write(record: Mapping[str, Any]) -> None:
    text = json.dumps(record, indent=1, sort_keys=True, ensure_ascii=False)
    write_atomically(EVIDENCE_FILE, text + "\n", mode=0o644)


if __name__ == "__main__":
    main(sys.argv[1:])
