"""The identity that containerd and runc give a container of a pod.

Sources, at containerd v2.3.4 and runc v1.4.3:
containerd/containerd:internal/cri/util/util.go (GenerateUserString),
containerd/containerd:internal/cri/server/container_create_linux.go (containerSpecOpts),
containerd/containerd:pkg/oci/spec_opts.go (WithUser, WithUserID, WithUsername, WithAdditionalGIDs, openUserFile),
containerd/containerd:internal/cri/opts/spec_opts.go (WithSupplementalGroups),
opencontainers/runc:libcontainer/init_linux.go (setupUser) and libcontainer/env.go (prepareEnv),
containerd/containerd:internal/userns/idmap.go (ToHost), which the owner of a container's output goes through.
"""

from __future__ import annotations

from collections.abc import Iterable

from labkit.core.causes import Cause
from labkit.core.identity.accounts import Account, UnreadableAccounts, accounts, groups
from labkit.core.identity.kubelet_rules import CriUser, EnvironmentHome
from labkit.core.identity.model import (
    IDS_IN_POD_NAMESPACE,
    CannotResolve,
    Identity,
    Image,
    Resolution,
    Settings,
    as_uint32,
    is_valid_id,
    read_number,
)

# pkg/oci/spec_opts.go, maxUserFileBytes
_LARGEST_FILE = 10 << 20
_NO_ID = 2**32 - 1
_NO_GROUPS = "unable to setup user: setgroups: invalid argument"


def check_sandbox(pod: Settings) -> None:
    """What containerd and runc say to a pod's sandbox, made before any container, with the pod's user and group alone.

    containerd/containerd:internal/cri/server/podsandbox/sandbox_run_linux.go (sandboxContainerSpecOpts).

    Raises:
        CannotResolve: the pod sets a group and no user, or one that its user namespace does not map; no container of
            it starts, whatever that sets itself.
    """
    if pod.run_as_group is not None and pod.run_as_user is None:
        raise CannotResolve(Cause.BAD_USER_SPEC, f'user group "{pod.run_as_group}" is specified without user')
    if pod.host_users is False and pod.run_as_user is not None:
        if not _is_mapped(pod.run_as_group or 0):
            raise CannotResolve(Cause.USER_NAMESPACE, _NO_GROUPS)
        if not _is_mapped(pod.run_as_user):
            text = f"unable to setup user: cannot setuid to unmapped uid {pod.run_as_user} in user namespace"
            raise CannotResolve(Cause.USER_NAMESPACE, text)


def check_mapped(uid: int | None, gid: int | None, all_groups: Iterable[int]) -> None:
    """What containerd and runc say to a container in a user namespace, as far as its ids are known.

    Args:
        uid: of its process; None if it is not known.
        gid: likewise.
        all_groups: of its process, those that are known.

    Raises:
        CannotResolve: the namespace does not map one of them.
    """
    for number in (uid, gid):
        if number is not None and not _is_mapped(number):
            text = f"failed to do idmap to get host ID: container ID {number} cannot be mapped to a host ID"
            raise CannotResolve(Cause.USER_NAMESPACE, text)
    if not all(map(_is_mapped, all_groups)):
        raise CannotResolve(Cause.USER_NAMESPACE, _NO_GROUPS)


def resolve_in_pod(image: Image, user: CriUser, settings: Settings, home: EnvironmentHome | None = None) -> Resolution:
    """The identity of a container's process, or why containerd or runc refuses it.

    Args:
        image: the container's image.
        user: the image's user as the kubelet has it.
        settings: those in effect, let in by API server and kubelet.
        home: HOME as the pod's environment sets it, None if it does not.
    """
    if settings.run_as_user is not None:
        user = CriUser(settings.run_as_user)
    because: list[str] = []
    try:
        uid, gid, reason = _user_and_group(image, user, settings.run_as_group)
        because.append(reason)
        groups_of_image, reasons = _groups_of_image(image, user, settings)
        because += reasons
        groups_of_pod, reasons = _groups_of_pod(settings)
        because += reasons
        all_groups = tuple(sorted({gid, *groups_of_image, *groups_of_pod}))
        if settings.host_users is False:
            check_mapped(uid, gid, all_groups)
        check_kernel_takes(uid, gid, all_groups)
    except CannotResolve as error:
        return Resolution(refusal=error.refusal, because=tuple(because))
    name, home_of_process, reason = name_and_home(image, uid, home)
    return Resolution(identity=Identity(uid, gid, all_groups, name, home_of_process), because=(*because, reason))


def check_kernel_takes(uid: int, gid: int, all_groups: Iterable[int], *, names_id: bool = True) -> None:
    """Raise what runc says to the one id that no process can have (setuid(2): -1 means no change).

    Args:
        uid: of the process.
        gid: of the process.
        all_groups: its groups.
        names_id: whether runc names the id that the kernel refuses, which it does since 1.2.

    Raises:
        CannotResolve: it is one of them.
    """
    if _NO_ID in all_groups:
        raise CannotResolve(Cause.BAD_USER_SPEC, "setgroups: invalid argument")
    for kind, number in (("gid", gid), ("uid", uid)):
        if number == _NO_ID:
            named = f"cannot set{kind} to unmapped {kind} {number} in user namespace"
            raise CannotResolve(Cause.BAD_USER_SPEC, named if names_id else "unable to setup user: invalid argument")


