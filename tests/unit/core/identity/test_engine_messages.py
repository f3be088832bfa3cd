"""The engine's and the runtime's words, as they were seen, and their causes."""

from __future__ import annotations

import pytest

from labkit.core.causes import Cause
from labkit.core.identity.engine_messages import cause_of_engine_error

_RUNC = (
    "failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: "
)
SEEN = [
    ("unable to find user rich: no matching entries in passwd file", Cause.UNKNOWN_USER),
    ("unable to find group no-such-group: no matching entries in group file", Cause.UNKNOWN_GROUP),
    ("uids and gids must be in range 0-2147483647", Cause.BAD_USER_SPEC),
    ('invalid USER value "2147483648": uid out of range', Cause.BAD_USER_SPEC),
    (
        f'{_RUNC}unable to start container process: exec: "/bin/sh": stat /bin/sh: no such file or directory: unknown',
        Cause.COMMAND_NOT_FOUND,
    ),
    (
        f'{_RUNC}unable to start container process: exec: "whoami": executable file not found in $PATH: unknown',
        Cause.COMMAND_NOT_FOUND,
    ),
    (
        f'{_RUNC}unable to start container process: exec: "/etc/passwd": permission denied: unknown',
        Cause.PERMISSION_DENIED,
    ),
    ("No such image: localhost/labkit/nothing:lab", Cause.IMAGE_MISSING),
    ("unable to setup user: cannot setuid to unmapped uid 65536 in user namespace", Cause.USER_NAMESPACE),
    ("cannot setgid to unmapped gid 4294967295 in user namespace", Cause.BAD_USER_SPEC),
    (
        "failed to do idmap to get host ID: container ID 70000 cannot be mapped to a host ID",
        Cause.USER_NAMESPACE,
    ),
    ("unable to setup user: setgroups: invalid argument", Cause.BAD_USER_SPEC),
    (f"{_RUNC}unable to start container process: unable to setup user: invalid argument", Cause.BAD_USER_SPEC),
    ("the moon is full", None),
]


@pytest.mark.parametrize(("message", "cause"), SEEN)
def test_a_text_has_its_cause(message: str, cause: Cause | None) -> None:
    assert cause_of_engine_error(message) is cause


@pytest.mark.parametrize("call", ["", "setgroups: "])
def test_in_a_user_namespace_an_invalid_id_is_one_that_is_not_mapped(call: str) -> None:
    message = f"unable to setup user: {call}invalid argument"
    assert cause_of_engine_error(message, in_user_namespace=True) is Cause.USER_NAMESPACE
    assert cause_of_engine_error("no users found", in_user_namespace=True) is Cause.UNKNOWN_USER
