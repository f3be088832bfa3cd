"""What a cell must show: each kind of expectation holds where it should, and fails where it should."""

from __future__ import annotations

from typing import Any

import pytest

from tests.notebooks.expectations import expectation_of, shown_by, unmet

RUN = "$ docker run --rm --user 0 debian whoami\nroot"
STOPPED = "$ docker exec web id\ndid not run: unknown-user (the user is not in passwd)\nno such user\nexit status 126"
ID = "$ docker run --rm --user 7 debian id\nuid=1654(app) gid=1654(app) groups=1654(app)"
REFUSED = """pod           web-1
verdict       refused
cause         image-runs-as-root: the image runs as root
in its words  container has runAsNonRoot and image will run as root (pod: "web-1")
event         Warning  Failed  Error: container has runAsNonRoot"""
PROBES = """probe          app-default  unknown-gid-0
-------------  -----------  -------------
group-file     DAC          could
write-tmp      could        could"""


def _result(text: str, page: str | None = None) -> dict[str, Any]:
    data = {"text/plain": text} | ({"text/html": page} if page else {})
    return {"output_type": "execute_result", "data": data, "metadata": {}}


def _unmet(expect: dict[str, Any], *outputs: dict[str, Any]) -> list[str]:
    expectation = expectation_of({"metadata": {"labkit": {"expect": expect}}})
    assert expectation is not None
    return unmet(expectation, outputs)


@pytest.mark.parametrize(
    ("expect", "shown"),
    [
        ({"text": "root"}, RUN),
        ({"text": "root"}, f"  image debian, with the probes ...\n  done: image debian, with the probes, 9.5 s\n{RUN}"),
        ({"lines": ["root"]}, RUN),
        ({"words": ["--user 0", "root"]}, RUN),
        (
            {"words": ["image will run"]},
            "container has runAsNonRoot and image\n        will run as root",
        ),
        ({"not": ["uid=0", "--user 7"]}, ID),
        ({"verdict": "refused"}, REFUSED),
        ({"cause": "image-runs-as-root"}, REFUSED),
        ({"cause": "unknown-user"}, STOPPED),
        ({"cause": None}, RUN),
        ({"exit_status": 126}, STOPPED),
        ({"exit_status": 0}, RUN),
        ({"uid": 1654}, ID),
        ({"uid": 1654}, "runs as  uid 1654 (app), gid 1654"),
        ({"table": {"group-file": "could"}}, PROBES),
        ({"table": {"group-file": ["DAC", "could"], "write-tmp": ["could", "could"]}}, PROBES),
    ],
)
def test_what_is_shown_is_met(expect: dict[str, Any], shown: str) -> None:
    assert _unmet(expect, _result(shown)) == []


@pytest.mark.parametrize(
    ("expect", "shown", "sentence"),
    [
        ({"text": "app"}, RUN, "nothing but 'app' was expected"),
        ({"text": "root"}, f"{RUN}\nand more", "nothing but 'root' was expected"),
        ({"lines": ["0"]}, RUN, "a line '0' was expected"),
        ({"lines": ["docker run --rm --user 0 debian whoami"]}, RUN, "a line 'docker run"),
        ({"words": ["Permission denied"]}, RUN, "the words 'Permission denied' were expected"),
        ({"not": ["uid=1654(app)"]}, ID, "the words 'uid=1654(app)' were not expected"),
        ({"verdict": "running"}, REFUSED, "verdict running was expected, shown is refused"),
        ({"verdict": "running"}, RUN, "verdict running was expected, shown is none"),
        ({"cause": "pod-security"}, REFUSED, "cause pod-security was expected, shown is image-runs-as-root"),
        ({"cause": "pod-security"}, RUN, "cause pod-security was expected, shown is none"),
        ({"cause": None}, REFUSED, "no cause was expected, shown is image-runs-as-root"),
        ({"exit_status": 0}, STOPPED, "exit status 0 was expected, it is 126"),
        ({"exit_status": 1}, RUN, "exit status 1 was expected, it is 0"),
        ({"uid": 0}, ID, "uid 0 was expected, shown is 1654"),
        ({"uid": 1654}, f"{ID}\nuid=0(root)", "uid 1654 was expected, shown is 1654, 0"),
        ({"uid": 0}, RUN, "uid 0 was expected, shown is none"),
        ({"table": {"group-file": "seccomp"}}, PROBES, "row 'group-file' with 'seccomp' was expected, it has"),
        ({"table": {"group-file": ["could", "DAC"]}}, PROBES, "row 'group-file' with ('could', 'DAC') was expected"),
        ({"table": {"mount": "could"}}, PROBES, "a row 'mount' was expected"),
    ],
)
def test_what_is_not_shown_is_said(expect: dict[str, Any], shown: str, sentence: str) -> None:
    (wrong,) = _unmet(expect, _result(shown))
    assert wrong.startswith(sentence)


def test_everything_that_is_wrong_is_said_at_once() -> None:
    assert len(_unmet({"lines": ["app"], "exit_status": 1, "words": ["denied"]}, _result(RUN))) == 3


def test_a_cell_that_shows_nothing_meets_nothing() -> None:
    assert _unmet({"not": ["root"]}) == ["something to see was expected, the cell shows nothing"]
    assert _unmet({"exit_status": 0}) == ["something to see was expected, the cell shows nothing"]


def test_what_stands_on_the_page_alone_counts_for_words() -> None:
    sheet = _result("worksheet of 1 row", "<td>uid &lt; 1</td>\n<td>read the <b>key</b></td>")
    assert _unmet({"words": ["uid < 1", "read the key"]}, sheet) == []
    assert _unmet({"lines": ["read the key"]}, sheet) == ["a line 'read the key' was expected"]


def test_stdout_and_results_are_shown_in_order_and_stderr_is_not() -> None:
    streams = [{"output_type": "stream", "name": name, "text": f"{name}\n"} for name in ("stderr", "stdout")]
    assert shown_by([*streams, _result("'result'")]) == "stdout\n'result'"


@pytest.mark.parametrize(
    "expect",
    [
        {},
        {"word": ["root"]},
        {"phrases": ["root"]},
        {"lines": "root"},
        {"cause": "image-is-root"},
        {"verdict": "runs"},
        {"exit_status": "0"},
        {"uid": None, "table": 1},
        {"table": {"row": 1}},
        "root",
    ],
)
def test_an_expectation_of_another_form_is_an_error(expect: object) -> None:
    with pytest.raises(ValueError):
        expectation_of({"metadata": {"labkit": {"expect": expect}}})


def test_a_cell_need_not_expect_anything() -> None:
    assert expectation_of({"metadata": {}}) is None
    assert expectation_of({"metadata": {"labkit": {"seed": ["S1"]}}}) is None
