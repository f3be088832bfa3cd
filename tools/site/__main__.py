"""Builds the site: executes the notebooks on the running lab, makes pages of them, checks every link.

Usage: python -m tools.site [--reuse] [LESSON ...]   (make site ARGS=...)
Exit status: 0 done, 1 a cell failed, Sphinx warned, or a link is broken, 2 wrong use.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from labkit.base.resources import CHECKOUT
from labkit.course.course_folder import LESSON_FILES
from labkit.course.lessons import FOLDER, describe_lesson
from tools.site.execute import NotebookFailed, execute
from tools.site.links import broken_links, read_site
from tools.site.pages import (
    SOURCES_PAGE,
    LinkBroken,
    Made,
    Place,
    document_line,
    index_page,
    lesson_page,
    relinked,
    sources_page,
    with_line,
)

BUILD = CHECKOUT / "build" / "site"
EXECUTED, SOURCE, HTML = BUILD / "notebooks", BUILD / "source", BUILD / "html"
SPHINX = CHECKOUT / "build" / "site-env" / "bin" / "python"


class SiteFailed(Exception):
    """The site could not be built; the message says why."""


def main() -> int:
    """Build it, and say how long each step took."""
    arguments = _arguments()
    try:
        lessons = _lessons(arguments.lessons)
        status = _status()
        made = _made(status)
        for lesson in lessons:
            _timed(f"executed {lesson.stem}", lambda lesson=lesson: _execute(lesson, made, arguments.reuse))
        _timed("made the pages", lambda: _make_pages(lessons, status, made))
        _timed("built the HTML", _build)
        _timed("checked the links", _check)
    except (SiteFailed, NotebookFailed, LinkBroken) as error:
        print(f"site: {error}", file=sys.stderr)
        return 1
    size = sum(path.stat().st_size for path in HTML.rglob("*") if path.is_file())
    print(f"site: {HTML.relative_to(CHECKOUT)}/index.html, {len(lessons)} lessons, {size / 1e6:.1f} MB")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make site", description="The course as web pages.")
    parser.add_argument("lessons", nargs="*", metavar="LESSON", help="only these, as 07-run-as-non-root")
    parser.add_argument("--reuse", action="store_true", help="do not execute a notebook again that has not changed")
    return parser.parse_args()


def _timed(label: str, step: Any) -> None:
    started = time.monotonic()
    note = step() or ""
    print(f"site: {label}{note}, {time.monotonic() - started:.1f} s", file=sys.stderr, flush=True)


def _lessons(wanted: list[str]) -> list[Path]:
    """The notebooks to build, in the order taught."""
    paths = {path.stem: path for path in sorted((CHECKOUT / "notebooks").glob("[0-9][0-9]-*.ipynb"))}
    if unknown := [name for name in wanted if name not in paths]:
        raise SiteFailed(f"there is no lesson {', '.join(unknown)}; there are {', '.join(paths)}")
    return [path for name, path in paths.items() if not wanted or name in wanted]


def _status() -> dict[str, Any]:
    answer = subprocess.run(
        [sys.executable, "-m", "labkit", "status", "--json"], stdout=subprocess.PIPE, text=True, check=False
    )
    status: dict[str, Any] = json.loads(answer.stdout or "{}")
    if status.get("state") != "up":
        raise SiteFailed(f"the lab is {status.get('state', 'not to be seen')}; bring it up with make up")
    return status


def _made(status: dict[str, Any]) -> Made:
    def git(*arguments: str) -> str:
        answer = subprocess.run(["git", "-C", CHECKOUT, *arguments], capture_output=True, text=True, check=False)
        return answer.stdout.strip() if answer.returncode == 0 else ""

    commit = git("rev-parse", "--short=10", "HEAD")
    return Made.of(status, datetime.now(UTC).date(), commit, bool(git("status", "--porcelain")))


def _cells(notebook: dict[str, Any]) -> list[tuple[str, str]]:
    return [(cell["cell_type"], "".join(cell["source"])) for cell in notebook["cells"]]


def bring_files(folder: Path) -> None:
    """Lay what participants edit beside the copies that are executed, as the course has it.

    Args:
        folder: of the copies.
    """
    for file in (file for pattern in LESSON_FILES for file in FOLDER.glob(pattern) if file.suffix != ".ipynb"):
        copy = folder / file.relative_to(FOLDER)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)


def _execute(lesson: Path, made: Made, reuse: bool) -> str:
    """Execute a lesson with a participant's data in a folder of its own, and note in the copy what it ran on."""
    target = EXECUTED / lesson.name
    EXECUTED.mkdir(parents=True, exist_ok=True)
    bring_files(EXECUTED)
    if reuse and target.exists():
        before = json.loads(target.read_text(encoding="utf-8"))
        if "labkit_made" in before["metadata"] and _cells(before) == _cells(
            json.loads(lesson.read_text(encoding="utf-8"))
        ):
            return " before"
    target.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(prefix="labkit-site-") as data:
        # A check of an exercise that nobody has touched must say so, or the page would teach something else.
        os.environ.update(LABKIT_DATA=data, LABKIT_STRICT="untouched")
        notebook = execute(lesson, target)
    notebook.metadata["labkit_made"] = made.to_dict()
    target.write_text(json.dumps(notebook), encoding="utf-8")
    return ""


def _make_pages(lessons: list[Path], status: dict[str, Any], made: Made) -> None:
    shutil.rmtree(SOURCE, ignore_errors=True)
    documents = [f"docs/{path.name}" for path in sorted((CHECKOUT / "docs").glob("*.md"))]
    pictures = [str(path.relative_to(CHECKOUT)) for path in sorted((CHECKOUT / "docs" / "pictures").glob("*.png"))]
    notebooks = [f"notebooks/{lesson.name}" for lesson in lessons]
    place = Place({"README.md", *documents, *pictures, *notebooks}, lambda path: (CHECKOUT / path).exists())

    for path in notebooks:
        executed = json.loads((BUILD / path).read_text(encoding="utf-8"))
        then = Made(**executed["metadata"].pop("labkit_made"))
        _write(path, json.dumps(lesson_page(executed, path, then, place)))
    for path in ("README.md", *documents):
        text = relinked((CHECKOUT / path).read_text(encoding="utf-8"), path, place)
        _write(path, with_line(text, document_line(path, made)))
    for path in pictures:
        (SOURCE / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(CHECKOUT / path, SOURCE / path)
    _write(SOURCES_PAGE, sources_page(status, made))
    _write("index.md", index_page([describe_lesson(lesson) for lesson in lessons], documents, made))


def _write(path: str, text: str) -> None:
    (SOURCE / path).parent.mkdir(parents=True, exist_ok=True)
    (SOURCE / path).write_text(text, encoding="utf-8")


def _build() -> None:
    shutil.rmtree(HTML, ignore_errors=True)
    settings = CHECKOUT / "tools" / "site"
    trees = BUILD / "doctrees"
    options: list[str | Path] = ["-b", "html", "-q", "-W", "--keep-going", "-c", settings, "-d", trees]
    if subprocess.run([SPHINX, "-m", "sphinx", *options, SOURCE, HTML], check=False).returncode:
        raise SiteFailed("Sphinx warned, see above; a warning is a page that does not read as it should")


def _check() -> None:
    if broken := broken_links(*read_site(HTML)):
        raise SiteFailed("\n".join([f"broken links: {len(broken)}", *map(str, broken)]))


if __name__ == "__main__":
    sys.exit(main())
