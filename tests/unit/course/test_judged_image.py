"""At which instruction the last build of an image stopped, by what Docker's builder prints, and podman's."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from labkit.core.run_results import RunResult
from labkit.course.judging.judged_image import JudgedImage

DOCKER = "Step 1/5 : FROM debian\nStep 2/5 : USER $APP_UID\nStep 3/5 : RUN mkdir /var/lib/diary\nmkdir: cannot create"
PODMAN = "STEP 1/4: FROM debian\nSTEP 2/4: USER $APP_UID\nSTEP 3/4: RUN mkdir /var/lib/diary\nmkdir: cannot create"
BEGUN = ("USER $APP_UID", "RUN mkdir /var/lib/diary")


def stopped(stdout: str) -> JudgedImage:
    result = RunResult("docker build", stdout, 1)
    look = SimpleNamespace(image=lambda _: None, last_stop=lambda _: result)
    world: Any = SimpleNamespace(look=look)
    return JudgedImage(world, "diary")


@pytest.mark.parametrize(
    ("command", "begins"),
    [
        ("docker build --tag diary diary", "Your last build stopped, so there is no image diary. The builder says: no"),
        ("dotnet publish -t:Publish", "Your last publish stopped, so there is no image diary. It says: no"),
    ],
)
def test_a_publish_is_not_called_a_build(command: str, begins: str) -> None:
    look = SimpleNamespace(image=lambda _: None, last_stop=lambda _: RunResult(command, "", 1, message="no"))
    world: Any = SimpleNamespace(look=look)
    missing = JudgedImage(world, "diary").missing()
    assert missing is not None
    assert missing.message.startswith(begins)


@pytest.mark.parametrize("stdout", [DOCKER, PODMAN])
def test_both_builders_tell_where_they_stopped(stdout: str) -> None:
    image = stopped(stdout)
    assert image.stopped_at(5, *BEGUN)
    assert not image.stopped_at(4, *BEGUN)
    assert not image.stopped_at(5, BEGUN[0])
    assert not image.stopped_at(5, *BEGUN, "RUN true")


@pytest.mark.parametrize(
    "stdout", ["", "no FROM statement found", "[1/2] STEP 1/2: FROM debian AS a\n[2/2] STEP 1/4: FROM a"]
)
def test_another_dockerfile_stopped_elsewhere(stdout: str) -> None:
    assert not stopped(stdout).stopped_at(5, *BEGUN)


@pytest.mark.parametrize(
    ("text", "is_edited"),
    [
        (None, False),
        ("FROM aspnetapp-chiseled AS built\n\n  FROM scratch\nCOPY  --from=built / /\n", True),
        (
            'FROM aspnetapp-chiseled AS built\n\n  FROM scratch\nCOPY  --from=built / /\nENTRYPOINT ["/app/aspnetapp"]',
            False,
        ),
        ("", True),
    ],
)
def test_a_dockerfile_is_edited_where_a_builder_would_read_another_one(text: str | None, is_edited: bool) -> None:
    world: Any = SimpleNamespace(look=SimpleNamespace(dockerfile=lambda *_: text))
    assert JudgedImage(world, "from-scratch").is_edited("from-scratch/Dockerfile") is is_edited
