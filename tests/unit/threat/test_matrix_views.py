"""The threat matrix as tables and as a picture, with one that was measured."""

from __future__ import annotations

import html
import json
import struct
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from itertools import chain, combinations, product
from pathlib import Path

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from labkit.base.errors import LabFailed, Misuse
from labkit.base.resources import CHECKOUT
from labkit.threat import matrix_picture
from labkit.threat.evidence import Cell, Matrix, Trial
from labkit.threat.expected import control_words, reason_for, surprising
from labkit.threat.judge import Control, Verdict
from labkit.threat.matrix_drawing import draw_matrix, draw_place
from labkit.threat.matrix_picture import picture, save_picture
from labkit.threat.matrix_signs import MEANINGS, SIGNS, legend
from labkit.threat.matrix_tables import (
    NOT_TRIED,
    cells_table,
    describe_matrix,
    differences_table,
    made_line,
    matrix_table,
    surprises_table,
)
from labkit.threat.postures import CLUSTER, ENGINE, PLACES
from labkit.threat.probes import PROBES


def recorded() -> Matrix:
    told = json.loads((CHECKOUT / "tests/recorded/threat/matrix.json").read_text(encoding="utf-8"))
    cells = [
        Cell(
            record["posture"],
            record["probe"],
            record["where"],
            Verdict(record["verdict"]),
            Control(record["control"]) if record["control"] else None,
            record["reason"],
            record["evidence"],
        )
        for record in told["cells"]
    ]
    trials = [
        Trial(
            record["posture"],
            record["where"],
            record["line"],
            record["facts"],
            [cell for cell in cells if _of(cell, record)],
        )
        for record in told["trials"]
    ]
    return Matrix(trials, told["made"])


def _of(cell: Cell, trial: dict[str, str]) -> bool:
    return (cell.posture, cell.where) == (trial["posture"], trial["where"])


MATRIX = recorded()
EMPTY = Matrix([])


def some(postures: Iterable[str], probes: Iterable[str], places: Iterable[str] = PLACES) -> Matrix:
    """A part of the matrix."""
    trials = [
        replace(trial, cells=[cell for cell in trial.cells if cell.probe in probes])
        for trial in MATRIX.trials
        if trial.posture in postures and trial.where in places
    ]
    return Matrix(trials, MATRIX.made)


def cell(posture: str, probe: str, where: str) -> Cell:
    seen = MATRIX.cell(posture, probe, where)
    assert seen is not None
    return seen


# --- tables ---


@pytest.mark.parametrize("where", PLACES)
def test_every_cell_of_a_place_stands_in_its_table_in_a_word(where: str) -> None:
    table = matrix_table(MATRIX, where)
    postures = table.headers[2:]
    shown = {(name, row[1], where): word for row in table.rows for name, word in zip(postures, row[2:], strict=True)}
    assert shown == {seen.key: seen.short for seen in MATRIX.cells if seen.where == where}
    assert {str(word) for word in shown.values()} <= control_words()
    assert [row[0] for row in table.rows] == [PROBES[str(row[1])].title for row in table.rows]


def test_the_words_of_a_table_have_their_meanings() -> None:
    lines = legend(some(["app-default"], ["mount", "write-tmp"]).cells).splitlines()
    refusers = [Control.CAPABILITY, Control.SECCOMP]
    assert lines == ["could: nothing stopped it", *(f"{control}: {control.meaning}" for control in refusers)]
    assert legend([]) == ""


def test_a_cell_that_was_not_tried_says_so() -> None:
    whole, part = some(["app-default"], ["mount", "write-tmp"]), some(["root-default"], ["mount"])
    table = matrix_table(Matrix([*whole.trials, *part.trials]), ENGINE)
    assert [row[1:] for row in table.rows] == [("write-tmp", "could", NOT_TRIED), ("mount", "seccomp", "seccomp")]


def test_every_difference_stands_in_the_table_with_its_reason() -> None:
    title_to_probe = {probe.title: name for name, probe in PROBES.items()}
    shown = {
        (posture, title_to_probe[" ".join(str(title).split())]): (engine, cluster, " ".join(str(why).split()))
        for postures, title, engine, cluster, why in differences_table(MATRIX).rows
        for posture in " ".join(str(postures).split()).split(", ")
    }
    differences = MATRIX.differences()
    assert len(differences) == len(shown) > 0
    for here, there in differences:
        engine, cluster, why = shown[here.posture, here.probe]
        assert (engine, cluster) == (here.full_verdict, there.full_verdict)
        assert reason_for(here) in why
        assert reason_for(there) in why
        assert why


