"""What all tests share."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody's own choices about the lab reach a test that does not make them itself."""
    for name in ("LABKIT_SOURCE", "LABKIT_REGISTRY"):
        monkeypatch.delenv(name, raising=False)
