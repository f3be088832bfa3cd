"""The engine's and the runtime's own words, read as causes.

Sources of the texts: moby/sys:user/user.go (GetExecUser), docker/cli:cli/command/container/run.go (toStatusError),
opencontainers/runc:libcontainer (exec errors), containerd/containerd:pkg/oci/spec_opts.go and internal/cri; of podman's
builds containers/buildah:chroot and run_linux.go, all of podman's as tests/podman recorded them.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from labkit.core.causes import Cause

# The kernel's EINVAL: a user namespace maps no such id; without one only -1 is none (kernel/sys.c, kernel/groups.c).
_NOT_AN_ID = re.compile(r"(unable to setup user|setgroups): invalid argument")
_TEXTS: tuple[tuple[str, Cause], ...] = (
    (r"unable to find user .*: no matching entries in passwd file", Cause.UNKNOWN_USER),
    (r"no users found", Cause.UNKNOWN_USER),
    (r"unknown user error looking up user", Cause.UNKNOWN_USER),
    (r"unknown group error looking up group", Cause.UNKNOWN_GROUP),
    (r"unable to find user .*: no such file or directory", Cause.UNKNOWN_USER),
    (r"unable to find group .*: (no matching entries in group file|no such file)", Cause.UNKNOWN_GROUP),
    (r"no groups found", Cause.UNKNOWN_GROUP),
    (r"uids? and gids? must be in range", Cause.BAD_USER_SPEC),
    (r"invalid USER value", Cause.BAD_USER_SPEC),
    (r"user group .* is specified without user", Cause.BAD_USER_SPEC),
    (r"(uid|gid|user id) out of range", Cause.BAD_USER_SPEC),
    (r"unable to find user .*: bufio.Scanner: token too long", Cause.BAD_USER_SPEC),
    (r"etc/(passwd|group)\"? exceeds \d+ bytes", Cause.BAD_USER_SPEC),
    # -1 is the one id that no namespace maps (setuid(2): no change).
    (r"cannot set[ug]id to unmapped [ug]id 4294967295", Cause.BAD_USER_SPEC),
    (r"cannot set ?[ug]id to unmapped", Cause.USER_NAMESPACE),
    (r"container ID \d+ cannot be mapped to a host ID", Cause.USER_NAMESPACE),
    (_NOT_AN_ID.pattern, Cause.BAD_USER_SPEC),
    (r"etc/passwd: (no such file or directory|file does not exist)", Cause.UNKNOWN_USER),
    (r"executable file not found in \$PATH", Cause.COMMAND_NOT_FOUND),
    (r'exec: ".*": stat .*: no such file or directory', Cause.COMMAND_NOT_FOUND),
    (r"exec .*: no such file or directory", Cause.COMMAND_NOT_FOUND),
    (r"exec: .*: permission denied", Cause.PERMISSION_DENIED),
    (r"exec: .*: is a directory", Cause.PERMISSION_DENIED),
    (r"exec .*: permission denied", Cause.PERMISSION_DENIED),
    # podman:libpod/define/errors.go, behind what crun or runc says; containers/crun:src/libcrun/utils.c of a folder.
    (r"OCI runtime attempted to invoke a command that was not found", Cause.COMMAND_NOT_FOUND),
    (r"OCI permission denied", Cause.PERMISSION_DENIED),
    (r"the path `.*` exists but it is not a regular file", Cause.PERMISSION_DENIED),
    (r"no such image", Cause.IMAGE_MISSING),
    (r"pull access denied", Cause.IMAGE_MISSING),
    (r"manifest unknown", Cause.IMAGE_MISSING),
    (r"failed to pull( and unpack)? image", Cause.IMAGE_MISSING),
)


def cause_of_engine_error(message: str, *, in_user_namespace: bool = False) -> Cause | None:
    """The cause that an error text of the engine or the runtime stands for.

    Args:
        message: what the engine, containerd or runc said.
        in_user_namespace: whether the process was to run in a user namespace, a pod's own or the engine's, where
            "invalid argument" says that an id is not mapped.

    Returns:
        None if the text is none that the kit knows.
    """
    if in_user_namespace and _NOT_AN_ID.search(message):
        return Cause.USER_NAMESPACE
    for pattern, cause in _TEXTS:
        if re.search(pattern, message, re.IGNORECASE):
            return cause
    return None


def cause_in_user_namespace(cause: Cause | None, message: str, has_namespace: Callable[[], bool]) -> Cause | None:
    """A cause, read again where a user namespace makes another one of it.

    Args:
        cause: as the text alone says it.
        message: the text.
        has_namespace: whether there was one, a pod's own or the engine's; asked only where it matters.
    """
    if cause is Cause.BAD_USER_SPEC and has_namespace():
        return cause_of_engine_error(message, in_user_namespace=True)
    return cause
