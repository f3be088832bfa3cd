"""The exercise menu of 02-root-by-default."""

from __future__ import annotations

from dataclasses import replace

from labkit.archives.tree_entry import READ, WRITE
from labkit.course.exercise import Exercise, Wrong
from labkit.course.judging import breaks
from labkit.course.judging.breaks import FileBreak, ImageBreak
from labkit.course.judging.demands import Demand, DemandCheck
from labkit.course.judging.image_demands import (
    closed_to_strangers,
    describe,
    non_root_by_number,
    not_lent,
)
from labkit.course.judging.judged_image import AS_IT_IS, STRANGER, AppStart, JudgedImage, image_named

_MENU_FILE = "/srv/menu"
# What it does to the file is looked at where it shows another menu: one start tells both.
_WITH_ANOTHER_MENU = AppStart(contents=((_MENU_FILE, b"bread\n"),), files=(_MENU_FILE,))
_BY_A_STRANGER = AppStart(user=f"{STRANGER}:{STRANGER}")


def _menu_as_given(image: JudgedImage) -> str | None:
    made = "RUN echo soup > /srv/menu && chmod 600 /srv/menu"
    if image.is_edited("menu/Dockerfile"):
        return None
    if not image.is_built_by("debian", made, 'CMD ["cat" "/srv/menu"]'):
        return None
    return "menu runs as root: its Config.User is empty."


def _does_not_show_the_file(image: JudgedImage) -> str | None:
    result = image.started.result
    if result.exit_status or "soup" not in result.stdout:
        is_silent = not (result.message or result.stderr or result.stdout).strip()
        came = "it prints nothing, so look at its CMD, too" if is_silent else result.message or image.last_line
        return f'With Config.User "{image.facts.user}" it cannot show the menu: {came}'
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
        non_root_by_number(
            "a user who is not root, in a way that the kubelet would take for it: a number", "menu/Dockerfile"
        ),
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

MENU = Exercise(
    name="menu",
    kind="build",
    file="menu/Dockerfile",
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