def test_every_surprise_is_counted_under_its_reason() -> None:
    table = surprises_table(MATRIX)
    counts = Counter(reason_for(surprise) for surprise in surprising(MATRIX.cells))
    assert {" ".join(str(why).split()): number for number, _, why in table.rows} == counts


@pytest.mark.parametrize(
    ("probe", "line"),
    [
        ("write-tmp", "write-tmp: could in app-* but app-restricted, unknown-gid-0"),
        ("api-token", "api-token: could in app-* but app-restricted, unknown-gid-0, on the cluster"),
        ("host-processes", "host-processes: namespace in root-privileged"),
    ],
)
def test_surprises_are_said_in_short(probe: str, line: str) -> None:
    lines = [str(row[1]) for row in surprises_table(MATRIX).rows if probe in str(row[1])]
    assert line in [" ".join(text.split()) for text in lines]


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        (
            ("app-default", "read-shadow", ENGINE),
            (
                "Read /etc/shadow",
                "app-default\non the engine",
                "could not: DAC",
                'open("/etc/shadow", O_RDONLY)\n→ EACCES: permission denied',
                "EACCES for uid 1654",
            ),
        ),
        (
            ("app-default", "capabilities-bounding", CLUSTER),
            (
                "Keep capabilities in the bounding set",
                "app-default\non the cluster",
                "could",
                "read CapBnd of /proc/self/status\n→ done",
                "00000000a80425fb",
            ),
        ),
    ],
)
def test_a_cell_in_detail(key: tuple[str, str, str], shown: tuple[str, ...]) -> None:
    (row,) = cells_table([cell(*key)]).rows
    assert row == shown


def test_a_refused_pod_shows_what_the_server_said() -> None:
    (row,) = cells_table([cell("root-restricted", "mount", CLUSTER)]).rows
    assert row[2] == "could not: admission"
    assert '→ pod-security: pods "root-restricted" is' in str(row[3])


@pytest.mark.parametrize(
    ("outside", "verdict", "word"),
    [
        (True, Verdict.COULD, "seen from outside: yes"),
        (False, Verdict.UNKNOWN, "seen from outside: no"),
        (None, Verdict.COULD, "nobody could look"),
        (None, Verdict.COULD_NOT, ""),
    ],
)
def test_a_mark_says_whether_it_was_seen_from_outside(outside: bool | None, verdict: Verdict, word: str) -> None:
    control = Control.DAC if verdict is Verdict.COULD_NOT else None
    could = cell("root-hostpath", "mark-node", ENGINE)
    seen = replace(could, verdict=verdict, control=control, evidence={"outside": outside})
    (row,) = cells_table([seen]).rows
    assert word in str(row[4])
    assert ("outside" in str(row[4])) is bool(word)


def test_cells_fit_a_notebook() -> None:
    table = cells_table(MATRIX.cells)
    assert len(table.headers) <= 5
    assert max(len(line) for line in str(table).splitlines()) <= 190


@pytest.mark.parametrize(
    "matrix", [MATRIX, some(["app-default"], ["mount"]), some(["app-chiseled"], ["mount"], [ENGINE])]
)
def test_the_description_counts_right(matrix: Matrix) -> None:
    text = describe_matrix(matrix)
    for where in PLACES:
        counts = Counter(str(seen.verdict) for seen in matrix.cells if seen.where == where)
        sentence = (
            f"on the {where} {counts['could']} could, {counts['could not']} could not, {counts['unknown']} unknown"
        )
        assert (sentence in text) is bool(counts)
    assert "table" in text


def test_the_description_of_the_recorded_matrix() -> None:
    assert describe_matrix(MATRIX) == (
        "The threat matrix, 35 probes in 17 postures: on the engine 161 could, 293 could not, 1 unknown; "
        "on the cluster 258 could, 336 could not, 1 unknown. The table of the matrix says every cell in words."
    )


# --- the picture ---

GREY_MARGIN = 0.25


@pytest.fixture(scope="module")
def figure() -> Figure:
    return draw_matrix(MATRIX)


def texts(figure: Figure) -> list[Text]:
    return list(figure.axes[0].texts)


def cells_of(figure: Figure) -> list[tuple[Rectangle, Text]]:
    """Each cell with what is written in it; those of the legend too."""
    written = {tuple(round(place, 3) for place in label.get_position()): label for label in texts(figure)}
    signs = []
    for patch in figure.axes[0].patches:
        assert isinstance(patch, Rectangle)
        middle = patch.get_x() + patch.get_width() / 2, patch.get_y() + patch.get_height() / 2
        signs.append((patch, written[tuple(round(place, 3) for place in middle)]))
    return signs


