"""The identity that containerd and runc give a container of a pod.

Sources, at containerd v2.3.4 and runc v1.4.3:
containerd/containerd:internal/cri/util/util.go (GenerateUserString),
containerd/containerd:internal/cri/server/container_create_linux.go (containerSpecOpts),
containerd/containerd:pkg/oci/spec_opts.go (WithUser, WithUserID, WithUsername, WithAdditionalGIDs, openUserFile),
containerd/containerd:internal/cri/opts/spec_opts.go (WithSupplementalGroups),
opencontainers/runc:libcontainer/init_linux.go (setupUser) and libcontainer/env.go (getUserHome).
"""

from __future__ import annotations

from collections.abc import Iterable

from labkit.core.causes import Cause
from labkit.core.identity.accounts import Account, UnreadableAccounts, accounts, groups
from labkit.core.identity.kubelet_rules import CriUser
from labkit.core.identity.model import CannotResolve, Identity, Image, Settings
from labkit.core.identity.numbers import as_uint32, is_valid_id, read_number

# pkg/oci/spec_opts.go, maxUserFileBytes
_LARGEST_FILE = 10 << 20
_NO_ID = 2**32 - 1


def check_sandbox(pod: Settings) -> None:
    """What containerd says to a pod's sandbox, which it makes before any container, with the pod's settings alone.

    containerd/containerd:internal/cri/server/podsandbox/sandbox_run_linux.go (sandboxContainerSpecOpts).

    Raises:
        CannotResolve: the pod sets a group and no user; no container of it starts, whatever that sets itself.
    """
    if pod.run_as_group is not None and pod.run_as_user is None:
        raise CannotResolve(Cause.BAD_USER_SPEC, f'user group "{pod.run_as_group}" is specified without user')


def resolve_in_pod(image: Image, user: CriUser, settings: Settings, because: list[str]) -> Identity:
    """The identity of a container's process.

    Args:
        image: the container's image.
        user: the image's user as the kubelet has it.
        settings: those in effect, let in by API server and kubelet.
        because: who decided what; sentences are added.

    Raises:
        CannotResolve: containerd or runc refuses.
    """
    if settings.run_as_user is not None:
        user = CriUser(settings.run_as_user)
    uid, gid = _user_and_group(image, user, settings.run_as_group, because)
    member_of = _groups_of_image(image, user, settings, because)
    given = _groups_of_pod(settings, because)
    all_groups = tuple(sorted({gid, *member_of, *given}))
    check_kernel_takes(uid, gid, all_groups)
    name, home = name_and_home(image, uid, because)
    return Identity(uid, gid, all_groups, name, home)


def check_kernel_takes(uid: int, gid: int, all_groups: Iterable[int]) -> None:
    """Raise what runc says to the one id that no process can have (setuid(2): -1 means no change)."""
    if _NO_ID in all_groups:
        raise CannotResolve(Cause.BAD_USER_SPEC, "setgroups: invalid argument")
    for kind, number in (("gid", gid), ("uid", uid)):
        if number == _NO_ID:
            raise CannotResolve(Cause.BAD_USER_SPEC, f"cannot set{kind} to unmapped {kind} {number} in user namespace")


def name_and_home(image: Image, uid: int, because: list[str]) -> tuple[str | None, str]:
    """The name and the HOME of a uid: runc looks it up by number, whatever name was given."""
    try:
        account = next((one for one in accounts(image.passwd) if one.uid == uid), None)
    except UnreadableAccounts:
        account = None
    if image.home:
        because.append(f"HOME is {image.home}: the image's environment says so")
        return (account.name if account else None), image.home
    if account is None:
        because.append(f"no passwd line has uid {uid}: the process has no name, and HOME is /")
        return None, "/"
    because.append(f"HOME is {account.home or 'empty'}: the passwd line of uid {uid} ({account.name}) says so")
    return account.name, account.home


def _user_and_group(image: Image, user: CriUser, group: int | None, because: list[str]) -> tuple[int, int]:
    """WithUser: uid and gid, from numbers or from passwd."""
    text = str(user.uid) if user.uid is not None else user.name
    number = read_number(text)
    if number is not None and not is_valid_id(number):
        spec = text if group is None else f"{text}:{group}"
        raise CannotResolve(Cause.BAD_USER_SPEC, f'invalid USER value "{spec}": uid out of range')
    if number is not None and group is not None:
        because.append(f"runAsGroup gives the group: {group}")
        return number, group
    account = _account(image, user, number)
    if account is None:
        because.append(f"no passwd line has uid {number}: the group is 0 (root)")
        return number or 0, 0
    uid = as_uint32(account.uid)
    if group is not None:
        because.append(f"the passwd line of {account.name} says uid {uid}; runAsGroup gives the group: {group}")
        return uid, group
    gid = as_uint32(account.gid)
    because.append(f"the passwd line of {account.name} says uid {uid} and group {gid}")
    return uid, gid


def _account(image: Image, user: CriUser, number: int | None) -> Account | None:
    """UserFromFS: the first passwd line with the uid or the name; a uid need not have one."""
    _check_size("etc/passwd", image.passwd)
    try:
        if number is not None:
            return _only(one for one in accounts(image.passwd) if one.uid == number)
        account = _only(one for one in accounts(image.passwd) if one.name == user.name)
    except UnreadableAccounts as error:
        raise CannotResolve(Cause.BAD_USER_SPEC, str(error)) from error
    if account is not None:
        return account
    if image.passwd is None:
        raise CannotResolve(Cause.UNKNOWN_USER, "etc/passwd: file does not exist")
    raise CannotResolve(Cause.UNKNOWN_USER, "no users found")


def _groups_of_image(image: Image, user: CriUser, settings: Settings, because: list[str]) -> set[int]:
    """WithAdditionalGIDs: the groups of which the image's group file makes the user a member."""
    if settings.supplemental_groups_policy == "Strict":
        because.append("supplementalGroupsPolicy Strict: the image's group file is not read")
        return set()
    name = user.name
    number = user.uid if user.uid is not None else read_number(name)
    if number is not None:
        account = _account(image, CriUser(number), number)
        if account is None:
            return set()
        name = account.name
    _check_size("etc/group", image.group)
    found = {as_uint32(one.gid) for one in groups(image.group) if one.name != name and name in one.members}
    if found:
        because.append(f"the image's group file makes {name} a member of {_join(found)}")
    return found


def _groups_of_pod(settings: Settings, because: list[str]) -> set[int]:
    """WithSupplementalGroups: fsGroup and supplementalGroups."""
    given = set(settings.supplemental_groups)
    if given:
        because.append(f"the pod's supplementalGroups add {_join(given)}")
    if settings.fs_group is not None:
        because.append(f"the pod's fsGroup adds {settings.fs_group}, which also owns its volumes")
        given.add(settings.fs_group)
    return given


def _check_size(name: str, text: str | None) -> None:
    if text is None or len(text) * 4 <= _LARGEST_FILE:
        return
    if len(text.encode("utf-8", "surrogatepass")) > _LARGEST_FILE:
        raise CannotResolve(Cause.BAD_USER_SPEC, f'"{name}" exceeds {_LARGEST_FILE} bytes')


def _only(found: Iterable[Account]) -> Account | None:
    """The first; the rest is read as well, for a line that is too long spoils the whole file."""
    first = None
    for one in found:
        first = first or one
    return first


def _join(numbers: Iterable[int]) -> str:
    return ", ".join(str(number) for number in sorted(numbers))
