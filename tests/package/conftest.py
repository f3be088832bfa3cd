"""What the package's tests share: the wheel, and environments that it is installed in."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.package.installation import Installation, build_wheel, install


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def core(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """The kit as `pip install labkit` installs it."""
    return install(wheel, tmp_path_factory.mktemp("package") / "core")


@pytest.fixture(scope="session")
def complete(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """The kit as `pipx install 'labkit[lab]'` installs it."""
    return install(wheel, tmp_path_factory.mktemp("package") / "complete", "lab")