def name_and_home(image: Image, uid: int, home: EnvironmentHome | None = None) -> tuple[str | None, str | None, str]:
    """The name and the HOME of a uid, and the reason: runc looks it up by number, whatever name was given.

    A pod's environment overrides the image's; runc fills in a HOME that neither sets, or that is empty.

    Args:
        image: whose passwd file names the uid, and whose environment may set HOME.
        uid: of the process.
        home: HOME as the pod's environment sets it, None if it does not.
    """
    try:
        account = next((line for line in accounts(image.passwd) if line.uid == uid), None)
    except UnreadableAccounts:
        account = None
    name = account.name if account else None
    if home is not None and home.value != "":
        return name, home.value, reason_of_home(home)
    if image.home and home is None:
        return name, image.home, f"HOME is {image.home}: the image's environment says so"
    if account is None:
        return None, "/", f"no passwd line has uid {uid}: the process has no name, and HOME is /"
    reason = f"HOME is {account.home or 'empty'}: the passwd line of uid {uid} ({account.name}) says so"
    return account.name, account.home, reason


def reason_of_home(home: EnvironmentHome) -> str:
    """Who says HOME, where the pod's environment sets it."""
    if home.value is None:
        return f"HOME is not known: the pod's environment takes it from {home.source}"
    return f"HOME is {home.value}: the pod's environment says so"


def _is_mapped(number: int) -> bool:
    return 0 <= number < IDS_IN_POD_NAMESPACE


def _user_and_group(image: Image, user: CriUser, group: int | None) -> tuple[int, int, str]:
    """WithUser: uid and gid, from numbers or from passwd, and the reason."""
    text = str(user.uid) if user.uid is not None else user.name
    number = read_number(text)
    if number is not None and not is_valid_id(number):
        spec = text if group is None else f"{text}:{group}"
        raise CannotResolve(Cause.BAD_USER_SPEC, f'invalid USER value "{spec}": uid out of range')
    if number is not None and group is not None:
        return number, group, f"runAsGroup gives the group: {group}"
    account = _account(image, user, number)
    if account is None:
        return number or 0, 0, f"no passwd line has uid {number}: the group is 0 (root)"
    uid = as_uint32(account.uid)
    line = f"the passwd line of {account.name} says uid {uid}"
    if group is not None:
        return uid, group, f"{line}; runAsGroup gives the group: {group}"
    gid = as_uint32(account.gid)
    return uid, gid, f"{line} and group {gid}"


def _account(image: Image, user: CriUser, number: int | None) -> Account | None:
    """UserFromFS: the first passwd line with the uid or the name; a uid need not have one."""
    _check_size("etc/passwd", image.passwd)
    try:
        if number is not None:
            return _first(line for line in accounts(image.passwd) if line.uid == number)
        account = _first(line for line in accounts(image.passwd) if line.name == user.name)
    except UnreadableAccounts as error:
        raise CannotResolve(Cause.BAD_USER_SPEC, str(error)) from error
    if account is not None:
        return account
    if image.passwd is None:
        raise CannotResolve(Cause.UNKNOWN_USER, "etc/passwd: file does not exist")
    raise CannotResolve(Cause.UNKNOWN_USER, "no users found")


def _groups_of_image(image: Image, user: CriUser, settings: Settings) -> tuple[set[int], list[str]]:
    """WithAdditionalGIDs: the groups of which the image's group file makes the user a member, and the reasons."""
    if settings.supplemental_groups_policy == "Strict":
        return set(), ["supplementalGroupsPolicy Strict: the image's group file is not read"]
    name = user.name
    number = user.uid if user.uid is not None else read_number(name)
    if number is not None:
        account = _account(image, CriUser(number), number)
        if account is None:
            return set(), []
        name = account.name
    _check_size("etc/group", image.group)
    member_of = {as_uint32(line.gid) for line in groups(image.group) if line.name != name and name in line.members}
    return member_of, [f"the image's group file makes {name} a member of {_join(member_of)}"] if member_of else []


def _groups_of_pod(settings: Settings) -> tuple[set[int], list[str]]:
    """WithSupplementalGroups: fsGroup and supplementalGroups, and the reasons."""
    added, reasons = set(settings.supplemental_groups), []
    if added:
        reasons.append(f"the pod's supplementalGroups add {_join(added)}")
    if settings.fs_group is not None:
        reasons.append(f"the pod's fsGroup adds {settings.fs_group}, which also owns its volumes")
        added.add(settings.fs_group)
    return added, reasons


def _check_size(name: str, text: str | None) -> None:
    if text is None or len(text) * 4 <= _LARGEST_FILE:
        return
    if len(text.encode("utf-8", "surrogatepass")) > _LARGEST_FILE:
        raise CannotResolve(Cause.BAD_USER_SPEC, f'"{name}" exceeds {_LARGEST_FILE} bytes')


def _first(matching: Iterable[Account]) -> Account | None:
    """The first; the rest is read as well, for a line that is too long spoils the whole file."""
    first = None
    for account in matching:
        first = first or account
    return first


def _join(numbers: Iterable[int]) -> str:
    return ", ".join(str(number) for number in sorted(numbers))
