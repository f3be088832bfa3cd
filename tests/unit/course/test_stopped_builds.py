"""What is said of a build that stopped, beside the builder's words."""

from __future__ import annotations

import pytest

from labkit.course.judging.stopped_builds import advice_on_stop

_NO_APP = "unable to find user app: no matching entries in passwd file"
_CHOWN = "chown: changing ownership of '/app': Operation not permitted"


@pytest.mark.parametrize(
    ("message", "steps", "advice"),
    [
        (
            "dockerfile parse error on line 2: unknown instruction: user: (did you mean user?)",
            "",
            "has no colon: USER and",
        ),
        (_NO_APP, "Step 1/3 : FROM ubuntu\nStep 2/3 : USER app\nStep 3/3 : RUN useradd app\n", "there is no app yet"),
        (
            _CHOWN,
            "Step 1/3 : FROM aspnetapp\nStep 2/3 : USER $APP_UID\nStep 3/3 : run chown -R app /app\n",
            "stands below USER $APP_UID, so it runs as that user",
        ),
        (_CHOWN, "STEP 1/3: FROM a\nSTEP 2/3: USER 1654:1654\nSTEP 3/3: RUN chown 1654 /app\n", "below USER 1654:1654"),
        (
            "mkdir: cannot create directory '/data': Permission denied",
            "[1/2] STEP 1/3: FROM a\n[1/2] STEP 2/3: USER app\n[1/2] STEP 3/3: RUN mkdir /data\n",
            "below USER app",
        ),
    ],
)
def test_it_says_what_to_change(message: str, steps: str, advice: str) -> None:
    assert advice in advice_on_stop(message, steps)


@pytest.mark.parametrize(
    ("message", "steps"),
    [
        ("dockerfile parse error on line 2: USER requires exactly one argument", ""),
        ("dockerfile parse error on line 2: unknown instruction: usr (did you mean user?)", ""),
        (_CHOWN, "Step 1/2 : FROM aspnetapp\nStep 2/2 : RUN chown -R app /app\n"),
        (_CHOWN, "Step 1/4 : FROM a\nStep 2/4 : USER app\nStep 3/4 : USER root\nStep 4/4 : RUN chown app /app\n"),
        ("mkdir: missing operand", "Step 1/3 : FROM a\nStep 2/3 : USER app\nStep 3/3 : RUN mkdir\n"),
        ("COPY failed: no permission denied here", "Step 1/2 : FROM a\nStep 2/2 : COPY a b\n"),
        (_NO_APP, "Step 1/2 : FROM a\nStep 2/2 : WORKDIR /app\n"),
        ("", ""),
    ],
)
def test_where_the_builders_words_are_enough_nothing_is_added(message: str, steps: str) -> None:
    assert advice_on_stop(message, steps) == ""
