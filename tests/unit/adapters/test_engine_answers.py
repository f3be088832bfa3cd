"""What is made of the engine's answers."""

from __future__ import annotations

import pytest

from labkit.adapters.engine_answers import EngineInfo, mapped_ids


@pytest.mark.parametrize(
    ("info", "ids"),
    [
        ({}, None),
        ({"SecurityOptions": None}, None),
        ({"SecurityOptions": ["name=seccomp,profile=builtin", "name=cgroupns"]}, None),
        ({"SecurityOptions": ["name=seccomp,profile=builtin", "name=userns"]}, 65536),
        ({"SecurityOptions": ["name=rootless", "name=cgroupns"]}, 65537),
    ],
)
def test_an_engine_says_whether_it_has_a_user_namespace(info: EngineInfo, ids: int | None) -> None:
    assert mapped_ids(info) == ids
