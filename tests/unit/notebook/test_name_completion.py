"""Tab where a call of the kit's expects a name."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell

from labkit.notebook.name_completion import NameCompletion, install_name_completion
from labkit.notebook.opened_lesson import OpenedLesson

_LESSON = cast(
    OpenedLesson,
    SimpleNamespace(
        name="07-run-as-non-root",
        own_images={"my-app"},
        lab=SimpleNamespace(catalogue={"alpine": 1, "aspnetapp": 1, "aspnetapp-root": 1}),
    ),
)


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        ("lab.pod('asp", ["aspnetapp", "aspnetapp-root"]),
        ('lab.image("my', ["my-app"]),
        ("lab.check('", ["in-the-container", "which-cause", "all-of-them"]),
        ("lab.pod('alpine', init='al", ["alpine"]),
        ("lab.pod('alpine', name='al", None),
        ("lab.threats.probe('app-drop", ["app-drop-all"]),
        ("lab.threats.probe('app-default', 'listen", ["listen-80"]),
        ("lab.threats.probe('app-default', 'mount', where='", ["engine", "cluster"]),
        ("lab.threats.matrix(['app-default', 'app-no-new", ["app-no-new-privs"]),
        ("lab.threats.matrix(['app-default'], ['mount', 'listen", ["listen-80"]),
        ("lab.threats.breakout('CVE-2024-2", ["CVE-2024-21626"]),
        ("lab.enforce('b", ["baseline"]),
        ("labkit.open('07", ["07-run-as-non-root"]),
        ("x = 1\nlab.check(\n    'which", ["which-cause"]),
        ("lab.pod('nothing-like-it", []),
        ("lab.apply('al", None),
        ("open('al", None),
        ("frame.table('al", None),
        ("print('asp", None),
        ("lab.pod('alpine')", None),
        ("", None),
    ],
)
def test_a_name_is_completed_where_one_is_expected(typed: str, names: list[str] | None) -> None:
    assert NameCompletion(_LESSON).names(typed) == names


def test_a_notebook_offers_names_alone_once() -> None:
    shell: Any = InteractiveShell()  # type: ignore[no-untyped-call]
    shell.user_ns["lab"] = cast(Any, object())
    for _ in range(2):  # a lesson that is opened again
        install_name_completion(shell, _LESSON)
    text = "lab.pod('asp"
    with provisionalcompleter():
        offered = [
            (completion.text, completion.start, completion.end)
            for completion in shell.Completer.completions(text, len(text))
        ]
    assert offered == [("aspnetapp", 9, 12), ("aspnetapp-root", 9, 12)]
