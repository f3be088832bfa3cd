"""What several exercises demand of an image; each says what was seen instead, and which changes would break it."""

from __future__ import annotations

from labkit.core.identity.model import Identity
from labkit.course.judging import breaks
from labkit.course.judging.breaks import FileBreak, ImageBreak
from labkit.course.judging.demands import Demand
from labkit.course.judging.emptied_users import why_nothing_is_left
from labkit.course.judging.judged_image import STRANGER, JudgedImage
from labkit.course.users import why_not_non_root


def non_root_by_number(asks: str, file: str = "") -> Demand[JudgedImage]:
    """Its user is a number other than 0, which is all that a kubelet goes by.

    (kubernetes/kubernetes:pkg/kubelet/kuberuntime/security_context.go, verifyRunAsNonRoot)

    Args:
        asks: the task's words.
        file: the Dockerfile that the participant edits, whose variables are looked at if no user is left.
    """

    def unmet(image: JudgedImage) -> str | None:
        if (reason := why_not_non_root(user := image.facts.user)) is not None:
            text = image.world.look.dockerfile(image.name, file) if file and not user.partition(":")[0] else None
            return f"{reason} {why_nothing_is_left(text or '', image.facts.env)}".rstrip()
        return None if image.process is not None else _does_not_start(image)

    return Demand("non-root", asks, unmet, breaks.NOT_NON_ROOT)


def not_root(asks: str) -> Demand[JudgedImage]:
    """Its process is not uid 0, however the image says so."""

    def unmet(image: JudgedImage) -> str | None:
        user = image.facts.user
        if image.process is None:
            return _does_not_start(image)
        return f'It runs as root: its Config.User is "{user}".' if image.process.uid == 0 else None

    return Demand("not root", asks, unmet, breaks.ROOT)


def runs_as(asks: str, uid: int) -> Demand[JudgedImage]:
    """Its process has this uid, however the image says so."""

    def unmet(image: JudgedImage) -> str | None:
        if image.process is None:
            return _does_not_start(image)
        if image.process.uid == uid:
            return None
        return f'It runs as uid {image.process.uid}: its Config.User is "{image.facts.user}". Uid {uid} is asked for.'

    return Demand("uid", asks, unmet, (breaks.ANOTHER_UID, *breaks.ROOT))


def not_in_group_zero(asks: str) -> Demand[JudgedImage]:
    """Its process is not in root's group, to which much is open in many images."""

    def unmet(image: JudgedImage) -> str | None:
        process = image.process
        if process is None or 0 not in (process.gid, *process.groups):
            return None
        return f"It runs as uid {process.uid}, and in group 0: what is open to root's group is open to it."

    return Demand("group", asks, unmet, (breaks.GROUP_ZERO,))


def starts(asks: str, prints: str = "", program: str = "", also: tuple[ImageBreak, ...] = ()) -> Demand[JudgedImage]:
    """It starts with its own entrypoint, as its own user, and goes on or ends well.

    It is started, and not reckoned from the file's mode: runc executes a container's first program while it still has
    the capabilities of the container, so root's closed file starts for any uid (opencontainers/runc:libcontainer/
    init_linux.go, finalizeNamespace, before the exec). A file without any x bit does not.

    Args:
        asks: the task's own words for it, to the letter.
        prints: what its program has to print; empty for nothing in particular.
        program: the file that it starts, if the exercise has one.
        also: what else would break it.
    """

    def unmet(image: JudgedImage) -> str | None:
        result = image.started.result
        if result.message:
            return _does_not_start(image)
        if not image.started.is_running and result.exit_status:
            return f"A container of it ends at once, with exit status {result.exit_status}: {image.last_line}"
        if prints not in result.stdout:
            return f"A container of it prints {image.last_line!r}, and not {prints!r}."
        return None

    closed = ImageBreak(f"{program} without x", files=(FileBreak(program, mode=0o600),))
    return Demand("starts", asks, unmet, (*breaks.NO_START, *([closed] if program else ()), *also))


def same_program(asks: str, path: str, *samples: str) -> Demand[JudgedImage]:
    """A program is still a sample image's own, to the byte.

    Args:
        asks: the task's own words for it, to the letter.
        path: the program.
        samples: the sample images that have it.
    """

    def unmet(image: JudgedImage) -> str | None:
        if image.tree.entry(path) is None:
            return f"{path} is not in the image any more."
        # What a .NET program does is in the file of its name beside it.
        beside = f"{path}.dll"
        for sample in samples:
            wanted = image.digest_of(sample, path), image.digest_of(sample, beside)
            if (image.tree.content_digest(path), image.tree.content_digest(beside)) == wanted:
                return None
        return f"{path} is not the program that it was: it is another file than that of {' or '.join(samples)}."

    return Demand(
        "program", asks, unmet, (ImageBreak("another content", files=(FileBreak(path, like="/etc/passwd"),)),)
    )


def stands_on(asks: str, base: str) -> Demand[JudgedImage]:
    """Its layers begin with those of a sample image."""

    def unmet(image: JudgedImage) -> str | None:
        facts = image.world.look.image(base)
        if facts is None or image.facts.stands_on(facts):
            return None
        return f"Its base is not {base} any more."

    return Demand("base", asks, unmet, (breaks.another_base("debian", "USER 1654"),))


