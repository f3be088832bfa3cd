"""Tables and steps."""

from __future__ import annotations

import html
import io
import re
import sys
import threading

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from labkit.show import steps
from labkit.show.cards import command_html
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
    printed = out.getvalue()
    assert "the node image ...\n" in printed
    assert re.search(r"done: the node image, \d+\.\d s", printed)
    assert "\x1b" not in printed
    assert re.fullmatch(r"1 step in \d+\.\d s", steps.summary())


@pytest.mark.parametrize(("error", "word"), [(ValueError, "failed"), (KeyboardInterrupt, "interrupted")])
def test_a_step_that_does_not_end_well_says_so(error: type[BaseException], word: str) -> None:
    out = io.StringIO()
    steps = Steps(out)
    before = threading.active_count()  # Another file's tests may have left a server's thread.
    with pytest.raises(error), steps.step("the node image"):
        raise error
    assert re.search(rf"{word}: the node image, after \d+\.\d s", out.getvalue())
    assert steps.summary() == ""
    assert threading.active_count() == before


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


LONG = "a text that says at some length as whom the container runs and who " * 6
WIDE = Table(
    "",
    ("image", "source", "Config.User", "what it is"),
    [("debian", "stand-in", "(empty: root)", LONG)],
    "a note " * 30,
)


@given(st.lists(st.tuples(st.text(), st.text(), st.text(min_size=200)), max_size=4))
@example([("", "  labkit up", "  a command\nand what it does")])
def test_a_page_never_cuts_a_text(rows: list[tuple[str, str, str]]) -> None:
    page = Table("", ("a", "b", "c"), rows)._repr_html_()
    # Within a line's width a word is not broken, and nothing is said of what is longer.
    page = re.sub(r'<span style="display:inline-block;max-width:100%">(.*?)</span>', r"\1", page)
    # Two spaces before it make a line a command.
    page = re.sub(r'<code style="[^"]*">(.*?)</code>', r"\1", page, flags=re.DOTALL)
    cells = re.findall(r"<td[^>]*>(.*?)</td>", page, re.DOTALL)
    assert [html.unescape(cell) for cell in cells] == [text for row in rows for text in row]
    assert not re.search(r"overflow: ?hidden|text-overflow|max-width|nowrap", page)


@pytest.mark.parametrize("columns", [60, 80, 100, 200])
def test_a_table_fits_into_a_terminal_and_loses_no_word(columns: int) -> None:
    lines = WIDE.text(columns).splitlines()
    assert max(map(len, lines)) <= columns
    printed = " ".join(lines).split()
    assert printed.count("container") == LONG.split().count("container")
    assert all(word in printed for word in ("debian", "stand-in", "Config.User"))


def test_a_table_of_too_many_columns_shows_its_rows_one_below_the_other() -> None:
    heads = ["first-of-all", "second-of-all", "third-of-all", "fourth-of-all"]
    table = Table("", heads, [("one-long-word",) * 4, ("another-word", "", "three words here", "x")])
    assert table.text(40).splitlines() == [
        "first-of-all   one-long-word",
        "second-of-all  one-long-word",
        "third-of-all   one-long-word",
        "fourth-of-all  one-long-word",
        "",
        "first-of-all   another-word",
        "third-of-all   three words here",
        "fourth-of-all  x",
    ]


def test_a_text_stands_below_a_label_that_would_leave_it_a_strip() -> None:
    table = Table(
        "", (), [("Deployment with-a-long-name app", "the image sets no USER, which means root"), ("short", "x")]
    )
    assert table.text(40).splitlines() == [
        "Deployment with-a-long-name app",
        "    the image sets no USER, which means",
        "    root",
        "short",
        "    x",
    ]


def test_a_command_in_a_table_stays_whole() -> None:
    command = "  docker run --rm --user 1654 --cap-drop ALL localhost/labkit/aspnetapp:lab"
    table = Table("", (), [("what to do", f"start it by hand, and look at what it prints\n{command}")])
    assert command.strip() in table.text(50)


@given(st.lists(st.tuples(st.text(), st.text(), st.text()), max_size=4), st.integers(20, 120), st.booleans())
def test_a_table_of_any_text_can_be_printed_in_any_terminal(
    rows: list[tuple[str, str, str]], columns: int, with_headers: bool
) -> None:
    text = Table("", ("a", "b", "c") if with_headers else (), rows).text(columns)
    assert "".join(text.split()).count("\u2026") == sum(cell.count("\u2026") for row in rows for cell in row)
    for row in rows:
        for cell in row:
            assert all(word in text for word in cell.split() if word.isalnum())