def grey(patch: Rectangle) -> float:
    red, green, blue = to_rgb(patch.get_facecolor())
    return 0.299 * red + 0.587 * green + 0.114 * blue


def test_each_cell_has_its_sign_and_the_legend_has_every_sign_once(figure: Figure) -> None:
    signs = Counter(text.get_text() for _, text in cells_of(figure))
    verdicts = [verdict for verdict in SIGNS if verdict != NOT_TRIED]
    assert signs == Counter(SIGNS[seen.short] for seen in MATRIX.cells) + Counter(
        SIGNS[verdict] for verdict in verdicts
    )
    written = {text.get_text() for text in texts(figure)}
    assert {*verdicts, *(MEANINGS[verdict] for verdict in verdicts)} <= written


def test_probes_postures_title_and_versions_are_written(figure: Figure) -> None:
    written = Counter(text.get_text() for text in texts(figure))
    assert all(written[probe.title] == 1 for probe in PROBES.values())
    assert {"Within the container", "Out of the container", ENGINE, CLUSTER, made_line(MATRIX.made)} <= written.keys()
    assert all(written[trial.posture] >= 1 for trial in MATRIX.trials)
    assert {written[trial.posture] for trial in MATRIX.trials if trial.where == ENGINE} == {2}
    assert "Kubernetes v1.37.2" in made_line(MATRIX.made)
    assert made_line(MATRIX.made).startswith("measured 2026-11-25 ")


def test_every_word_has_a_sign_of_its_own_and_a_meaning() -> None:
    assert SIGNS.keys() == MEANINGS.keys() == control_words() | {NOT_TRIED}
    assert len(set(SIGNS.values())) == len(SIGNS)


def test_the_fills_differ_in_grey_and_go_with_the_signs(figure: Figure) -> None:
    signs = {SIGNS["could"]: "could", SIGNS["unknown"]: "unknown"}
    greys: dict[str, set[float]] = {"could": set(), "unknown": set(), "could not": set()}
    for patch, text in cells_of(figure):
        word = signs.get(text.get_text(), "could not")
        greys[word].add(round(grey(patch), 3))
        assert bool(patch.get_hatch()) is (word == "unknown")
        red, green, blue = to_rgb(text.get_color())
        assert abs(grey(patch) - (0.299 * red + 0.587 * green + 0.114 * blue)) > 2 * GREY_MARGIN
    (could,), (unknown,), (could_not,) = greys.values()
    assert could + GREY_MARGIN < unknown
    assert unknown + 0.2 < could_not
    assert could + 2 * GREY_MARGIN < could_not


PARTS = [
    MATRIX,
    EMPTY,
    some(["app-default"], ["write-tmp"], [CLUSTER]),
    some(["root-privileged", "root-userns", "app-default"], ["mount", "open-disk"]),
    some(["root-default"], PROBES, [ENGINE]),
    some([trial.posture for trial in MATRIX.trials], ["mount"]),
]


@pytest.mark.parametrize("matrix", PARTS, ids=lambda matrix: f"{len(list(matrix.cells))} cells")
def test_nothing_is_cut_off_or_lies_over_another(figure: Figure, matrix: Matrix) -> None:
    _all_stands_free(figure if matrix is MATRIX else draw_matrix(matrix))


@pytest.mark.parametrize("matrix", PARTS, ids=lambda matrix: f"{len(list(matrix.cells))} cells")
@pytest.mark.parametrize("where", PLACES)
def test_nothing_of_one_place_is_cut_off_or_lies_over_another(matrix: Matrix, where: str) -> None:
    _all_stands_free(draw_place(matrix, where))


# What JupyterLab leaves for an output at 1024 pixels, beside the course's panel.
NARROWEST_OUTPUT, SMALLEST_LETTER = 570, 10


@pytest.mark.parametrize("where", PLACES)
def test_one_place_has_all_of_its_cells_and_is_read_in_a_narrow_notebook(where: str) -> None:
    figure = draw_place(MATRIX, where)
    signs = Counter(text.get_text() for _, text in cells_of(figure))
    assert signs == Counter(SIGNS[seen.short] for seen in MATRIX.cells if seen.where == where)
    written = {" ".join(text.get_text().split()) for text in texts(figure)}
    assert {probe.title for probe in PROBES.values()} <= written
    pixels_in_a_point = min(NARROWEST_OUTPUT / figure.get_figwidth(), 108) / 72
    assert min(float(text.get_fontsize()) for text in texts(figure)) * pixels_in_a_point >= SMALLEST_LETTER