def may_write(asks: str, path: str) -> Demand[JudgedImage]:
    """The image's own user may make files in a folder."""

    def unmet(image: JudgedImage) -> str | None:
        process = image.process
        if image.tree.entry(path) is None:
            return f"There is no {path} in the finished image."
        place = image.tree.resolve(path)
        if place is None or place.kind != "folder":
            return f"{path} is there, and it is not a folder."
        if process is not None and image.tree.may_write(process, path):
            return None
        return f"{describe(image, path)}, and the app runs as {_who(process)}: it may not write there."

    return Demand(f"writes {path}", asks, unmet, (breaks.owned_by(path, 0),))


def may_not_replace(asks: str, *paths: str) -> Demand[JudgedImage]:
    """The image's own user may neither change nor replace files, nor put new ones beside them.

    Args:
        asks: the task's own words for it, to the letter.
        paths: files, or folders for what is in them.
    """

    def unmet(image: JudgedImage) -> str | None:
        process = image.process
        for path in paths if process is not None else ():
            assert process is not None
            entry = image.tree.entry(path)
            if entry is None:
                return f"{path} is not in the image any more."
            if entry.kind == "folder" and image.tree.may_write(process, path):
                return f"As {_who(process)} the app can put new files into {path}; {describe(image, path)}."
            if image.tree.replaceable_by(process, path):
                kind = "take over" if entry.kind == "folder" else "replace its own program"
                return f"As {_who(process)} the app can {kind}, {path}; so can whoever breaks into it."
        return None

    return Demand("closed to the app", asks, unmet, tuple(breaks.open_to_all(path) for path in paths))


def closed_to_strangers(asks: str, path: str, *, reading: bool = False) -> Demand[JudgedImage]:
    """Nobody but root and the image's own user may write it, or put another in its place (or read it).

    Docker gives root's group to a uid that has no line in passwd (moby/sys:user/user.go, GetExecUser).
    """

    def unmet(image: JudgedImage) -> str | None:
        inside = () if reading else (entry.path for entry in image.tree.under(path))
        for place in (path, *inside):
            for stranger in image.strangers(place):
                deed = _deed(image, stranger, place, reading=reading)
                if deed is not None:
                    return f"{place} is open: {_stranger(stranger)}, may {deed} it. {describe(image, place)}."
        return None

    opened = breaks.open_to_all(path, 0o644 if reading else 0o777)
    to_root_group = breaks.owned_by(path, 1654, 0, 0o640 if reading else 0o770)
    to_another_group = breaks.owned_by(path, 1654, 33, 0o640 if reading else 0o770)
    return Demand("closed to strangers", asks, unmet, (opened, to_root_group, to_another_group))


def not_lent(asks: str, path: str, *samples: str) -> Demand[JudgedImage]:
    """No program with a setuid or setgid bit, or with capabilities, opens a file that is closed to strangers.

    Args:
        asks: the task's own words for it, to the letter.
        path: the file.
        samples: the images whose own such programs count as given.
    """

    def unmet(image: JudgedImage) -> str | None:
        lent = image.lent_to_strangers(path, *samples)
        if not lent:
            return None
        return f"{path} is closed, and everybody may start {lent[0]}, whose setuid or setgid bit opens it."

    left = ImageBreak("a setuid program", files=(FileBreak("/usr/local/bin/lent", mode=0o4755, like="/etc/passwd"),))
    return Demand("not lent", asks, unmet, (left,))


def _deed(image: JudgedImage, stranger: Identity, path: str, *, reading: bool) -> str | None:
    """What somebody may do with a file that is closed; None for nothing."""
    if reading and image.tree.may_read(stranger, path):
        return "read"
    if image.tree.may_write(stranger, path):
        return "write"
    if not image.tree.replaceable_by(stranger, path):
        return None
    entry = image.tree.resolve(path)
    return "change the mode of" if entry is not None and entry.uid == stranger.uid else "replace"


def _stranger(stranger: Identity) -> str:
    if stranger.uid != STRANGER:
        return f"uid {stranger.uid}" + (f", {stranger.user}" if stranger.user else "")
    if stranger.gid == STRANGER:
        return f"uid {STRANGER}, with a group of its own"
    unknown = "in group 0, as Docker starts an unknown uid"
    return f"uid {STRANGER}, " + (unknown if stranger.gid == 0 else f"in group {stranger.gid}")


def describe(image: JudgedImage, path: str) -> str:
    """Owner and mode of what a path leads to, in words."""
    entry = image.tree.resolve(path)
    if entry is None:
        return f"There is no {path}"
    link = "" if entry.path == path else f"{path} leads to {entry.path}, and "
    return f"{link}{entry.path} belongs to {entry.uid}:{entry.gid}, mode {entry.octal}"


def _does_not_start(image: JudgedImage) -> str:
    message = image.started.result.message
    return f'Config.User is "{image.facts.user}", and a container of it does not start: {message}'


def _who(process: Identity | None) -> str:
    return f"uid {process.uid}, gid {process.gid}" if process else "nobody that the engine can resolve"
