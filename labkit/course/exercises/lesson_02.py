"""Exercises of 02-root-by-default."""

from __future__ import annotations

from typing import Any

from labkit.course.exercise import Assessment, Exercise, Wrong, not_right, not_yet, passed
from labkit.course.users import kubelet_refusal
from labkit.course.world import World
from labkit.lab.samples.image_facts import ImageFacts

_STRANGER = "4711"
"""A uid that no image of this lesson knows; its group is named with it, because without it is root's."""


def _check_another_root(world: World, answer: str) -> Assessment:
    stdout = world.start.run("toor", "whoami").output
    if answer.strip() != stdout:
        return not_right(
            f"whoami does not say {answer!r}. It never sees the word behind USER: a process has a number, "
            "and whoami looks in passwd for a line with that number."
        )
    return passed(f"{stdout}: the uid is 0, and the first line of passwd with a 0 is root's. toor is root.")


_ANOTHER_ROOT = Exercise(
    name="another-root",
    kind="predict",
    answers=str,
    hints=(
        "What does the kernel keep of a process's user: a word or a number?",
        "Which uid is in the line of toor, and who else has it?",
        "whoami takes the first line of passwd that has uid 0. Which one is first in all of these images?",
    ),
    solution='prediction = "root"',
    wrong=(
        Wrong('prediction = "toor"', "never sees the word behind USER"),
        Wrong('prediction = "app"', "a line with that number"),
        Wrong("prediction = 0", "a text in quotes is expected"),
    ),
    check=_check_another_root,
)

_CANDIDATES = ("stepdown", "named-user", "gid-zero", "aspnetapp-chiseled", "rce-app")


def _check_who_passes(world: World, answer: list[Any]) -> Assessment:
    for name in answer:
        if name not in _CANDIDATES:
            return not_right(f"{name!r} is not one of the five images.")
    users = {name: facts.user for name in _CANDIDATES if (facts := world.look.image(name)) is not None}
    for name in answer:
        if kubelet_refusal(users[name]) is not None:
            outcome = world.start.pod(name, pod={"runAsNonRoot": True}, name=f"who-passes-{name}")
            message = (outcome.message or str(outcome.verdict)).partition(" (pod:")[0]
            return not_right(f'A pod of {name} is refused: "{message}". Its Config.User is "{users[name]}".')
    missing = [name for name, user in users.items() if kubelet_refusal(user) is None and name not in answer]
    if missing:
        return not_right(
            f"Those in your list pass, but {len(missing)} more would. The kubelet asks for a number that is not 0, "
            "and for nothing else: not for a name, not for the group."
        )
    return passed("A number that is not 0 passes, whatever the group is. Empty is root, and a name proves nothing.")


_WHO_PASSES = Exercise(
    name="who-passes",
    kind="choose",
    answers=list,
    hints=(
        "The kubelet does not run the image. What does it have to go by? `lab.image(name).user` shows it.",
        "A start script that gives up root later is not in the metadata, and a name is not looked up in passwd.",
        "Two of the five have a number that is not 0 in Config.User; what follows a colon is the group.",
    ),
    solution='passes = ["gid-zero", "aspnetapp-chiseled"]',
    others=('passes = ["aspnetapp-chiseled", "gid-zero"]',),
    wrong=(
        Wrong('passes = ["stepdown", "gid-zero", "aspnetapp-chiseled"]', "image will run as root"),
        Wrong('passes = ["named-user", "aspnetapp-chiseled", "gid-zero"]', "non-numeric user (app)"),
        Wrong('passes = ["aspnetapp-chiseled"]', "1 more would"),
        Wrong('passes = "aspnetapp-chiseled"', "a list is expected"),
        Wrong('passes = ["debian"]', "not one of the five"),
    ),
    check=_check_who_passes,
)


def _check_menu(world: World, _: Any) -> Assessment:
    image = world.look.image("menu")
    if image is None:
        return not_yet("There is no image menu; did its build come to the end?")
    if not image.user:
        return not_yet("menu runs as root: its Config.User is empty.")
    if refused := _not_a_number(image):
        return refused
    menu = world.start.run("menu")
    if menu.cause is not None or menu.exit_status or "soup" not in menu.output:
        return not_right(f'With Config.User "{image.user}" it cannot show the menu: {menu.message or menu.output}')
    stranger = world.start.run("menu", "cat /srv/menu", user=f"{_STRANGER}:{_STRANGER}")
    if stranger.exit_status == 0:
        return not_right(f"It shows the menu, and so it does to uid {_STRANGER}: the file is open to everybody now.")
    if "Permission denied" not in stranger.output:
        return not_right(
            f"Something is shown, but it is not the closed /srv/menu: {stranger.message or stranger.output}"
        )
    return passed(f'Config.User is "{image.user}", the menu is read, and it stays closed to others.')


