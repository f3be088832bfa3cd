"""What IPython shows for each type of result."""

from __future__ import annotations

import html
import re
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import RichOutput, capture_output
from traitlets.config import Config

from labkit.core.causes import Cause
from labkit.core.pods.objects import Applied, Rollout
from labkit.core.pods.outcome import Outcome, Verdict
from labkit.core.refuser import Refuser
from labkit.core.run_results import RunResult
from labkit.course import check_views as course
from labkit.course.check_views import check_html, hint_html, offer_help
from labkit.course.checking import CheckResult, Hint
from labkit.course.judging.assessment import CheckVerdict
from labkit.lab.container import Container
from labkit.notebook.views import lines_html, outcome_html, register_views, run_html
from labkit.show.table import Table
from labkit.threat.probes import find_probe
from tests.unit.notebook.paper import paper_engine

_LESSON = "07-run-as-non-root"


def test_a_probe_is_described_in_words_and_does_not_say_where_it_leads() -> None:
    text = str(find_probe("engine-socket"))
    assert text.startswith("engine-socket: Reach the engine's socket\ngives an attacker: ")
    assert "breakout" not in text
    assert "engine-socket: Reach" in lines_html(find_probe("engine-socket"))


def test_what_was_probably_meant_is_not_cut_off() -> None:
    message = f"{'x' * 300}\nallowPrivilegeEscalation is true or false, without quotes"
    shown = outcome_html(Outcome("p", "ns", "not admitted", Cause.INVALID_MANIFEST, message=message))
    assert f"{'x' * 240}…" in shown
    assert "allowPrivilegeEscalation is true or false, without quotes" in shown


class _HelperWithOneHint:
    """Gives one hint."""

    def hint(self, name: str) -> Hint:
        return Hint(name, "hint 1 of 1", "first")

    def solution(self, name: str, *, put: bool = False) -> Hint:
        return Hint(name, "a solution", "x = 1", is_code=True)


def _result(verdict: CheckVerdict) -> CheckResult:
    return CheckResult(_LESSON, "which-cause", verdict, "The pod is `refused`.", 2)


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> Iterator[InteractiveShell]:
    """An IPython with the kit's views, and the help of nobody."""
    monkeypatch.setattr(course, "_helpers", {})
    # A history would have a thread of its own, which outlives the test.
    shell = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
    register_views()
    yield shell
    InteractiveShell.clear_instance()


def _shown(value: object) -> list[dict[str, Any]]:
    with capture_output() as captured:
        formatter = InteractiveShell.instance().display_formatter
        assert formatter is not None
        data, _ = formatter.format(value)  # type: ignore[no-untyped-call]
        outputs: list[RichOutput] = captured.outputs
    return [output.data for output in outputs] + ([data] if data else [])


