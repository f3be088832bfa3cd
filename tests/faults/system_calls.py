"""System calls that fail or hang, for a process and all that it starts: a filter of the kernel's (seccomp(2)).

So the programs are those of every day, whatever language they are written in, and nothing else on the machine notices.
"""

from __future__ import annotations

import errno
import platform

_X86_64 = {"flock": 73, "inotify_init": 253, "inotify_init1": 294}
_AARCH64 = {"flock": 32, "inotify_init1": 26}
_SCRIPT = """
import ctypes, struct
_libc = ctypes.CDLL(None, use_errno=True)
_LOAD, _IF_EQUAL, _RETURN = 0x20, 0x15, 0x06  # linux/bpf_common.h
_ALLOW = 0x7FFF0000
_numbers = {numbers}
_program = [(_LOAD, 0, 0, 0)]
for _at, _number in enumerate(_numbers):
    _program.append((_IF_EQUAL, len(_numbers) - _at, 0, _number))
_program += [(_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, {action})]
_raw = b"".join(struct.pack("=HBBI", *_line) for _line in _program)
_kept = ctypes.create_string_buffer(_raw, len(_raw))
_described = ctypes.create_string_buffer(struct.pack("@HP", len(_program), ctypes.addressof(_kept)))
if {flags}:  # seccomp(SECCOMP_SET_MODE_FILTER, ...); nobody will answer at what it returns
    assert _libc.syscall({seccomp}, 1, {flags}, _described) >= 0, ctypes.get_errno()
else:  # prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ...)
    assert _libc.prctl(22, 2, _described, 0, 0) == 0, ctypes.get_errno()
"""
_FAIL, _ASK_SOMEBODY, _NEW_LISTENER = 0x00050000, 0x7FC00000, 8


def failing(*names: str, with_errno: int) -> str:
    """Python that has system calls fail from then on; only root may.

    Args:
        names: the calls.
        with_errno: the error.
    """
    return _script(names, _FAIL | with_errno, flags=0)


def hanging(*names: str) -> str:
    """Python that has system calls never return from then on, until a signal comes; only root may.

    Args:
        names: the calls.
    """
    return _script(names, _ASK_SOMEBODY, flags=_NEW_LISTENER)


def _script(names: tuple[str, ...], action: int, *, flags: int) -> str:
    is_arm = platform.machine() == "aarch64"
    numbers = [number for name in names if (number := (_AARCH64 if is_arm else _X86_64).get(name)) is not None]
    return _SCRIPT.format(numbers=numbers, action=action, flags=flags, seccomp=277 if is_arm else 317)


NO_LOCKS = failing("flock", with_errno=errno.ENOLCK)
"""As on NFS whose lock daemon does not run."""

LOCKS_HANG = hanging("flock")
"""As on NFS whose server is gone."""

NO_INOTIFY = failing("inotify_init", "inotify_init1", with_errno=errno.EMFILE)
"""As for a user who has as many watchers as the kernel lets them have."""
