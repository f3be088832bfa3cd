"""Exercises of 02-root-by-default."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from labkit.archives.tree_entry import READ, WRITE
from labkit.course.exercise import Exercise, Wrong
from labkit.course.judging import breaks
from labkit.course.judging.assessment import Assessment, not_right, passed
from labkit.course.judging.breaks import FileBreak, ImageBreak
from labkit.course.judging.demands import Demand, DemandCheck
from labkit.course.judging.image_demands import (
    closed_to_strangers,
    describe,
    may_write,
    non_root_by_number,
    not_lent,
    runs_as,
)
from labkit.course.judging.judged_image import AS_IT_IS, STRANGER, AppStart, JudgedImage, image_named
from labkit.course.users import kubelet_refusal
from labkit.course.world import World


def _check_another_root(world: World, answer: str) -> Assessment:
    stdout = world.start.run("toor", "whoami").stdout
    if answer.casefold() != stdout:
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
    others=('prediction = "Root"',),
    wrong=(
        Wrong('prediction = "toor"', "never sees the word behind USER"),
        Wrong('prediction = "app"', "a line with that number"),
        Wrong("prediction = 0", "a text in quotes is expected"),
    ),
    check=_check_another_root,
)

_CANDIDATES = ("stepdown", "named-user", "gid-zero", "aspnetapp-chiseled", "rce-app")


def _check_who_passes(world: World, answer: list[Any]) -> Assessment:
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
    choices=_CANDIDATES,
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


_MENU_FILE = "/srv/menu"
# What it does to the file is looked at where it shows another menu: one start tells both.
_WITH_ANOTHER_MENU = AppStart(contents=((_MENU_FILE, b"bread\n"),), files=(_MENU_FILE,))
_BY_A_STRANGER = AppStart(user=f"{STRANGER}:{STRANGER}")


def _menu_as_given(image: JudgedImage) -> str | None:
    made = "RUN echo soup > /srv/menu && chmod 600 /srv/menu"
    if not image.is_built_by("debian", made, 'CMD ["cat" "/srv/menu"]'):
        return None
    return "menu runs as root: its Config.User is empty."


def _does_not_show_the_file(image: JudgedImage) -> str | None:
    result = image.started.result
    if result.exit_status or "soup" not in result.stdout:
        return f'With Config.User "{image.facts.user}" it cannot show the menu: {result.message or image.last_line}'
    # Another menu in the same file, with the same owner and mode: does it show that?
    other = image.app(_WITH_ANOTHER_MENU)
    if "bread" in other.result.stdout:
        return None
    if image.tree.content_digest(_MENU_FILE) is None:
        return f"It prints soup, and there is no file {_MENU_FILE} in the image."
    return f"It prints soup, but not because of {_MENU_FILE}: with another menu in that file it prints the same."


def _open_copy(image: JudgedImage) -> str | None:
    digest = image.tree.content_digest(_MENU_FILE)
    for entry in image.tree.under("/"):
        is_copy = entry.path != _MENU_FILE and entry.kind == "file" and image.tree.content_digest(entry.path) == digest
        if is_copy and any(image.tree.may_read(stranger, entry.path) for stranger in image.strangers(entry.path)):
            return f"{_MENU_FILE} is closed, and a copy of it is open to everybody: {describe(image, entry.path)}."
    return None


def _shows_it_to_anybody(image: JudgedImage) -> str | None:
    left, entry = image.app(_WITH_ANOTHER_MENU).files.get(_MENU_FILE), image.tree.resolve(_MENU_FILE)
    if left is not None and entry is not None and left != (entry.uid, entry.gid, entry.mode):
        opened = replace(entry, uid=left.uid, gid=left.gid, mode=left.mode)
        if any(opened.permits(stranger, READ | WRITE) for stranger in image.strangers(_MENU_FILE)):
            return f"{_MENU_FILE} is closed in the image, and open once its program runs: mode {opened.octal}."
    # Its mode closes the file, so only a program with more rights than whoever starts it could show it.
    if not image.lent_to_strangers(_MENU_FILE, "debian") or "soup" not in image.app(_BY_A_STRANGER).result.stdout:
        return None
    return f"{_MENU_FILE} is closed, and the image shows the menu to uid {STRANGER} too: its program opens any file."


_CHECK_MENU = DemandCheck(
    look=image_named("menu"),
    ahead=lambda image, pool: image.begin(pool, (AS_IT_IS, _WITH_ANOTHER_MENU)),
    as_given=_menu_as_given,
    demands=(
        non_root_by_number("a user who is not root, in a way that the kubelet would take for it: a number"),
        Demand(
            "shows the menu",
            "must still show the menu",
            _does_not_show_the_file,
            (
                *breaks.NO_START,
                breaks.ANOTHER_UID,
                ImageBreak("another menu", ("ENTRYPOINT []", 'CMD ["echo", "soup"]')),
                breaks.owned_by(_MENU_FILE, 0, 0, 0o600),
                # Whom this lets in as the owner, others of the right answers do not run as.
                breaks.owned_by(_MENU_FILE, 1654, 0, 0o640),
                breaks.owned_by(_MENU_FILE, 1654, 33, 0o640),
            ),
        ),
        closed_to_strangers("`/srv/menu` must stay closed to everybody else", _MENU_FILE, reading=True),
        Demand(
            "no open copy",
            "closed to everybody else",
            _open_copy,
            (ImageBreak("an open copy", files=(FileBreak("/srv/copy", mode=0o644, like=_MENU_FILE),)),),
        ),
        Demand(
            "not by its program",
            "closed to everybody else",
            _shows_it_to_anybody,
            (ImageBreak("a setuid cat", files=(FileBreak("/usr/bin/cat", mode=0o4755),)),),
        ),
        not_lent("closed to everybody else", _MENU_FILE, "debian"),
    ),
    praise=lambda image: f'Config.User is "{image.facts.user}", the menu is read, and it stays closed to others.',
)

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
            "it cannot show the menu",
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
            "may read it",
        ),
        # Docker starts a uid that has no line in passwd in group 0.
        Wrong(
            '''
lab.build("""
FROM debian
RUN echo soup > /srv/menu && chmod 640 /srv/menu
USER 1654
CMD ["cat", "/srv/menu"]
""", name="menu")
''',
            "in group 0",
        ),
        Wrong(
            '''
lab.build("""
FROM debian
RUN echo soup > /srv/menu && chmod 600 /srv/menu
USER 1654
CMD ["echo", "soup"]
""", name="menu")
''',
            "not because of /srv/menu",
        ),
        Wrong(
            '''
lab.build("""
FROM debian
RUN echo soup > /srv/menu && cp /srv/menu /srv/open && chmod 600 /srv/menu && chown 1654 /srv/menu
USER 1654
CMD ["cat", "/srv/menu"]
""", name="menu")
''',
            "a copy of it is open",
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
            'Config.User is "cook", a name',
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
            "the one of root",
        ),
        Wrong(
            '''
lab.build("""
FROM debian
RUN echo soup > /srv/menu && chown 1654 /srv/menu && chmod 622 /srv/menu
USER 1654
CMD ["cat", "/srv/menu"]
""", name="menu")
''',
            "may write it",
        ),
        Wrong(
            '''
lab.build("""
FROM debian
RUN echo soup > /srv/menu && chown 33:1654 /srv/menu && chmod 640 /srv/menu
USER 1654:1654
CMD ["cat", "/srv/menu"]
""", name="menu")
''',
            "uid 33, www-data, may read it",
        ),
        Wrong(
            '''
lab.build("""
FROM debian
RUN echo soup > /srv/menu && chown 1654:33 /srv/menu && chmod 640 /srv/menu
USER 1654
CMD ["cat", "/srv/menu"]
""", name="menu")
''',
            "may read it",
        ),
        Wrong(
            '''
lab.build("""
FROM debian
RUN echo soup > /srv/menu && chown 1654 /srv/menu && chmod 600 /srv/menu && chmod 777 /srv
USER 1654
CMD ["cat", "/srv/menu"]
""", name="menu")
''',
            "may replace it",
        ),
        Wrong(
            '''
lab.build("""
FROM debian
RUN echo soup > /srv/menu && chmod 600 /srv/menu && chmod u+s /usr/bin/cat
USER 1654
CMD ["cat", "/srv/menu"]
""", name="menu")
''',
            "its program opens any file",
        ),
        # Its owner opens it at the start.
        Wrong(
            '''
lab.build("""
FROM debian
RUN echo soup > /srv/menu && chmod 600 /srv/menu && chown 1654 /srv/menu
USER 1654
CMD chmod 644 /srv/menu; exec cat /srv/menu
""", name="menu")
''',
            "open once its program runs: mode 644",
        ),
        # Whoever starts it is the menu's owner, who is not root.
        Wrong(
            '''
lab.build("""
FROM debian
RUN echo soup > /srv/menu && chmod 600 /srv/menu && chown 1654 /srv/menu
RUN install -o 1654 -m 4755 /bin/cat /opt/show
USER 1654
CMD ["cat", "/srv/menu"]
""", name="menu")
''',
            "everybody may start /opt/show",
        ),
    ),
    check=_CHECK_MENU,
)

_DIARY = "/var/lib/diary"
_TOO_EARLY_STEPS = 5  # two of them are labels


def _too_early_as_given(image: JudgedImage) -> str | None:
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
        Wrong(
            '''
lab.build("""
FROM runtime-deps
RUN touch /var/lib/diary && chown $APP_UID /var/lib/diary
USER $APP_UID
""", name="diary")
''',
            "no folder",
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

EXERCISES = (_ANOTHER_ROOT, _TOO_EARLY, _MENU, _WHO_PASSES)
