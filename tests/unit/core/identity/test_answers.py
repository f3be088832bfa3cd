"""Who runs: the runtime's rules, the engine's rules, and the chain of who decided what."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.core.causes import Cause
from labkit.core.identity.answers import explain_in_pod
from labkit.core.identity.docker_run import explain_in_engine
from labkit.core.identity.kubelet_rules import EnvironmentHome
from labkit.core.identity.model import Answer, Image, Settings, Versions

PASSWD = """root:x:0:0:root:/root:/bin/sh
app:x:1654:1654::/home/app:/bin/sh
twin:x:1654:99::/home/twin:/bin/sh
1337:x:42:43::/home/leet:/bin/sh
svc:x:abc:12::/srv:
wide:x:4294967296:4294967297::/wide:
nohome:x:77:78
high:x:3000000000:5::/high:
minus:x:-1:5::/:
"""
GROUP = """root:x:0:root
app:x:1654:
#no:x:9:app
staff:x:50:app,twin
wheel:x:10:root,app
444:x:555:
"""
IMAGE = Image("", PASSWD, GROUP)


def image(user: str) -> Image:
    return Image(user, PASSWD, GROUP)


def seen(answer: Answer) -> tuple[int, int, tuple[int, ...], str | None] | Cause | None:
    who = answer.runs_as
    return (who.uid, who.gid, who.groups, who.home) if who else answer.cause


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        # root's own group makes it a member too, but a group of the user's own name is passed over
        ("", (0, 0, (0, 10), "/root")),
        ("app", (1654, 1654, (10, 50, 1654), "/home/app")),
        ("1654:2000", (1654, 1654, (10, 50, 1654), "/home/app")),
        ("twin", (1654, 99, (50, 99), "/home/app")),
        ("4242", (4242, 0, (0,), "/")),
        ("1337", (1337, 0, (0,), "/")),
        ("svc", (0, 12, (12,), "/root")),
        ("wide", (0, 1, (1,), "/root")),
        ("nohome", (77, 78, (78,), "")),
        ("rich", Cause.UNKNOWN_USER),
        ("-5", Cause.BAD_USER_SPEC),
        ("2147483648", Cause.BAD_USER_SPEC),
        ("9223372036854775808", Cause.BAD_USER_SPEC),
        ("minus", Cause.BAD_USER_SPEC),
    ],
)
def test_the_runtime_without_settings(user: str, expected: object) -> None:
    assert seen(explain_in_pod(image(user))) == expected


@pytest.mark.parametrize(
    ("user", "pod", "expected"),
    [
        ("", Settings(run_as_user=1654, run_as_group=7), (1654, 7, (7, 10, 50), "/home/app")),
        ("", Settings(run_as_user=1654), (1654, 1654, (10, 50, 1654), "/home/app")),
        ("app", Settings(fs_group=3, supplemental_groups=(2, 2)), (1654, 1654, (2, 3, 10, 50, 1654), "/home/app")),
        ("app", Settings(supplemental_groups_policy="Strict", fs_group=3), (1654, 1654, (3, 1654), "/home/app")),
        ("rich", Settings(run_as_user=5), (5, 0, (0,), "/")),
        ("", Settings(run_as_user=2**31), Cause.INVALID_MANIFEST),
        ("", Settings(fs_group=-1), Cause.INVALID_MANIFEST),
    ],
)
def test_the_runtime_with_settings(user: str, pod: Settings, expected: object) -> None:
    assert seen(explain_in_pod(image(user), pod)) == expected


def test_a_container_s_group_goes_with_the_image_s_user() -> None:
    group = Settings(run_as_group=7)
    assert seen(explain_in_pod(image("app"), container=group)) == (1654, 7, (7, 10, 50), "/home/app")
    assert seen(explain_in_pod(image("4242"), container=group)) == (4242, 7, (7,), "/")
    assert seen(explain_in_pod(image("rich"), container=group)) == Cause.UNKNOWN_USER


def test_a_pod_s_group_without_a_user_stops_its_sandbox() -> None:
    """Found by comparison with the live kubelet: docs/explain.md, "What the comparison found"."""
    answer = explain_in_pod(image("1654"), Settings(run_as_group=7), Settings(run_as_user=5, run_as_group=5))
    assert answer.refusal is not None
    assert (answer.cause, answer.refusal.message) == (Cause.BAD_USER_SPEC, 'user group "7" is specified without user')
    assert answer.kubelet_ok


def test_files_may_be_absent() -> None:
    assert seen(explain_in_pod(Image("5"))) == (5, 0, (0,), "/")
    assert seen(explain_in_pod(Image("app"))) == Cause.UNKNOWN_USER
    assert seen(explain_in_pod(Image("app", PASSWD))) == (1654, 1654, (1654,), "/home/app")
    assert seen(explain_in_engine(Image("5"))) == (5, 0, (0,), "/")
    assert seen(explain_in_engine(Image("app"))) == Cause.UNKNOWN_USER
    assert seen(explain_in_engine(Image(""), "1:staff")) == Cause.UNKNOWN_GROUP


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ("", (0, 0, (0, 10), "/root")),
        ("app", (1654, 1654, (10, 50, 1654), "/home/app")),
        ("1654", (1654, 1654, (10, 50, 1654), "/home/app")),
        ("app:staff", (1654, 50, (50,), "/home/app")),
        ("1654:50", (1654, 50, (50,), "/home/app")),
        ("app:9", (1654, 9, (9,), "/home/app")),
        ("7:staff", (7, 50, (50,), "/")),
        ("root:root", (0, 0, (0,), "/root")),
        (":", (0, 0, (0, 10), "/root")),
        (":50", (0, 50, (50,), "/root")),
        ("1337", (1337, 0, (0,), "/")),
        ("a:b:c", Cause.UNKNOWN_USER),
        ("rich", Cause.UNKNOWN_USER),
        ("app:nobody", Cause.UNKNOWN_GROUP),
        ("-5", Cause.BAD_USER_SPEC),
        ("2147483648", Cause.BAD_USER_SPEC),
        ("5:-1", Cause.BAD_USER_SPEC),
        ("high", (3000000000, 5, (5,), "/high")),
        ("99999999999999999999", Cause.UNKNOWN_USER),
        ("5:444", (5, 444, (555,), "/")),
    ],
)
def test_the_engine_s_user_option(user: str, expected: object) -> None:
    assert seen(explain_in_engine(IMAGE, user)) == expected


def test_an_empty_option_is_none() -> None:
    assert seen(explain_in_engine(image("app:staff"), "")) == seen(explain_in_engine(image("app:staff")))
    assert explain_in_engine(image("app:staff")).decided_by == "image"


@pytest.mark.parametrize(
    ("added", "expected"),
    [
        (["staff", "7"], (4, 0, (0, 7, 50), "/")),
        (["444"], (4, 0, (0, 555), "/")),
        (["nobody"], Cause.UNKNOWN_GROUP),
        (["-3"], Cause.BAD_USER_SPEC),
        # The second is found no more, and is not a number (moby/sys:user/user.go, GetAdditionalGroups).
        (["staff", "staff"], Cause.UNKNOWN_GROUP),
    ],
)
def test_the_engine_s_group_add(added: list[str], expected: object) -> None:
    assert seen(explain_in_engine(IMAGE, "4", added)) == expected


def test_an_old_runc_finds_another_group_for_a_number_that_comes_twice() -> None:
    """Found by comparison with the live engine: 444 is first the number of staff, then the name of group 7."""
    twice = Image("7:staff", None, "staff:x:444:\nstaff:x:50:\n444:x:7:\n")
    assert seen(explain_in_engine(twice, group_add=["staff", "staff"])) == (7, 444, (7, 50, 444), "/")
    newer = Versions(engine_runc=(1, 3))
    assert seen(explain_in_engine(twice, group_add=["staff", "staff"], versions=newer)) == (7, 444, (50, 444), "/")


@pytest.mark.parametrize(
    ("user", "runc", "message"),
    [
        ("70000", (1, 1), "cannot set uid to unmapped user in user namespace"),
        ("5:70000", (1, 1), "cannot set gid to unmapped user in user namespace"),
        ("5:70000", (1, 2), "setgroups: invalid argument"),
        ("70000", (1, 3), "cannot setuid to unmapped uid 70000 in user namespace"),
        ("5:70000", (1, 3), "setgroups: invalid argument"),
        ("65535:65535", (1, 3), None),
    ],
)
def test_an_engine_with_a_user_namespace_has_fewer_ids(user: str, runc: tuple[int, int], message: str | None) -> None:
    answer = explain_in_engine(IMAGE, user, versions=Versions(engine_runc=runc, engine_ids=65536))
    assert (answer.refusal.message if answer.refusal else None) == message
    assert answer.cause is (Cause.USER_NAMESPACE if message else None)
    if message:
        assert "maps 65536 ids, from 0" in answer.because[-2]
        assert answer.because[-1] == f"the engine refuses: {message}"


@pytest.mark.parametrize(
    ("user", "runc", "message"),
    [
        ("last:7", (1, 1), "unable to setup user: invalid argument"),
        ("last:7", (1, 2), "cannot setuid to unmapped uid 4294967295 in user namespace"),
        ("5:last", (1, 1), "setgroups: invalid argument"),
        ("5:last", (1, 2), "setgroups: invalid argument"),
    ],
)
def test_no_process_has_the_id_minus_one(user: str, runc: tuple[int, int], message: str) -> None:
    """Found by comparison with the live engine."""
    image = Image("", "last:x:4294967295:7::/:\n", "last:x:4294967295:\n")
    answer = explain_in_engine(image, user, versions=Versions(engine_runc=runc))
    assert (answer.cause, answer.refusal.message if answer.refusal else None) == (Cause.BAD_USER_SPEC, message)


def test_a_newer_runc_takes_numbers_as_they_are() -> None:
    newer = Versions(engine_runc=(1, 3))
    assert seen(explain_in_engine(IMAGE, "5:444", versions=newer)) == (5, 444, (444,), "/")


def test_a_line_too_long_spoils_the_file() -> None:
    broken = Image("5", PASSWD + "x" * 70_000)
    assert seen(explain_in_engine(broken)) == Cause.BAD_USER_SPEC
    assert seen(explain_in_pod(broken)) == Cause.BAD_USER_SPEC


def test_a_hundred_megabytes_are_read_and_containerd_refuses_them() -> None:
    line = "u:x:7:7:" + "x" * 10_000 + ":/:\n"
    huge = Image("app", PASSWD + line * (100 * 1024 * 1024 // len(line)), GROUP)
    assert seen(explain_in_engine(huge, "1654")) == (1654, 1654, (10, 50, 1654), "/home/app")
    assert seen(explain_in_pod(huge)) == Cause.BAD_USER_SPEC


def test_the_environment_s_home_stands() -> None:
    assert seen(explain_in_pod(Image("app", PASSWD, None, home="/data"))) == (1654, 1654, (1654,), "/data")


def test_host_users_changes_the_meaning_of_root_and_no_verdict() -> None:
    inside = explain_in_pod(IMAGE, Settings(host_users=False))
    assert inside.runs_as == explain_in_pod(IMAGE).runs_as
    assert any("unprivileged uid of the node" in sentence for sentence in inside.because)
    refused = explain_in_pod(IMAGE, Settings(run_as_non_root=True, host_users=False))
    assert refused.cause == Cause.IMAGE_RUNS_AS_ROOT


_IDMAP = "failed to do idmap to get host ID: container ID {} cannot be mapped to a host ID"
_NO_GROUPS = "unable to setup user: setgroups: invalid argument"
_NO_USER = "unable to setup user: cannot setuid to unmapped uid {} in user namespace"


@pytest.mark.parametrize(
    ("user", "pod", "own", "message"),
    [
        # Each as the lab's kubelet, containerd and runc said it.
        ("", Settings(run_as_user=65536), Settings(), _NO_USER.format(65536)),
        ("", Settings(run_as_user=70000, run_as_group=5), Settings(), _NO_USER.format(70000)),
        ("", Settings(run_as_user=1000660000, run_as_group=1000660000), Settings(), _NO_GROUPS),
        ("", Settings(run_as_user=5, run_as_group=65536), Settings(), _NO_GROUPS),
        ("", Settings(run_as_user=65536), Settings(run_as_user=5), _NO_USER.format(65536)),
        ("", Settings(run_as_user=5, fs_group=70000), Settings(), _NO_GROUPS),
        ("", Settings(supplemental_groups=(65536,)), Settings(), _NO_GROUPS),
        ("", Settings(), Settings(run_as_user=65536), _IDMAP.format(65536)),
        ("", Settings(), Settings(run_as_user=70000, run_as_group=5), _IDMAP.format(70000)),
        ("", Settings(), Settings(run_as_user=5, run_as_group=65536), _IDMAP.format(65536)),
        ("70000", Settings(), Settings(), _IDMAP.format(70000)),
        ("high", Settings(), Settings(), _IDMAP.format(3000000000)),
        ("", Settings(run_as_user=65535, run_as_group=65535), Settings(), None),
        ("", Settings(supplemental_groups=(65535,), fs_group=65535), Settings(), None),
    ],
)
def test_a_user_namespace_maps_65536_ids(user: str, pod: Settings, own: Settings, message: str | None) -> None:
    answer = explain_in_pod(image(user), replace(pod, host_users=False), own)
    assert answer.kubelet_ok
    assert (answer.refusal.message if answer.refusal else None) == message
    assert answer.cause is (Cause.USER_NAMESPACE if message else None)
    assert explain_in_pod(image(user), replace(pod, host_users=True), own).cause is None


@pytest.mark.parametrize(
    ("image", "pod", "refused"),
    [
        (None, Settings(fs_group=65536), True),
        (None, Settings(), False),
        (Image("70000", files_known=False), Settings(), True),
        (Image("app", files_known=False), Settings(), False),
        (Image("70000", files_known=False), Settings(run_as_user=5), False),
    ],
)
def test_what_is_known_of_an_image_is_enough_for_its_namespace(
    image: Image | None, pod: Settings, refused: bool
) -> None:
    answer = explain_in_pod(image, replace(pod, host_users=False))
    assert (answer.cause is Cause.USER_NAMESPACE) == refused
    assert (answer.ok is False) == refused


def test_what_the_kubelet_refuses_it_refuses_before_the_namespace_counts() -> None:
    answer = explain_in_pod(image(""), Settings(run_as_non_root=True, fs_group=70000, host_users=False))
    assert answer.cause is Cause.IMAGE_RUNS_AS_ROOT


@pytest.mark.parametrize(
    ("home", "of_image", "expected"),
    [
        (EnvironmentHome("/tmp"), None, "/tmp"),
        (EnvironmentHome("/tmp"), "/data", "/tmp"),
        # runc fills in an empty one, although the image has another.
        (EnvironmentHome(""), "/data", "/home/app"),
        (EnvironmentHome(None, "a secretKeyRef"), "/data", None),
        (None, "/data", "/data"),
        (None, None, "/home/app"),
    ],
)
def test_home_is_the_pod_s_before_the_image_s_before_passwd_s(
    home: EnvironmentHome | None, of_image: str | None, expected: str | None
) -> None:
    answer = explain_in_pod(Image("app", PASSWD, GROUP, of_image), home=home)
    assert answer.runs_as is not None
    assert answer.runs_as.home == expected
    assert any("HOME is" in sentence for sentence in answer.because)


def test_home_is_said_for_an_image_that_is_not_known() -> None:
    answer = explain_in_pod(None, Settings(run_as_user=5), home=EnvironmentHome("/tmp"))
    assert "HOME is /tmp: the pod's environment says so" in answer.because


@pytest.mark.parametrize(
    ("settings", "ok", "cause", "uid"),
    [
        (Settings(), None, None, None),
        (Settings(run_as_non_root=True), None, None, None),
        (Settings(run_as_non_root=True, run_as_user=0), False, Cause.RUN_AS_USER_IS_ROOT, None),
        (Settings(run_as_non_root=True, run_as_user=7), True, None, 7),
    ],
)
def test_an_image_that_is_not_known(settings: Settings, ok: bool | None, cause: Cause | None, uid: int | None) -> None:
    answer = explain_in_pod(None, settings)
    assert (answer.ok, answer.cause, answer.uid, answer.runs_as) == (ok, cause, uid, None)


def test_a_user_without_files() -> None:
    answer = explain_in_pod(Image("1654", files_known=False))
    assert (answer.ok, answer.uid, answer.runs_as) == (True, 1654, None)
    named = explain_in_pod(Image("app", files_known=False))
    assert (named.ok, named.kubelet_ok, named.uid) == (None, True, None)
    assert any("which uid app is" in reason for reason in named.because)
    grouped = explain_in_pod(Image("app", files_known=False), Settings(run_as_user=7, run_as_group=8))
    assert (grouped.ok, grouped.uid, grouped.gid) == (True, 7, 8)


@pytest.mark.parametrize(
    ("image_user", "user", "groups", "ok", "uid"),
    [
        ("1654", None, (), True, 1654),
        ("", None, (), True, 0),
        ("app", None, (), None, None),
        ("app", "7:8", ("9",), True, 7),
        ("7:staff", None, (), None, None),
        ("7", None, ("staff",), None, None),
        ("7", "app", (), None, None),
        ("4294967296", None, (), False, None),
    ],
)
def test_a_user_without_files_on_the_engine(
    image_user: str, user: str | None, groups: tuple[str, ...], ok: bool | None, uid: int | None
) -> None:
    answer = explain_in_engine(Image(image_user, files_known=False), user, groups)
    assert (answer.ok, answer.uid, answer.runs_as) == (ok, uid, None)


_names = st.text("ar0159-:#\n x", max_size=6)
_ids = st.integers(-2, 2**33)
_files = st.none() | st.lists(st.tuples(_names, _ids, _ids, _names), max_size=4).map(
    lambda lines: "\n".join(f"{name}:x:{first}:{second}:{rest}" for name, first, second, rest in lines)
)
_settings = st.builds(
    Settings,
    st.sampled_from([None, True, False]),
    st.none() | _ids,
    st.none() | _ids,
    st.none() | _ids,
    st.lists(_ids, max_size=2).map(tuple),
    st.sampled_from([None, "Merge", "Strict"]),
)


@given(st.builds(Image, _names, _files, _files), _settings, _settings)
def test_whatever_comes_there_is_an_answer_with_reasons(image: Image, pod: Settings, container: Settings) -> None:
    answer = explain_in_pod(image, pod, container)
    assert (answer.runs_as is None) == (answer.refusal is not None)
    assert answer.because
    if answer.runs_as is not None and pod.run_as_non_root and container.run_as_non_root is not False:
        # The one way past runAsNonRoot that is left: a name cannot pass, and a number is taken as it is.
        assert answer.runs_as.uid != 0


@given(st.builds(Image, _names, _files, _files), st.none() | _names, st.lists(_names, max_size=2))
def test_the_engine_always_answers(image: Image, user: str | None, added: list[str]) -> None:
    answer = explain_in_engine(image, user, added)
    assert (answer.runs_as is None) == (answer.refusal is not None) == (not answer.ok)
