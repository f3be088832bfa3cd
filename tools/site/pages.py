"""What the site adds to the pages of the course: where they come from, links that hold on it, hints and solutions."""

from __future__ import annotations

import copy
import html
import posixpath
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from labkit.course.check_views import BUTTONS, prose_html, solution_html
from labkit.course.checking import solution_of
from labkit.course.exercise import Exercise
from labkit.course.exercises import exercises_of
from labkit.course.guess_views import GUESS_BUTTONS

SOURCES_PAGE = "made.md"
"""The page with every image's source."""

_VIEW = "application/vnd.jupyter.widget-view+json"
_WIDGET_TEXT = "(A widget in JupyterLab. What it does, a call does too.)"
_WIDGET_REPR = re.compile(r"[A-Z]\w*\(")
_CHECK = re.compile(r'lab\.check\("([^"]+)"')
_NOTHING_TO_SEE = [{"text/plain": text} for text in (BUTTONS, GUESS_BUTTONS, "")]
"""What a page leaves out: words for buttons, and a line that was there while a cell took its time."""

_FENCE = re.compile(r"(^```.*?^```)", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(?P<bang>!?)\[(?P<text>(?:[^\[\]]|!\[[^\]]*\]\([^)]*\))*)\]\((?P<target>[^()\s]+)\)")
_NOTEBOOK_LINK = re.compile(r'<a\b[^>]*\bhref="(?P<target>[^":]+)\.ipynb"[^>]*>(?P<text>.*?)</a>', re.DOTALL)
_OUTSIDE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:|//|#")

Notebook = dict[str, Any]


@dataclass(frozen=True)
class Made:
    """What a page was made with.

    Args:
        day: on which it was executed, as 2026-11-25.
        commit: of the checkout, shortened; empty where there is none.
        changed: whether the checkout had changes that were not committed.
        engine: the Docker engine's version.
        kubernetes: the node's version.
        node: the node's source.
        images: how many sample images come from each source.
    """

    day: str
    commit: str
    changed: bool
    engine: str
    kubernetes: str
    node: str
    images: Mapping[str, int]

    @classmethod
    def of(cls, status: Mapping[str, Any], day: date, commit: str, changed: bool) -> Made:
        """Make it of what `labkit status --json` says.

        Args:
            status: that, parsed.
            day: today.
            commit: of the checkout, shortened; empty where there is none.
            changed: whether there are changes that were not committed.
        """
        engine, cluster = status["engine"], status["cluster"]
        sources = Counter(str(image["source"]) for image in status["images"] if image["source"])
        return cls(
            day.isoformat(),
            commit,
            changed,
            str(engine["version"]),
            str(cluster["kubernetes"]),
            str(cluster["source"]),
            dict(sorted(sources.items())),
        )

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready values, for the notebook's own metadata."""
        return asdict(self)

    @property
    def at_commit(self) -> str:
        """The commit, and whether there was more than that."""
        if not self.commit:
            return "from a checkout without a commit"
        return f"at commit {self.commit}" + (" with changes that were not committed" if self.changed else "")


def page_line(made: Made, folder: str = "") -> str:
    """One line for an executed page: when, with what, and from which sources.

    Args:
        made: what it was made with.
        folder: of the page in the site; empty at the top.
    """
    images = ", ".join(f"{count} {source}" for source, count in made.images.items()) or "none"
    more = posixpath.relpath(SOURCES_PAGE, folder or ".")
    return (
        f"*Executed on {made.day} with Docker Engine {made.engine} and Kubernetes {made.kubernetes} "
        f"(node: {made.node}), {made.at_commit}. Sample images: {images} ([each of them]({more})).*"
    )


def document_line(path: str, made: Made) -> str:
    """One line for a page that is not a notebook: which file of which commit it is."""
    return f"*This is {path}, {made.at_commit}, as of {made.day}.*"


def with_line(text: str, line: str) -> str:
    """The text with a line below its title.

    Raises:
        ValueError: it does not begin with a title.
    """
    title, _, rest = text.partition("\n")
    if not title.startswith("# "):
        raise ValueError(f"a page must begin with its title, not with {title!r}")
    return f"{title}\n\n{line}\n{rest}"


def without_widgets(notebook: Notebook) -> Notebook:
    """The notebook with each widget's text in its place: what draws widgets needs a kernel and the network."""
    notebook = copy.deepcopy(notebook)
    notebook["metadata"].pop("widgets", None)
    for cell in notebook["cells"]:
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            if data.pop(_VIEW, None) is not None:
                text = "".join(data.get("text/plain", ""))
                # Without a text of its own a widget prints its Python object.
                data["text/plain"] = _WIDGET_TEXT if not text or _WIDGET_REPR.match(text) else text
    return notebook


@dataclass(frozen=True)
class Place:
    """Where the files of the site lie, all by their paths in the checkout.

    Args:
        pages: what the site has.
        exists: whether the checkout has a file or folder.
    """

    pages: Set[str]
    exists: Callable[[str], bool]


class LinkBroken(Exception):
    """A page links to a file that the checkout does not have."""