def _all_stands_free(figure: Figure) -> None:
    """Nothing reaches beyond the picture, and no text over another or over a cell that is not its own."""
    canvas = FigureCanvasAgg(figure)
    renderer = canvas.get_renderer()  # type: ignore[no-untyped-call]
    inside = cells_of(figure)
    for patch, sign in inside:
        box, room = sign.get_window_extent(renderer), patch.get_window_extent(renderer)
        assert room.x0 <= box.x0 <= box.x1 <= room.x1
    signs = {id(sign) for _, sign in inside}
    labels = [label for label in texts(figure) if id(label) not in signs]
    boxes = [(label.get_text(), *label.get_window_extent(renderer).extents) for label in labels]
    width, height = canvas.get_width_height()
    for text, left, bottom, right, top in boxes:
        assert 0 < left < right < width, text
        assert 0 < bottom < top < height, text
    rooms = [("a cell", *patch.get_window_extent(renderer).extents) for patch, _ in inside]
    for (text, left, bottom, right, top), (other, x0, y0, x1, y1) in chain(
        combinations(boxes, 2), product(boxes, rooms)
    ):
        assert right <= x0 or x1 <= left or top <= y0 or y1 <= bottom, f"{text!r} and {other!r}"


def test_a_cell_that_was_not_tried_is_drawn_and_explained() -> None:
    whole, part = some(["app-default"], ["mount", "write-tmp"]), some(["root-default"], ["mount"])
    written = Counter(text.get_text() for text in texts(draw_matrix(Matrix([*whole.trials, *part.trials]))))
    assert written[SIGNS[NOT_TRIED]] == 2 + 1
    assert written[NOT_TRIED] == 1


def test_the_picture_is_a_png_wide_enough_to_read(
    figure: Figure, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(matrix_picture, "draw_matrix", lambda _: figure)
    save_picture(MATRIX, tmp_path / "matrix.png")
    data = (tmp_path / "matrix.png").read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", data[16:24])
    assert 1600 <= width <= 2400
    assert 1200 <= height <= 2400
    assert len(data) < 1_000_000
    assert describe_matrix(MATRIX).encode() in data


def test_an_svg_holds_the_text_and_is_the_same_again(tmp_path: Path) -> None:
    part = some(["root-privileged", "app-default"], ["mount", "open-disk"])
    for name in ("one.svg", "two.SVG"):
        save_picture(part, tmp_path / name)
    text = (tmp_path / "one.svg").read_text(encoding="utf-8")
    assert text == (tmp_path / "two.SVG").read_text(encoding="utf-8")
    for word in ("Mount a file system", "root-privileged", "●", "CAP", Control.SECCOMP.meaning, describe_matrix(part)):
        assert html.escape(word, quote=False) in text


def test_another_ending_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Misuse, match=r"\.png and as \.svg"):
        save_picture(EMPTY, tmp_path / "matrix.gif")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(LabFailed, match="nowhere"):
        save_picture(EMPTY, tmp_path / "nowhere" / "matrix.png")


def test_a_notebook_gets_a_picture_of_each_place_with_its_description_and_the_signs() -> None:
    shown = picture(some(["app-default"], ["mount"]))
    assert [place.png[:4] for place, _ in shown.places] == [b"\x89PNG"] * 2
    page = shown._repr_html_()
    assert [page.count(html.escape(str(place))) for place, _ in shown.places] == [1, 1]
    assert html.escape(Control.CAPABILITY.meaning) in page
    assert Control.DAC.meaning not in page
    assert made_line(MATRIX.made) in page
    assert "1 probe in 1 posture:" in str(shown)
    assert len(picture(some(["app-default"], ["mount"], [CLUSTER])).places) == 1


def test_an_empty_matrix_breaks_nothing() -> None:
    tables = [matrix_table(EMPTY, ENGINE), differences_table(EMPTY), surprises_table(EMPTY), cells_table([])]
    assert [len(table.rows) for table in tables] == [0, 0, 0, 0]
    assert all(str(table) and table._repr_html_() for table in tables)
    assert describe_matrix(EMPTY) == "The threat matrix is empty: nothing was tried."
    assert "Nothing was tried." in [text.get_text() for text in texts(draw_matrix(EMPTY))]
    assert "Nothing was tried." in picture(EMPTY)._repr_html_()
