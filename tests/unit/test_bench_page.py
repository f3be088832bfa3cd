"""The page of timings: what is measured goes in, and what was entered by hand stays."""

from __future__ import annotations

from labkit.base.resources import CHECKOUT
from tools.bench_page import merged

_PAGE = """# Timings

| what | to reach | measured |
| --- | --- | --- |
| a bare machine | at most 8 min | 7.8 min, by hand |
| make unit | at most 30 s | 38 s |
| without a target | | 5 s |

The first row is entered by hand.

| what | before |
| --- | --- |
| make unit | 51 s |
"""


def test_what_was_not_measured_stays_and_what_is_new_comes_last() -> None:
    rows, below = merged(_PAGE, [("new", "at most 1", "0"), ("make unit", "at most 30 s", "29 s")])
    assert rows == [
        ("a bare machine", "at most 8 min", "7.8 min, by hand"),
        ("make unit", "at most 30 s", "29 s"),
        ("without a target", "", "5 s"),
        ("new", "at most 1", "0"),
    ]
    assert below == _PAGE[_PAGE.index("The first") :].strip()


def test_a_page_that_is_not_there_has_what_was_measured() -> None:
    assert merged("", [("new", "", "0")]) == ([("new", "", "0")], "")


def test_the_page_has_each_row_that_is_read() -> None:
    text = (CHECKOUT / "docs" / "timings.md").read_text(encoding="utf-8")
    table = text.split("| --- | --- | --- |\n")[1].split("\n\n")[0]
    assert len(merged(text, [])[0]) == len(table.splitlines()) > 20
