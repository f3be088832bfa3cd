"""How the notebooks are run as tests (`pytest -p tests.notebooks.hooks -p nbval`).

A cell that does not show what its metadata expects (`labkit.expect`) fails. A notebook stops at its first failed cell,
and the report tells what the lesson's pods were doing.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator
from pathlib import Path, PurePosixPath
from typing import Any

import tests.quick_imports  # noqa: F401

# isort: split
import pytest
from nbval.plugin import IPyNbCell
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

import labkit
from labkit.base.configuration import SANDBOX_VARIABLE
from labkit.course.lessons import lesson_names
from tests.course import cells_of, that_share_images
from tests.killed_runs import own_data, take_away_of_killed_runs
from tests.notebooks.expectations import expectation_of, is_not_recorded, shown_by, unmet

FAILED = pytest.StashKey[str]()
BEFORE = pytest.StashKey[dict[Path, set[Path]]]()

# As participants get them the notebooks hold no answers: a check that says anything but "not yet" fails the test.
os.environ["LABKIT_STRICT"] = "untouched"

_DATA = own_data()


class NotebookScheduling(LoadScopeScheduling):
    """Hands whole notebooks to processes; those that make images of one name go to one, and never run at a time."""

    def __init__(self, config: pytest.Config, log: Producer) -> None:
        super().__init__(config, log)
        self._together = that_share_images(
            (lesson, cell["source"]) for lesson in lesson_names() for cell in cells_of(lesson)
        )

    def _split_scope(self, nodeid: str) -> str:
        notebook = PurePosixPath(nodeid.partition("::")[0]).stem
        return "images of one name" if notebook in self._together else notebook


def pytest_sessionstart(session: pytest.Session) -> None:
    """Remember which files lie beside the notebooks: cells write others there, as a participant's do."""
    if not hasattr(session.config, "workerinput"):
        take_away_of_killed_runs()
    folders = {path if path.is_dir() else path.parent for path in map(_path, session.config.args)}
    session.config.stash[BEFORE] = {folder: set(folder.iterdir()) for folder in folders if folder.is_dir()}


def _path(argument: str) -> Path:
    return Path(argument.partition("::")[0]).absolute()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> NotebookScheduling:
    """Whatever --dist says."""
    return NotebookScheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave what goes to stderr out of comparisons: a library's warning is no change of a lesson."""
    for item in items:
        if isinstance(item, IPyNbCell) and "stderr" not in item.parent.skip_compare:
            item.parent.skip_compare = (*item.parent.skip_compare, "stderr")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Do not run the cells behind one that failed; nbval would, and each would fail for that reason."""
    if isinstance(item, IPyNbCell) and (failed := item.parent.stash.get(FAILED, None)):
        pytest.skip(f"not run: {failed} of this notebook failed before it")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Hold what a cell showed against what it must show."""
    yield
    if not isinstance(item, IPyNbCell):
        return
    expectation = expectation_of(item.cell, is_class=SANDBOX_VARIABLE in os.environ)
    if is_not_recorded(item.test_outputs):
        return
    if expectation is not None and (wrong := unmet(expectation, item.test_outputs)):
        cell = f"{Path(item.path).stem}, cell {item.cell.get('id', item.cell_num)}"
        item.raise_cell_error(f"{cell}: {'; '.join(wrong)}", f"what came:\n{shown_by(item.test_outputs) or 'nothing'}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember the notebook's first failure, and put the lesson's pods below it."""
    report = yield
    if isinstance(item, IPyNbCell) and report.failed:
        item.parent.stash.setdefault(FAILED, item.name)
        report.sections.append(("the lesson's pods", _diagnose(Path(item.path).stem)))
    return report


def _diagnose(lesson: str) -> str:
    try:
        return labkit.diagnose(lesson)
    except Exception as error:  # whatever is wrong with the lab must not hide what is wrong with the cell
        return f"could not be looked at: {error}"


def pytest_sessionfinish(session: pytest.Session) -> Any:
    """Take away what the lessons left, files and namespaces: nbval kills kernels, so no notebook does it itself."""
    if hasattr(session.config, "workerinput"):  # another worker's lessons are not done; the last one to end does it
        return
    report = session.config.getoption("xmlpath", None)
    for folder, before in session.config.stash[BEFORE].items():
        for file in set(folder.iterdir()) - before - {Path(report or ".").absolute()}:
            if file.is_file():
                file.unlink()
    from labkit.base.errors import LabError
    from labkit.notebook import reset_lessons

    try:
        reset_lessons()
    except LabError as error:
        print(f"the lessons' namespaces are still there: {error}")


def pytest_unconfigure() -> None:
    """Remove the progress that no cell reads any more."""
    shutil.rmtree(_DATA, ignore_errors=True)