def test_a_terminal_has_a_width_and_a_file_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    assert max(map(len, str(WIDE).splitlines())) > 60
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert max(map(len, str(WIDE).splitlines())) <= 60


def test_a_page_has_the_summary_of_a_long_table_first_and_scrolls_it() -> None:
    rows = [(number, "ok") for number in range(30)]
    (short, long) = (Table("", ("number", "state"), some, "all ok")._repr_html_() for some in (rows[:3], rows))
    assert short.index("<table") < short.index("all ok")
    assert long.index("all ok") < long.index("<table")
    assert 'tabindex="0"' in long
    assert "tabindex" not in short


def test_folded_rows_are_there_unfolded_in_text() -> None:
    table = Table(
        "", ("check", "state"), [("disk", "full")], "2 checks", folded=[("<cpu>", "ok")], fold="1 check is ok"
    )
    seen, folded = table._repr_html_().split("<details")
    assert "disk" in seen
    assert "2 checks" in seen
    assert "&lt;cpu&gt;" in folded
    assert "1 check is ok" in folded
    assert table.text().splitlines()[-2].split() == ["<cpu>", "ok"]


def test_the_first_cell_of_a_table_without_headers_names_its_row() -> None:
    assert '<th scope="row"' in Table("", (), [("lab", "up")])._repr_html_()
    assert "scope" not in Table("", (), [])._repr_html_()


def test_a_terminal_shows_verdicts_in_colour_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    table = Table("", ("pod", "verdict", "why"), [("refused-pod", "refused", "it was refused"), ("ok pod", "runs", "")])
    plain = table.text()
    assert str(table) == plain
    monkeypatch.setattr(sys, "stdout", _Terminal())
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    shown = str(table)
    assert re.sub(r"\x1b\[[0-9;]*m", "", shown) == plain
    assert re.findall(r"\x1b\[[1-9][0-9;]*m([^\x1b]*)", shown) == ["refused", "runs"]
    monkeypatch.setenv("NO_COLOR", "1")
    assert str(table) == plain


def test_a_head_that_reads_like_a_verdict_has_no_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", _Terminal())
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for width in ("80", "35"):
        monkeypatch.setenv("COLUMNS", width)
        shown = str(
            Table("", ("lesson", "passed", "verdict"), [("07-run-as-non-root", "0 of 3", "the kubelet refuses")])
        )
        assert re.findall(r"\x1b\[[1-9][0-9;]*m([^\x1b]*)", shown) == ["the kubelet refuses"]


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_four_columns_of_prose_fit_beside_the_panel_at_1024_pixels() -> None:
    call = 'open("/host/labkit-mark-104f61c7-cluster-root-hostpath", O_CREAT|O_WRONLY)'
    row = ("Leave a marker on the node", call, "A file outside of the container", "No hostPath without a reason")
    widths = [int(width) for width in re.findall(r"min-width:(\d+)ch", Table("", (), [row])._repr_html_())]
    # The box takes 542 pixels there, of which each cell has 12 beside its text; a character of 13 pixels is 8.3 wide.
    assert sum(widths) * 8.3 + len(row) * 12 < 542
    assert len(widths) == len(row)


@pytest.mark.parametrize(
    "line", ["kubectl apply --filename - <<'EOF'\nkind: Pod\n  - name: a-b\nEOF", "docker run --rm a/b:c id"]
)
def test_a_command_is_broken_at_blanks_alone_and_copied_as_it_is(line: str) -> None:
    shown = command_html(line)
    (code,) = re.findall(r'<code class="labkit-line"[^>]*>(.*?)</code>', shown, re.DOTALL)
    assert html.unescape(re.sub(r"<[^>]*>", "", code)) == line
    whole = re.findall(r'<span style="display:inline-block[^>]*>(.*?)</span>', code)
    assert [html.unescape(word) for word in whole] == [word for word in line.split() if "-" in word or "/" in word]


def test_a_name_in_a_table_is_not_broken_behind_its_hyphens() -> None:
    line = "dotnet publish hello -p:ContainerRepository=my-app"
    page = Table("", (), [("typed", line), ("short", "my-app")])._repr_html_()
    whole = re.findall(r'<span style="display:inline-block[^>]*>(.*?)</span>', page)
    assert whole == ["-p:ContainerRepository=my-app"]


def test_a_command_in_a_table_has_room_for_its_longest_word() -> None:
    command = "  sysctl fs.inotify.max_user_watches=524288"
    page = Table("", (), [("what to do", f"raise them\n{command}")])._repr_html_()
    (room,) = (int(width) for width in re.findall(r"min-width:(\d+)ch", page))
    assert room >= max(map(len, command.split()))
