"""How results look in a notebook and on a terminal."""

from __future__ import annotations

import html
import re
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from labkit.core.pods.outcome import Outcome
from labkit.lab.samples.image_facts import ImageFacts
from labkit.show.table import Table
from labkit.threat.evidence import Tried
from labkit.threat.worksheet import Worksheet

if TYPE_CHECKING:
    from labkit.course.checking import CheckResult, Hint

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_SAID = (
    ("labkit.core.run_results", "RunResult"),
    ("labkit.lab.container", "Container"),
    ("labkit.core.pods.objects", "Applied"),
    ("labkit.core.pods.objects", "Rollout"),
)
"""What a command said, by module and type: lines of text."""

_CHECKING = "labkit.course.checking"
# JupyterLab would break lines in the middle of words.
_PRE = "margin:0;padding:0;background:none;color:inherit;white-space:pre-wrap;word-break:normal;overflow-wrap:anywhere"


def outcome_table(outcome: Outcome) -> Table:
    """What became of a pod, the verdict first."""
    seconds = f"known after {outcome.seconds:.1f} s" if outcome.seconds is not None else ""
    return Table("", (), outcome.rows(), seconds)


def image_table(facts: ImageFacts) -> Table:
    """What an image says of itself."""
    return Table("", (), facts.rows())


def images_table(images: Sequence[Mapping[str, Any]], notes: bool = False) -> Table:
    """The sample images, one a line.

    Args:
        images: as `labkit.lab.survey` gives them.
        notes: whether to say where stand-ins differ.
    """
    rows = [
        (
            image["name"],
            image["source"] or "not made yet",
            "" if image["user"] is None else image["user"] or "(empty: root)",
            "" if image["uid"] is None else image["uid"],
            {None: "", True: "yes"}.get(image["non_root"], f"no: {image['cause']}"),
            f"{image['size'] / 1e6:.0f} MB" if image["size"] else "",
            {None: "", True: "yes", False: "no"}[image["shell"]],
            image["summary"],
        )
        for image in images
    ]
    differ = [image for image in images if image["note"] and image["source"] == "stand-in"]
    note = f"Where {len(differ)} stand-ins differ from upstream: labkit images --verbose" if differ else ""
    if notes and differ:
        note = "\n".join(["Stand-ins differ from upstream:", *(f"{one['name']}: {one['note']}." for one in differ)])
    head = ("image", "source", "Config.User", "uid", "passes runAsNonRoot", "size", "shell", "what it is")
    return Table("", head, rows, note)


def status_table(status: Mapping[str, Any]) -> Table:
    """How the lab is, in four lines."""
    engine, cluster = status["engine"], status["cluster"]
    made = [image for image in status["images"] if image["source"]]
    sources = sorted({image["source"] for image in made})
    rows = [
        ("lab", status["state"]),
        ("engine", f"Docker {engine['version']}" if engine["reachable"] else engine["problem"]),
        ("cluster", f"{cluster['name']}, Kubernetes {cluster['kubernetes']}" if cluster["ready"] else "not running"),
        ("node image", cluster["source"] or "not made yet"),
        ("sample images", f"{len(made)} of {len(status['images'])}, {' and '.join(sources) or 'none made yet'}"),
    ]
    return Table("", (), rows)


def lessons_table(lessons: Sequence[Mapping[str, Any]]) -> Table:
    """The lessons, one a line."""
    rows = [(one["lesson"], one["minutes"] or "", " ".join(one["seed"]), one["title"]) for one in lessons]
    return Table("", ("lesson", "minutes", "shows", "title"), rows)


def promises_table(verified: Sequence[Mapping[str, Any]]) -> Table:
    """Whether each image keeps its promises, which it breaks, and since when they stand."""
    rows = [
        (
            one["name"],
            one["source"] or "",
            one["recorded"],
            ("\n".join(one["broken"]) or "keeps its contract") if one["present"] else "not made yet",
        )
        for one in verified
    ]
    return Table("", ("image", "source", "contract of", "verdict"), rows)


def lock_report(locked: Mapping[str, str], upstreams: Sequence[str | None]) -> str:
    """What was locked, where, and of which images there was nothing to lock.

    Args:
        locked: upstream reference -> digest.
        upstreams: the upstream reference of each sample image, None for one that is the kit's own.
    """
    if not locked:
        return "no upstream image is here, and a stand-in has no digest upstream: there is nothing to lock"
    rest = sorted({name for name in upstreams if name} - set(locked))
    lines = [f"{name}@{digest}" for name, digest in locked.items()]
    lines.append("locked in cluster/images.lock: commit it, and everybody pulls these")
    if rest:
        lines.append(f"nothing to lock for a stand-in, or for what is not made yet: {', '.join(rest)}")
    return "\n".join(lines)


def _tried_html(tried: Tried) -> str:
    # Loaded where it is needed: most lessons try no probe.
    from labkit.threat.matrix_tables import cells_table

    return f'<pre style="{_PRE}">$ {html.escape(tried.line)}</pre>{cells_table(tried.cells)._repr_html_()}'


def _worksheet_table(sheet: Worksheet) -> Table:
    from labkit.threat.worksheet_pages import worksheet_table

    return worksheet_table(sheet)


def _said_html(result: object) -> str:
    # The builder colours what it says on its stderr, as for a terminal.
    return f'<pre style="{_PRE}">{html.escape(_COLOUR.sub("", str(result)))}</pre>'


def _hint_html(hint: Hint) -> str:
    from labkit.course.check_views import hint_html

    return hint_html(hint)


def _show_check(result: CheckResult) -> None:
    from labkit.course.check_views import show_check

    show_check(result)


def register_views() -> None:
    """Have a notebook show results as tables; elsewhere, and when called again, nothing changes."""
    if "IPython" not in sys.modules:
        return
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    if shell is None or shell.display_formatter is None:
        return
    formatter = shell.display_formatter.formatters["text/html"]
    formatter.for_type(Outcome, lambda outcome: outcome_table(outcome)._repr_html_())
    formatter.for_type(ImageFacts, lambda facts: image_table(facts)._repr_html_())
    formatter.for_type(Tried, _tried_html)
    formatter.for_type(Worksheet, lambda sheet: _worksheet_table(sheet)._repr_html_())
    for result in _SAID:
        formatter.for_type_by_name(*result, _said_html)
    # By name: what checks is loaded by the first check.
    formatter.for_type_by_name(_CHECKING, "Hint", _hint_html)
    shell.display_formatter.ipython_display_formatter.for_type_by_name(_CHECKING, "CheckResult", _show_check)
