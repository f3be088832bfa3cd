"""What the CRI says of an image's user, and the kubelet's four refusals.

The table is that of kubernetes/kubernetes:pkg/kubelet/kuberuntime/security_context_others_test.go
(TestVerifyRunAsNonRoot) and containerd/containerd:internal/cri/server/images/image_status_test.go.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.core.causes import Cause
from labkit.core.identity.kubelet_rules import (
    REFUSAL_TEXTS,
    CriUser,
    cri_user,
    effective_settings,
    pod_and_container,
    verify_run_as_non_root,
)
from labkit.core.identity.model import Settings


@pytest.mark.parametrize(
    ("user", "seen"),
    [
        ("", CriUser(0)),
        (":", CriUser(0)),
        (":5", CriUser(0)),
        ("0", CriUser(0)),
        ("0:1", CriUser(0)),
        ("1:2:3", CriUser(1)),
        ("root:root", CriUser(None, "root")),
        ("1654:1654", CriUser(1654)),
        ("+7", CriUser(7)),
        ("-7", CriUser(-7)),
        (" 7", CriUser(None, " 7")),
        ("9223372036854775807", CriUser(2**63 - 1)),
        ("9223372036854775808", CriUser(None, "9223372036854775808")),
    ],
)
def test_the_cri_sees_a_uid_or_a_name(user: str, seen: CriUser) -> None:
    assert cri_user(user) == seen


@pytest.mark.parametrize(
    ("non_root", "run_as_user", "user", "cause"),
    [
        (None, None, "", None),
        (False, 0, "root", None),
        (True, 1, "root", None),
        (True, 1, "", None),
        (True, -1, "", None),
        (True, 0, "1654", Cause.RUN_AS_USER_IS_ROOT),
        (True, None, "app", Cause.IMAGE_USER_NOT_NUMERIC),
        (True, None, "root", Cause.IMAGE_USER_NOT_NUMERIC),
        (True, None, "9223372036854775808", Cause.IMAGE_USER_NOT_NUMERIC),
        (True, None, "", Cause.IMAGE_RUNS_AS_ROOT),
        (True, None, "0:0", Cause.IMAGE_RUNS_AS_ROOT),
        (True, None, "-1", Cause.IMAGE_USER_OUT_OF_RANGE),
        (True, None, "2147483648", Cause.IMAGE_USER_OUT_OF_RANGE),
        (True, None, "2147483647", None),
        (True, None, "1", None),
    ],
)
def test_four_refusals(non_root: bool | None, run_as_user: int | None, user: str, cause: Cause | None) -> None:
    refusal = verify_run_as_non_root(Settings(non_root, run_as_user), cri_user(user))
    assert (refusal and refusal.cause) == cause


def test_in_the_kubelet_s_words() -> None:
    settings, where = Settings(run_as_non_root=True), pod_and_container("bad", "default", "a")
    refusal = verify_run_as_non_root(settings, CriUser(None, "app"), where)
    assert refusal is not None
    assert refusal.message == (
        "container has runAsNonRoot and image has non-numeric user (app), cannot verify user is non-root "
        '(pod: "bad_default(...)", container: a)'
    )
    refusal = verify_run_as_non_root(settings, CriUser(-5))
    assert refusal is not None
    assert refusal.message == (
        "container has runAsNonRoot and image has an invalid user id (-5). (Must be 1-(2147483647)): "
        "must be between 0 and 2147483647, inclusive"
    )


def test_the_upper_bound_came_with_1_34() -> None:
    settings, user = Settings(run_as_non_root=True), CriUser(2**31)
    assert verify_run_as_non_root(settings, user, kubernetes=(1, 33)) is None
    assert verify_run_as_non_root(settings, user, kubernetes=(1, 34)) is not None


_flags = st.sampled_from([None, True, False])
_ids = st.none() | st.integers(0, 2**31 - 1)
_settings = st.builds(Settings, run_as_non_root=_flags, run_as_user=_ids, run_as_group=_ids)


@given(_settings, _settings)
def test_the_container_stands_over_the_pod(pod: Settings, container: Settings) -> None:
    effective = effective_settings(pod, container)
    for field in ("run_as_non_root", "run_as_user", "run_as_group"):
        own, inherited = getattr(container, field), getattr(pod, field)
        assert getattr(effective, field) == (inherited if own is None else own)


@given(_settings, st.text())
def test_without_run_as_non_root_there_is_no_refusal_and_with_it_no_root(settings: Settings, user: str) -> None:
    refusal = verify_run_as_non_root(settings, cri_user(user))
    if not settings.run_as_non_root:
        assert refusal is None
    elif refusal is None:
        uid = settings.run_as_user if settings.run_as_user is not None else cri_user(user).uid
        assert uid not in (None, 0)
    else:
        assert refusal.message.startswith(REFUSAL_TEXTS[refusal.cause])