def _not_a_number(image: ImageFacts) -> Assessment | None:
    """Why the kubelet does not take an image's user for non-root; None if it does."""
    refusal = kubelet_refusal(image.user)
    if refusal is None:
        return None
    return not_right(f'Config.User is "{image.user}". The kubelet would say: {refusal.message}.')


_MENU = Exercise(
    name="menu",
    kind="build",
    hints=(
        "Who owns /srv/menu, and whom does mode 600 let in?",
        "While the image is built, root may give the file away: chown takes numbers, and needs no line in passwd.",
        "RUN chown 1654 /srv/menu, and below it USER 1654.",
    ),
    solution='''
lab.build("""
FROM debian
RUN echo soup > /srv/menu && chmod 600 /srv/menu && chown 1654 /srv/menu
USER 1654
CMD ["cat", "/srv/menu"]
""", name="menu")
''',
    others=(
        '''
lab.build("""
FROM debian
RUN echo soup > /srv/menu && chown 0:2000 /srv/menu && chmod 640 /srv/menu
USER 2000:2000
CMD ["cat", "/srv/menu"]
""", name="menu")
''',
        '''
lab.build("""
FROM debian
RUN useradd --uid 1001 cook && echo soup > /srv/menu && chown cook /srv/menu && chmod 400 /srv/menu
USER 1001
CMD ["cat", "/srv/menu"]
""", name="menu")
''',
    ),
    wrong=(
        Wrong(
            '''
lab.build("""
FROM debian
RUN echo soup > /srv/menu && chmod 600 /srv/menu
USER 1654
CMD ["cat", "/srv/menu"]
""", name="menu")
''',
            "Permission denied",
        ),
        Wrong(
            '''
lab.build("""
FROM debian
RUN echo soup > /srv/menu && chmod 644 /srv/menu
USER 1654
CMD ["cat", "/srv/menu"]
""", name="menu")
''',
            "open to everybody",
        ),
        Wrong(
            '''
lab.build("""
FROM debian
RUN useradd cook && echo soup > /srv/menu && chown cook /srv/menu && chmod 600 /srv/menu
USER cook
CMD ["cat", "/srv/menu"]
""", name="menu")
''',
            "non-numeric user (cook)",
        ),
        Wrong(
            '''
lab.build("""
FROM debian
RUN echo soup > /srv/menu && chmod 600 /srv/menu
USER 0
CMD ["cat", "/srv/menu"]
""", name="menu")
''',
            "image will run as root",
        ),
    ),
    check=_check_menu,
)

_WRITE = "touch /var/lib/diary/page"


def _check_too_early(world: World, _: Any) -> Assessment:
    image = world.look.image("diary")
    if image is None:
        return not_yet("There is no image diary: its build stops before the end.")
    written = world.start.run("diary", _WRITE)
    if written.cause is not None:
        return not_right(f"diary was built, and does not run: {written.message}")
    uid = world.start.run("diary", "id -u").output
    if uid == "0":
        return not_right(f'diary was built, and runs as uid 0: its Config.User is "{image.user}".')
    if uid != "1654":
        return not_right(f"diary was built, and runs as uid {uid}; 1654 was asked for.")
    if written.exit_status:
        return not_right(f"diary was built and runs as uid 1654, but it cannot write: {written.output}")
    if world.start.run("diary", _WRITE, user=f"{_STRANGER}:{_STRANGER}").exit_status == 0:
        return not_right(f"uid 1654 can write its diary, and so can uid {_STRANGER}: the folder is open to everybody.")
    return passed("diary was built, runs as uid 1654, and nobody else but root writes its folder.")


_TOO_EARLY = Exercise(
    name="too-early",
    kind="repair",
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
            "runs as uid 0",
        ),
        Wrong(
            '''
lab.build("""
FROM runtime-deps
USER root
RUN mkdir /var/lib/diary && chown app /var/lib/diary
""", name="diary")
''',
            'Config.User is "root"',
        ),
        Wrong(
            '''
lab.build("""
FROM runtime-deps
RUN mkdir /var/lib/diary
USER $APP_UID
""", name="diary")
''',
            "cannot write",
        ),
        Wrong(
            '''
lab.build("""
FROM runtime-deps
RUN mkdir /var/lib/diary && chmod 777 /var/lib/diary
USER $APP_UID
""", name="diary")
''',
            "open to everybody",
        ),
    ),
    check=_check_too_early,
)

EXERCISES = (_ANOTHER_ROOT, _WHO_PASSES, _MENU, _TOO_EARLY)
