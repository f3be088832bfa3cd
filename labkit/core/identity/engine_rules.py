"""The identity that the engine gives a container: the image's USER, `docker run --user` and `--group-add`.

Sources: moby/sys:user/user.go at v0.4.0 (GetExecUser, GetAdditionalGroups), moby/moby:daemon/oci_linux.go (getUser),
opencontainers/runc:libcontainer/init_linux.go at v1.1.5 (setupUser) and at v1.4.3.
"""

from __future__ import annotations

from collections.abc import Sequence

from labkit.core.causes import Cause
from labkit.core.identity.accounts import Account, Group, UnreadableAccounts, accounts, groups
from labkit.core.identity.model import CannotResolve, Identity, Image
from labkit.core.identity.numbers import MAX_ID, as_uint32, fits_int64, is_valid_id, read_number
from labkit.core.identity.runtime_rules import check_kernel_takes, name_and_home

# opencontainers/runc pull request 3999: runc takes the numbers as they are.
_RUNC_TAKES_NUMBERS = (1, 3)


def resolve_in_engine(
    image: Image, spec: str, group_add: Sequence[str], because: list[str], runc: tuple[int, int] = (1, 1)
) -> Identity:
    """The identity of a container's process.

    Args:
        image: the container's image.
        spec: user, uid, user:group, uid:gid, user:gid or uid:group; "" for root.
        group_add: names or numbers of more groups.
        because: who decided what; sentences are added.
        runc: (major, minor) of the engine's runc.

    Raises:
        CannotResolve: the engine or runc refuses, in its words.
    """
    uid, gid, member_of = _exec_user(image, spec, because)
    added = _additional_groups(group_add, image.group)
    if added:
        because.append(f"--group-add adds {', '.join(str(one) for one in sorted(added))}")
    uid, gid = as_uint32(uid), as_uint32(gid)
    all_groups = [gid, *(as_uint32(one) for one in member_of), *(as_uint32(one) for one in added)]
    if runc < _RUNC_TAKES_NUMBERS:
        all_groups = _read_again(image, uid, gid, all_groups, because)
    check_kernel_takes(uid, gid, all_groups)
    name, home = name_and_home(image, uid, because)
    return Identity(uid, gid, tuple(sorted(set(all_groups))), name, home)


def _exec_user(image: Image, spec: str, because: list[str]) -> tuple[int, int, list[int]]:
    """GetExecUser: uid, gid and the groups that the user is a member of."""
    user, group = (*spec.split(":"), "")[:2]
    number = _number(user) if user else 0
    account = _first_account(image, user, number)
    if account is not None:
        uid, gid = account.uid, account.gid
        because.append(f"the passwd line of {account.name} says uid {as_uint32(uid)} and group {as_uint32(gid)}")
    elif number is None:
        raise CannotResolve(Cause.UNKNOWN_USER, f"unable to find user {user}: no matching entries in passwd file")
    else:
        uid, gid = _in_range(number), 0
        because.append(f"no passwd line has uid {uid}: that is no error, and the group is 0 (root)")
    if group:
        return uid, _explicit_group(image, group, because), []
    member_of = _memberships(image, account.name if account else "")
    if member_of:
        joined = ", ".join(str(as_uint32(one)) for one in member_of)
        because.append(f"the image's group file makes {account.name if account else user} a member of {joined}")
    return uid, gid, member_of


def _first_account(image: Image, user: str, number: int | None) -> Account | None:
    """The first passwd line with the uid, or with the name if it is no number; the whole file must be readable."""
    first = None
    try:
        for one in accounts(image.passwd):
            if first is None and (one.uid == number if number is not None else one.name == user):
                first = one
    except UnreadableAccounts as error:
        raise CannotResolve(Cause.BAD_USER_SPEC, f"unable to find user {user or 0}: {error}") from error
    return first


def _memberships(image: Image, name: str) -> list[int]:
    return [one.gid for one in groups(image.group) if name in one.members] if name else []


def _explicit_group(image: Image, group: str, because: list[str]) -> int:
    number = _number(group)
    for one in groups(image.group):
        if one.gid == number if number is not None else one.name == group:
            because.append(f"the group is given as {group}: {as_uint32(one.gid)}; other memberships are not looked up")
            return one.gid
    if number is None:
        raise CannotResolve(Cause.UNKNOWN_GROUP, f"unable to find group {group}: no matching entries in group file")
    because.append(f"the group is given as {group}; other memberships are not looked up")
    return _in_range(number)


def _additional_groups(wanted: Sequence[str], group_file: str | None) -> list[int]:
    """GetAdditionalGroups: names and numbers alike are looked for among names and numbers of the group file."""
    if not wanted:
        return []
    lines: list[tuple[Group, str]] = [(one, str(one.gid)) for one in groups(group_file)]
    found: dict[int, None] = {}
    for text in wanted:
        match = next((one for one, number in lines if text in (one.name, number) and one.gid not in found), None)
        if match is not None:
            found[match.gid] = None
            continue
        number = _number(text)
        if number is None:
            raise CannotResolve(Cause.UNKNOWN_GROUP, f"Unable to find group {text}: no matching entries in group file")
        found[_in_range(number)] = None
    return list(found)


def _read_again(image: Image, uid: int, gid: int, all_groups: list[int], because: list[str]) -> list[int]:
    """What runc before 1.3 makes of the numbers: it looks each up again, and takes group names for numbers."""
    if not is_valid_id(uid) and not any(one.uid == uid for one in accounts(image.passwd)):
        _in_range(uid)
    if not is_valid_id(gid) and not any(one.gid == gid for one in groups(image.group)):
        _in_range(gid)
    again = _additional_groups([str(one) for one in all_groups], image.group)
    if set(again) != set(all_groups):
        because.append("runc before 1.3 looks each number up in the group file once more, by name too: other groups")
    return [as_uint32(one) for one in again]


def _number(text: str) -> int | None:
    """strconv.Atoi: what is beyond 64 bits is no number either, and so a name."""
    number = read_number(text)
    return number if number is not None and fits_int64(number) else None


def _in_range(number: int) -> int:
    if not is_valid_id(number):
        raise CannotResolve(Cause.BAD_USER_SPEC, f"uids and gids must be in range 0-{MAX_ID}")
    return number