def relinked(text: str, page: str, place: Place) -> str:
    """The Markdown with links to files that the site does not have turned into their text and path.

    Args:
        text: of the page; fenced code in it is left alone.
        page: its path in the checkout.
        place: what there is.

    Raises:
        LinkBroken: a link leads to nothing at all.
    """

    def replacement(match: re.Match[str]) -> str:
        target = match["target"]
        if _OUTSIDE.match(target):
            return match[0]
        path = posixpath.normpath(posixpath.join(posixpath.dirname(page), target.partition("#")[0]))
        if path in place.pages:
            return match[0]
        if path.startswith("..") or not place.exists(path):
            raise LinkBroken(f"{page}: {target!r} leads to nothing in the checkout")
        name = match["text"].strip("`")
        return f"`{path}`" if name in (path, posixpath.basename(path)) else f"{match['text']} (`{path}`)"

    # What was split off by a group is every second part: the fences.
    parts = enumerate(_FENCE.split(text))
    return "".join(part if number % 2 else _LINK.sub(replacement, part) for number, part in parts)


def relinked_output(markup: str, page: str, place: Place) -> str:
    """What a cell gave as HTML, with its links to notebooks turned into links to their pages, or into text.

    Args:
        markup: of the output.
        page: the path in the checkout of the page that it is on.
        place: what there is.
    """

    def replacement(match: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join(posixpath.dirname(page), f"{match['target']}.ipynb"))
        return f'<a href="{match["target"]}.html">{match["text"]}</a>' if path in place.pages else match["text"]

    return _NOTEBOOK_LINK.sub(replacement, markup)


def with_help(notebook: Notebook, lesson: str) -> Notebook:
    """The notebook with each exercise's hints and solution, folded, in place of buttons and of what shows nothing.

    Args:
        notebook: executed, without widgets.
        lesson: its name.
    """
    notebook = copy.deepcopy(notebook)
    exercises = {exercise.name: exercise for exercise in exercises_of(lesson)}
    for cell in notebook["cells"]:
        outputs = cell.get("outputs", [])
        outputs[:] = [output for output in outputs if output.get("data") not in _NOTHING_TO_SEE]
        checked = _CHECK.match("".join(cell["source"]))
        if checked and checked[1] in exercises:
            page = {"text/html": _help_html(exercises[checked[1]])}
            outputs.append({"output_type": "display_data", "data": page, "metadata": {}})
    return notebook


def _help_html(exercise: Exercise) -> str:
    hints = "".join(
        f"<li>{_fold(f'Hint {number}', prose_html(hint))}</li>" for number, hint in enumerate(exercise.hints, 1)
    )
    solution = _fold("A solution", solution_html(solution_of(exercise)))
    inside = f'<ol style="list-style:none;padding:0">{hints}<li>{solution}</li></ol>'
    return f'<div class="labkit-help">{_fold(f"Hints and a solution of {exercise.name}", inside)}</div>'


def _fold(summary: str, inside: str) -> str:
    return f"<details><summary>{html.escape(summary)}</summary>{inside}</details>"


def lesson_page(notebook: Notebook, page: str, made: Made, place: Place) -> Notebook:
    """A lesson's executed notebook as the site shows it: with its line, without widgets, with links that hold.

    Raises:
        LinkBroken: see `relinked`.
    """
    notebook = with_help(without_widgets(notebook), posixpath.basename(page).removesuffix(".ipynb"))
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            cell["source"] = relinked("".join(cell["source"]), page, place)
        for output in cell.get("outputs", ()):
            if markup := output.get("data", {}).get("text/html"):
                output["data"]["text/html"] = relinked_output("".join(markup), page, place)
    first = notebook["cells"][0]
    first["source"] = with_line(first["source"], page_line(made, posixpath.dirname(page)))
    return notebook


def sources_page(status: Mapping[str, Any], made: Made) -> str:
    """The page with every image's source, digest and user."""
    rows = [
        f"| {image['name']} | {image['source'] or 'not made'} | `{(image['digest'] or '')[:19]}` "
        f"| `{image['user'] or '(empty)'}` | {image['note'].replace('|', ' ')} |"
        for image in status["images"]
    ]
    head = ["| image | source | digest | USER | where a stand-in differs |", "| --- | --- | --- | --- | --- |"]
    text = (
        "Every output in the lessons came from cells that ran on a real Docker engine and a real kubelet. "
        "A *stand-in* is an image that the lab built itself, where no registry could be reached; it keeps the same "
        "contract as the upstream image, and a test holds both to it."
    )
    return "\n".join(["# How these pages were made", "", page_line(made), "", text, "", *head, *rows, ""])


def index_page(lessons: Iterable[Mapping[str, Any]], documents: Iterable[str], made: Made) -> str:
    """The first page: the lessons in the order taught with their minutes, then everything else.

    Args:
        lessons: of the site, as `labkit lessons --json` has them.
        documents: the other pages' paths.
        made: what the site was made with.
    """
    known = list(lessons)
    titles = {lesson["notebook"]: f"{lesson['lesson'][:2]} {lesson['title']}" for lesson in known}
    rows = [f"| [{titles[lesson['notebook']]}]({lesson['notebook']}) | {lesson['minutes']} |" for lesson in known]
    return "\n".join(
        [
            "# Who do your containers run as?",
            "",
            page_line(made),
            "",
            "The course, to read without a lab. Each lesson is a notebook; what stands below a cell is what that cell "
            "gave when it ran. To run them yourself, see [the lab](README.md).",
            "",
            "| lesson | minutes |",
            "| --- | --- |",
            *rows,
            "",
            *_toctree("Lessons", [f"{title} <{path}>" for path, title in titles.items()]),
            *_toctree("About the lab", ["The lab <README.md>", *documents, SOURCES_PAGE]),
        ]
    )


def _toctree(caption: str, paths: Iterable[str]) -> list[str]:
    names = [re.sub(r"\.(ipynb|md)(?=>?$)", "", path) for path in paths]
    return ["```{toctree}", ":hidden:", f":caption: {caption}", "", *names, "```", ""]
