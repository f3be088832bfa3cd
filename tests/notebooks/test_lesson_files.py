"""The files beside the notebooks: those that are copies of one another are alike, and each is named by a lesson."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from labkit.base.resources import CHECKOUT, CLUSTER, NOTEBOOKS
from labkit.course.course_folder import LESSON_FILES

_COPIES = [
    (NOTEBOOKS / "given.yaml", CLUSTER / "manifests" / "ledger.yaml"),
    (NOTEBOOKS / "ledger.yaml", NOTEBOOKS / "given.yaml"),
    (NOTEBOOKS / "non-root.yaml", CLUSTER / "manifests" / "non-root.yaml"),
    (NOTEBOOKS / "restricted.yaml", NOTEBOOKS / "non-root.yaml"),
]
_FILES = sorted(path for pattern in LESSON_FILES for path in NOTEBOOKS.glob(pattern) if path.suffix != ".ipynb")


def _workload(path: Any) -> dict[str, Any]:
    """The first object of a file, without the comments."""
    return dict(next(yaml.safe_load_all(path.read_text(encoding="utf-8"))))


@pytest.mark.parametrize(("copy", "original"), _COPIES, ids=lambda path: path.name)
def test_a_copy_is_as_its_original(copy: Any, original: Any) -> None:
    assert _workload(copy) == _workload(original)


@pytest.mark.parametrize("name", ["hello/Program.cs", "hello/hello.csproj", "orders/hello.csproj"])
def test_the_program_is_the_one_that_was_compiled(name: str) -> None:
    copy = NOTEBOOKS / name
    assert copy.read_bytes() == (CLUSTER / "apps" / "hello" / copy.name).read_bytes()


@pytest.mark.parametrize("file", _FILES, ids=lambda file: str(file.relative_to(NOTEBOOKS)))
def test_a_file_says_what_it_is_for_and_a_lesson_names_it(file: Any) -> None:
    assert file.suffix in (".cs", ".csproj") or file.read_text(encoding="utf-8").startswith("#")
    notebooks = [json.loads(path.read_text(encoding="utf-8")) for path in NOTEBOOKS.glob("*.ipynb")]
    sources = ["".join(cell["source"]) for notebook in notebooks for cell in notebook["cells"]]
    name = file.name if file.parent == NOTEBOOKS else file.parent.name
    assert any(name in source for source in sources)


def test_they_are_all_of_kinds_that_a_participant_gets() -> None:
    tracked = {path.suffix or path.name for path in _FILES}
    assert {".yaml", ".sh", "Dockerfile"} <= tracked
    assert (CHECKOUT / ".gitignore").read_text(encoding="utf-8").count("/notebooks/") == 2