def test_a_notebook_shows_a_check_and_its_buttons(shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(course, "in_notebook", lambda: True)
    offer_help(_LESSON, _HelperWithOneHint())
    result = _result(CheckVerdict.NOT_YET)
    answer, buttons = _shown(result)
    assert answer == {"text/html": check_html(result), "text/plain": str(result)}
    assert "application/vnd.jupyter.widget-view+json" in buttons
    assert buttons["text/plain"] == "Buttons: Hint, Solution"
    assert len(_shown(_result(CheckVerdict.PASSED))) == 1


def test_without_a_notebook_there_are_no_buttons(shell: InteractiveShell) -> None:
    offer_help(_LESSON, _HelperWithOneHint())
    result = _result(CheckVerdict.NOT_YET)
    assert _shown(result) == [{"text/html": check_html(result), "text/plain": str(result)}]


def test_a_hint_is_shown_as_text_and_as_html(shell: InteractiveShell) -> None:
    hint = Hint("which-cause", "hint 1 of 3", "Look at `runAsUser`.")
    assert _shown(hint) == [{"text/html": hint_html(hint), "text/plain": str(hint)}]
    assert "<code>runAsUser</code>" in hint_html(hint)


def test_a_terminals_colours_are_not_shown(shell: InteractiveShell) -> None:
    (shown,) = _shown(RunResult("docker build .", "\x1b[91muid <1000>\x1b[0m is taken", 1))
    assert "uid &lt;1000&gt; is taken" in shown["text/html"]
    assert "\x1b" not in shown["text/html"]


@pytest.mark.parametrize(
    ("result", "text"),
    [
        (Outcome("web", "ns", "refused", Cause.IMAGE_RUNS_AS_ROOT, message="<no>"), "&lt;no&gt;"),
        (Applied("secret/a", ("<careful>",)), "&lt;careful&gt;"),
        (Rollout("web", 2, 1, 1), "1 of 2 pods ready"),
        (Container(paper_engine(), "0123456789abcdef", "docker run <x>"), "docker run &lt;x&gt;"),  # type: ignore[arg-type]
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_result_is_shown_as_html_too(shell: InteractiveShell, result: object, text: str) -> None:
    (shown,) = _shown(result)
    assert text in shown["text/html"]
    assert shown["text/plain"] == repr(result)


def test_without_ipython_nothing_is_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "IPython")
    register_views()


def test_outside_of_a_shell_nothing_is_registered() -> None:
    InteractiveShell.clear_instance()
    register_views()


def test_who_refused_and_why_is_the_first_thing_that_is_shown() -> None:
    refused = Outcome("web", "ns", "refused", Cause.IMAGE_RUNS_AS_ROOT, refuser=Refuser.KUBELET)
    shown = re.sub(r"<[^>]*>", "", outcome_html(refused))
    assert shown.startswith(html.escape(f"✗ refused the kubelet refuses: {Cause.IMAGE_RUNS_AS_ROOT.meaning}"))
    assert "refuses" not in outcome_html(Outcome("web", "ns", "running"))


def test_a_pod_that_waits_is_not_said_to_have_had_its_time() -> None:
    """The kit stops to look as soon as nobody is about to give what the pod waits for."""
    message = 'FailedMount: secret "key" not found'
    page = outcome_html(
        Outcome("p", "n", "pending", cause=Cause.TIMEOUT, message=message, container="app", seconds=3.8)
    )
    assert "timeout" not in page.partition("<details")[0]
    assert "not started so far, in container app" in page and "secret &quot;key&quot; not found" in page


@pytest.mark.parametrize(
    ("verdict", "sign"),
    [("running", "✓"), ("succeeded", "✓"), ("failed", "✗"), ("not admitted", "✗"), ("pending", "…")],
)
def test_a_verdict_is_seen_by_its_colour_its_sign_and_its_word(verdict: Verdict, sign: str) -> None:
    shown = re.sub(r"<[^>]*>", "", outcome_html(Outcome("web", "ns", verdict)))
    assert shown.startswith(f"{sign} {verdict} ")


def test_what_a_pod_violates_is_said_once_and_the_rest_is_folded() -> None:
    violations = ("runAsNonRoot != true (pod must set it)", "seccompProfile (pod must set it)")
    message = f'pods "web" is forbidden: violates PodSecurity "restricted": {", ".join(violations)}'
    outcome = Outcome(
        "web",
        "ns",
        "not admitted",
        Cause.POD_SECURITY,
        message=message,
        violations=violations,
        refuser=Refuser.ADMISSION,
    )
    seen, folded = outcome_html(outcome).split("<details", maxsplit=1)
    read = re.sub(r"<[^>]*>", "", seen)
    assert [read.count(violation.partition(" (")[0]) for violation in violations] == [1, 1]
    assert "admission refuses: 2 violations" in read
    assert html.escape(message) not in seen
    assert html.escape(message) in re.sub(r"<[^>]*>", "", folded)


def test_the_kubelets_words_are_shortened_and_whole_in_the_details() -> None:
    message = 'container has runAsNonRoot and image will run as root (pod: "web_ns(1-2-3)", container: web)'
    outcome = Outcome(
        "web", "ns", "refused", message=message, refuser=Refuser.KUBELET, command="kubectl apply\nmore <x>"
    )
    seen, folded = outcome_html(outcome).rsplit("<details", maxsplit=1)
    assert "<q>container has runAsNonRoot and image will run as root</q>" in seen
    assert html.escape(message) in re.sub(r"<[^>]*>", "", folded)
    assert seen.index("kubectl apply") < seen.index("refused</span>")
    assert "more &lt;x&gt;" in seen


def test_a_command_that_did_not_run_is_a_verdict_too() -> None:
    result = RunResult("docker run debian nope", "", 127, Cause.COMMAND_NOT_FOUND, "exec: <nope>: not found")
    shown = re.sub(r"<[^>]*>", "", run_html(result))
    assert shown.startswith("$ docker run debian nope Copy✗ did not run the image has no such program")
    assert "exec: &lt;nope&gt;: not found" in shown


def test_long_output_is_folded_behind_its_beginning() -> None:
    text = "\n".join(f"line {number} <b>" for number in range(100))
    (short, long) = (lines_html(RunResult("id", output, 0)) for output in ("one line", text))
    assert "<details" not in short
    seen, folded = long.split("<details")
    assert "line 11 " in seen
    assert "line 12 " not in seen
    assert "88 more of 100 lines" in folded
    assert "line 99 &lt;b&gt;" in folded


def test_what_stands_between_two_dollars_is_no_formula() -> None:
    """JupyterLab typesets it outside of code, unless an element around it says that it holds no mathematics."""
    result = CheckResult(_LESSON, "x", CheckVerdict.NOT_RIGHT, "USER ${APP_UID:?} failed: ${APP_UID:?}", 2)
    outcome = Outcome("p", "n", "refused", message="$A and $B")
    for page in (check_html(result), outcome_html(outcome), Table("", (), [("$A", "$B")])._repr_html_()):
        assert re.match(r'<div class="mathjax_ignore"', page)


def test_a_running_pod_says_as_whom() -> None:
    page = outcome_html(Outcome("first", "n", "running", runs_as="uid 1654"))
    assert "pod first, as uid 1654" in page
