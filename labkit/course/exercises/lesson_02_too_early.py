"""The exercise too-early of 02-root-by-default."""

from __future__ import annotations

from labkit.course.exercise import Exercise, Wrong
from labkit.course.judging.demands import DemandCheck
from labkit.course.judging.image_demands import (
    closed_to_strangers,
    may_write,
    not_lent,
    runs_as,
)
from labkit.course.judging.judged_image import JudgedImage, image_named

_DIARY = "/var/lib/diary"
_TOO_EARLY_STEPS = 5  # two of them are labels


def _too_early_as_given(image: JudgedImage) -> str | None:
    if image.is_edited("diary/Dockerfile"):
        return None
    if not image.stopped_at(_TOO_EARLY_STEPS, "USER $APP_UID", "RUN mkdir /var/lib/diary"):
        return None
    return f"There is no image diary: its build stops before the end. {image.why_it_stopped}"


_CHECK_TOO_EARLY = DemandCheck(
    look=image_named("diary"),
    ahead=lambda image, pool: image.begin(pool, starts=()),
    as_given=_too_early_as_given,
    demands=(
        runs_as("run as uid 1654", 1654),
        may_write("able to write files into `/var/lib/diary`", _DIARY),
        closed_to_strangers("no other but root", _DIARY),
        not_lent("no other but root", _DIARY, "runtime-deps"),
    ),
    praise=lambda image: f"diary was built, runs as uid {image.identity.uid}, and nobody else but root writes there.",
)

TOO_EARLY = Exercise(
    name="too-early",
    kind="repair",
    file="diary/Dockerfile",
    hints=(
        "As whom does a RUN below USER work?",
        "Let the RUN come before the USER. Who owns the folder then?",
        "RUN mkdir /var/lib/diary && chown $APP_UID /var/lib/diary, and USER $APP_UID in the line below.",
    ),
    solution='''
lab.build("""
FROM runtime-deps
RUN mkdir /var/lib/diary && chown $APP_UID /var/lib/diary
USER $APP_UID
""", name="diary")
''',
    others=(
        '''
lab.build("""
FROM runtime-deps
USER $APP_UID
USER root
RUN install --directory --owner app --group app --mode 0700 /var/lib/diary
USER app
""", name="diary")
''',
        '''
lab.build("""
FROM debian AS prepared
RUN mkdir /diary
FROM runtime-chiseled
COPY --from=prepared --chown=1654 /diary /var/lib/diary
""", name="diary")
''',
        '''
lab.build("""
FROM runtime-deps
RUN mkdir /var/lib/diary && chgrp 1654 /var/lib/diary && chmod 775 /var/lib/diary
USER 1654:1654
""", name="diary")
''',
    ),
    wrong=(
        Wrong(
            '''
lab.build("""
FROM runtime-deps
RUN mkdir /var/lib/diary
""", name="diary")
''',
            "It runs as uid 0",
        ),
        Wrong(
            '''
lab.build("""
FROM runtime-deps
USER root
RUN mkdir /var/lib/diary && chown app /var/lib/diary
""", name="diary")
''',
            'its Config.User is "root"',
        ),
        Wrong(
            '''
lab.build("""
FROM runtime-deps
RUN mkdir /var/lib/diary
USER $APP_UID
""", name="diary")
''',
            "may not write there",
        ),
        Wrong(
            '''
lab.build("""
FROM runtime-deps
RUN mkdir /var/lib/diary && chmod 777 /var/lib/diary
USER $APP_UID
""", name="diary")
''',
            "may write it",
        ),
        Wrong(
            '''
lab.build("""
FROM runtime-deps
RUN mkdir /var/lib/diary && chmod 770 /var/lib/diary
USER 1654:0
""", name="diary")
''',
            "in group 0",
        ),
        Wrong(
            '''
lab.build("""
FROM runtime-deps
RUN mkdir /var/lib/diary && chown nobody-here /var/lib/diary
USER $APP_UID
""", name="diary")
''',
            "Your last build stopped",
        ),
        # The same after a stage of which nothing is taken.
        Wrong(
            '''
lab.build("""
FROM debian AS prepared
RUN mkdir /diary
FROM runtime-deps
USER $APP_UID
RUN mkdir /var/lib/diary
""", name="diary")
''',
            "Your last build stopped",
        ),
        Wrong(
            '''
lab.build("""
FROM runtime-deps
RUN touch /var/lib/diary && chown $APP_UID /var/lib/diary
USER $APP_UID
""", name="diary")
''',
            "it is not a folder",
        ),
        Wrong(
            '''
lab.build("""
FROM runtime-deps
RUN mkdir /var/lib/diary && chown $APP_UID /var/lib/diary && chmod 777 /var/lib
USER $APP_UID
""", name="diary")
''',
            "may replace it",
        ),
        Wrong(
            '''
lab.build("""
FROM runtime-deps
RUN mkdir -m 770 /var/lib/diary && chown 33:$APP_UID /var/lib/diary
USER $APP_UID
""", name="diary")
''',
            "uid 33, www-data, may write it",
        ),
        Wrong(
            '''
lab.build("""
FROM runtime-deps
RUN mkdir -m 775 /var/lib/diary && chown $APP_UID:33 /var/lib/diary
USER $APP_UID
""", name="diary")
''',
            "may write it",
        ),
        Wrong(
            '''
lab.build("""
FROM runtime-deps
RUN mkdir /var/lib/diary && chown $APP_UID /var/lib/diary && mkdir -m 777 /var/lib/diary/all
USER $APP_UID
""", name="diary")
''',
            "/var/lib/diary/all is open",
        ),
    ),
    check=_CHECK_TOO_EARLY,
)
