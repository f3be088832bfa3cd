"""Tables and steps."""

from __future__ import annotations

import io
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.show import steps
from labkit.show.steps import Steps
from labkit.show.table import Table


@given(st.text(), st.text(), st.text())
def test_html_is_escaped(title: str, head: str, cell: str) -> None:
    attack = "<script>alert(1)</script>"
    shown = Table(title + attack, [head + attack], [[cell + attack]], attack)._repr_html_()
    assert "<script" not in shown


def test_text_is_aligned_and_plain() -> None:
    table = Table("Images", ["name", "user"], [["alpine", ""], ["aspnetapp", "1654"]], "two")
    lines = str(table).splitlines()
    assert lines[0] == "Images"
    assert lines[-1] == "two"
    assert lines[-2].split() == ["aspnetapp", "1654"]


def test_a_step_tells_its_beginning_and_its_end() -> None:
    out = io.StringIO()
    steps = Steps(out)
    with steps.step("the node image"):
        pass
    said = out.getvalue()
    assert "the node image ...\n" in said
    assert "done: the node image, 0.0 s" in said
    assert "\x1b" not in said
    assert steps.summary() == "1 steps in 0.0 s"


@pytest.mark.parametrize(("error", "word"), [(ValueError, "failed"), (KeyboardInterrupt, "interrupted")])
def test_a_step_that_does_not_end_well_says_so(error: type[BaseException], word: str) -> None:
    out = io.StringIO()
    steps = Steps(out)
    with pytest.raises(error), steps.step("the node image"):
        raise error
    assert f"{word}: the node image, after 0.0 s" in out.getvalue()
    assert steps.summary() == ""
    assert threading.active_count() == 1


def test_long_work_shows_life(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "_SIGN_OF_LIFE_SECONDS", 0.001)
    signs = threading.Event()

    class Out(io.StringIO):
        def write(self, text: str) -> int:
            if text.endswith(" ... 0 s"):
                signs.set()
            return super().write(text)

    with Steps(Out()).step("the node image"):
        assert signs.wait(10)


def test_a_table_is_wrapped_where_it_is_printed_and_whole_on_a_page() -> None:
    row = ("some words that go on", "--cap-drop=ALL/and/a/path here\nand a line")
    table = Table("", ("one", "two"), [row], widths=(10,))
    assert "some words\n" in str(table).replace(" " * 2, "\n")
    assert "--cap-drop=ALL/and/a/path here" in str(table)
    assert "some words that go on" in table._repr_html_()


def test_columns_stand_below_one_another_whatever_is_in_them() -> None:
    table = Table("", ("name", "says"), [("李", "a\nb"), ("e\u0301", ""), ("long name", "c")])
    assert str(table).splitlines() == [
        "name       says",
        "---------  ----",
        "李         a",
        "           b",
        "e\u0301",
        "long name  c",
    ]


@given(st.lists(st.tuples(st.text("ab \n", max_size=9), st.text("ab \n", max_size=9)), max_size=4))
def test_a_table_of_any_text_has_its_text(rows: list[tuple[str, str]]) -> None:
    shown = str(Table("", ("one", "two"), rows))
    assert shown.split()[:2] == ["one", "two"]
    assert sorted(shown.split()[4:]) == sorted(word for row in rows for cell in row for word in cell.split())
    assert all(line == line.rstrip() for line in shown.splitlines())


def test_a_table_without_headers_is_rows_alone() -> None:
    assert str(Table("", (), [("a", "b"), ("cc", "d")])) == "a   b\ncc  d"
    assert str(Table("", (), [])) == ""
    assert str(Table("", ("a", "bb"), [])) == "a  bb\n-  --"
