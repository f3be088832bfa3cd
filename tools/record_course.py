"""Records what a class without an engine shows: the outputs of the course's cells that need one, and the matrix.

Usage: python tools/record_course.py [LESSON ...] [matrix]   (all lessons and the matrix if none is named)

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
from tests.engine_cells import engine_cells
from tests.notebooks.expectations import in_class_of

_SECONDS = 180
_MATRIX = "matrix"


def record_lesson(lesson: str) -> dict[str, Any]:
    """The outputs of the cells that need an engine, by the cells' ids.

    Args:
        lesson: the notebook's name.
    """
    needs = engine_cells(cells_of(lesson))
    if not needs:
        return differing(lesson)
    with tempfile.TemporaryDirectory() as scratch:
        folder = shutil.copytree(NOTEBOOKS, Path(scratch) / "notebooks")
        notebook = nbformat.read(folder / f"{lesson}.ipynb", as_version=4)
        os.environ["LABKIT_DATA"] = str(Path(scratch) / "data")
        resources = {"metadata": {"path": str(folder)}}
        NotebookClient(notebook, timeout=_SECONDS, kernel_name="python3", resources=resources).execute()
    recorded = {}
    for cell in notebook.cells:
        if cell["id"] in needs:
            # An exercise is the participant's to do: its cell has no answer to show.
            is_exercise = "exercise" in cell["metadata"].get("labkit", {})
            outputs = [] if is_exercise else list(_outputs(cell["outputs"]))
            differs = in_class_of(cell)
            recorded[cell["id"]] = {
                "needs": needs[cell["id"]],
                "source": cell["source"].strip(),
                "outputs": outputs,
                **({"why": differs.why} if differs is not None else {}),
            }
    return recorded | differing(lesson)


def differing(lesson: str) -> dict[str, Any]:
    """The cells that show another thing in a class, by their ids: why.

    Args:
        lesson: the notebook's name.
    """
    cells = {cell["id"]: (cell["source"].strip(), in_class_of(cell)) for cell in cells_of(lesson)}
    return {
        name: {"needs": "nothing", "source": source, "why": differs.why, "outputs": []}
        for name, (source, differs) in cells.items()
        if differs is not None and not differs.recorded
    }


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
    lesson_world.Experiments = Noting  # type: ignore[misc]
    with tempfile.TemporaryDirectory() as scratch:
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
    known = json.loads(EVIDENCE_FILE.read_text(encoding="utf-8")) if EVIDENCE_FILE.is_file() else {"lessons": {}}
    with Lab() as lab:
        engine = lab.engine()
        made = {
            "recorded": date.today().isoformat(),
            "engine": f"{engine.name} {engine.version().get('Version', '').partition('+')[0]}",
            "kubernetes": lab.kube().version(),
        }
        if not lessons or _MATRIX in lessons:
            matrix = measure(lab, [*POSTURES, *VULNERABLE])
            write_atomically(MATRIX_FILE, json.dumps(matrix.to_dict(), indent=0, sort_keys=True) + "\n", mode=0o644)
    for lesson in [lesson for lesson in lessons if lesson != _MATRIX] if lessons else lesson_names():
        known["lessons"][lesson] = record_lesson(lesson)
        known.setdefault("experiments", {})[lesson] = record_experiments(lesson)
        tried = len(known["experiments"][lesson])
        print(f"{lesson}: {len(known['lessons'][lesson])} cells, {tried} experiments", file=sys.stderr)
        for name in known["lessons"]:
            known["lessons"][name] |= differing(name)
        text = json.dumps({**known, **made}, indent=1, sort_keys=True, ensure_ascii=False)
        write_atomically(EVIDENCE_FILE, text + "\n", mode=0o644)


if __name__ == "__main__":
    main(sys.argv[1:])
