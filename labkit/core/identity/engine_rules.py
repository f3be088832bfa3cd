"""The identity that the engine gives a container: the image's USER, `docker run --user` and `--group-add`.

Sources: moby/sys:user/user.go at v0.4.0 (GetExecUser, GetAdditionalGroups), moby/moby:daemon/oci_linux.go (getUser),
opencontainers/runc:libcontainer/init_linux.go at v1.1.5 (setupUser) and at v1.4.3.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from labkit.core.causes import Cause
from labkit.core.identity.accounts import Account, Group, UnreadableAccounts, accounts, groups
from labkit.core.identity.model import (
    MAX_ID,
    CannotResolve,
    Identity,
    Image,
    Resolution,
    as_uint32,
    fits_int64,
    is_valid_id,
    read_number,
)
from labkit.core.identity.runtime_rules import check_kernel_takes, name_and_home

# opencontainers/runc commit 9387eac3a: runc lets the kernel say which ids are not mapped, and names them.
_RUNC_NAMES_ID = (1, 2)
# opencontainers/runc pull request 3999: runc takes the numbers as they are.
_RUNC_TAKES_NUMBERS = (1, 3)
_READ_AGAIN = "runc before 1.3 looks each number up in the group file once more, by name too: other groups"


def resolve_in_engine(
    image: Image, spec: str, group_add: Sequence[str], runc: tuple[int, int] = (1, 1), mapped: int | None = None
) -> Resolution:
    """The identity of a container's process, or why the engine or runc refuses it.

    Args:
        image: the container's image.
        spec: user, uid, user:group, uid:gid, user:gid or uid:group; "" for root.
        group_add: names or numbers of more groups.
        runc: (major, minor) of the engine's runc.
        mapped: how many ids its user namespace maps, None if it has none of its own.
    """
    user, group = (*spec.split(":"), "")[:2]
    because: list[str] = []
    try:
        uid, gid, account, reason = _user(image, user)
        because.append(reason)
        member_of: list[int] = []
        if group:
            gid, is_in_file, reason = _explicit_group(image, group)
            because.append(reason)
            if not is_in_file:
                _check_range(gid)
        elif account is not None and (member_of := _memberships(image, account.name)):
            because.append(
                f"the image's group file makes {account.name} a member of {_join(map(as_uint32, member_of))}"
            )
        added = _additional_groups(group_add, image.group)
        if added:
            because.append(f"--group-add adds {_join(sorted(added))}")
        uid, gid = as_uint32(uid), as_uint32(gid)
        all_groups = [gid, *map(as_uint32, member_of), *map(as_uint32, added)]
        if runc < _RUNC_TAKES_NUMBERS:
            again = _read_again(image, uid, gid, all_groups)
            if set(again) != set(all_groups):
                because.append(_READ_AGAIN)
            all_groups = [as_uint32(gid) for gid in again]
        if mapped is not None:
            _check_mapped(uid, gid, all_groups, mapped, runc)
        check_kernel_takes(uid, gid, all_groups, names_id=runc >= _RUNC_NAMES_ID)
    except CannotResolve as error:
        return Resolution(refusal=error.refusal, because=tuple(because))
    name, home, reason = name_and_home(image, uid)
    identity = Identity(uid, gid, tuple(sorted(set(all_groups))), name, home)
    return Resolution(identity=identity, because=(*because, reason))


def _user(image: Image, user: str) -> tuple[int, int, Account | None, str]:
    """GetExecUser, its first half: uid, gid, the passwd line that has them, and the reason."""
    number = _number(user) if user else 0
    account = _first_account(image, user, number)
    if account is not None:
        uid, gid = account.uid, account.gid
        return (
            uid,
            gid,
            account,
            f"the passwd line of {account.name} says uid {as_uint32(uid)} and group {as_uint32(gid)}",
        )
    if number is None:
        raise CannotResolve(Cause.UNKNOWN_USER, f"unable to find user {user}: no matching entries in passwd file")
    _check_range(number)
    return number, 0, None, f"no passwd line has uid {number}: that is not an error, and the group is 0 (root)"


def _first_account(image: Image, user: str, number: int | None) -> Account | None:
    """The first passwd line with the uid, or with the name if it is not a number; the whole file must be readable."""
    first = None
    try:
        for line in accounts(image.passwd):
            if first is None and (line.uid == number if number is not None else line.name == user):
                first = line
    except UnreadableAccounts as error:
        raise CannotResolve(Cause.BAD_USER_SPEC, f"unable to find user {user or 0}: {error}") from error
    return first


def _memberships(image: Image, name: str) -> list[int]:
    return [line.gid for line in groups(image.group) if name in line.members] if name else []


def _explicit_group(image: Image, group: str) -> tuple[int, bool, str]:
    """GetExecUser, the group that the user is given with: its gid, whether the group file has it, and the reason."""
    number = _number(group)
    for line in groups(image.group):
        if line.gid == number if number is not None else line.name == group:
            reason = f"the group is given as {group}: {as_uint32(line.gid)}; other memberships are not looked up"
            return line.gid, True, reason
    if number is None:
        raise CannotResolve(Cause.UNKNOWN_GROUP, f"unable to find group {group}: no matching entries in group file")
    return number, False, f"the group is given as {group}; other memberships are not looked up"


def _additional_groups(wanted: Sequence[str], group_file: str | None) -> list[int]:
    """GetAdditionalGroups: names and numbers alike are looked for among names and numbers of the group file."""
    if not wanted:
        return []
    lines: list[tuple[Group, str]] = [(line, str(line.gid)) for line in groups(group_file)]
    gids: dict[int, None] = {}
    for text in wanted:
        for line, gid_of_line in lines:
            if (text == line.name or text == gid_of_line) and line.gid not in gids:
                gids[line.gid] = None
                break
        else:
            number = _number(text)
            if number is None:
                message = f"Unable to find group {text}: no matching entries in group file"
                raise CannotResolve(Cause.UNKNOWN_GROUP, message)
            _check_range(number)
            gids[number] = None
    return list(gids)


def _read_again(image: Image, uid: int, gid: int, all_groups: list[int]) -> list[int]:
    """What runc before 1.3 makes of the numbers: it looks each up again, and takes group names for numbers."""
    if not is_valid_id(uid) and not any(line.uid == uid for line in accounts(image.passwd)):
        _check_range(uid)
    if not is_valid_id(gid) and not any(line.gid == gid for line in groups(image.group)):
        _check_range(gid)
    return _additional_groups([str(number) for number in all_groups], image.group)


def _check_mapped(uid: int, gid: int, all_groups: Iterable[int], mapped: int, runc: tuple[int, int]) -> None:
    """What runc says to an id that the engine's user namespace does not map: rootless, or userns-remap."""
    for kind, number in (("uid", uid), ("gid", gid)):
        if runc < _RUNC_NAMES_ID and number >= mapped:
            raise CannotResolve(Cause.USER_NAMESPACE, f"cannot set {kind} to unmapped user in user namespace")
    if any(number >= mapped for number in all_groups):
        raise CannotResolve(Cause.USER_NAMESPACE, "setgroups: invalid argument")
    if uid >= mapped:
        raise CannotResolve(Cause.USER_NAMESPACE, f"cannot setuid to unmapped uid {uid} in user namespace")


def _number(text: str) -> int | None:
    """strconv.Atoi: what is beyond 64 bits is not a number either, and so a name."""
    number = read_number(text)
    return number if number is not None and fits_int64(number) else None


def _check_range(number: int) -> None:
    if not is_valid_id(number):
        raise CannotResolve(Cause.BAD_USER_SPEC, f"uids and gids must be in range 0-{MAX_ID}")


def _join(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, numbers))
