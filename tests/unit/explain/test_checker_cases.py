"""The cases by which docs/explain.md compares this kit with other checkers: what is right, and that we say so.

`python tools/compare_checkers.py` gives the same files to the others.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from labkit.core.identity.model import Versions
from labkit.explain import dockerfiles
from labkit.explain.explanations import explain_manifests
from labkit.explain.given_users import GivenUsers
from labkit.explain.image_lookup import ImageFinder
from labkit.explain.pipelines.findings import findings_of

FOLDER = Path(__file__).with_name("checker_cases")
USERS = {"example.org/named:1": "app", "example.org/numeric:1": "1654", "example.org/root:1": "", "debian:12": ""}
RIGHT = {
    "01-name-user.yaml": ["image-user-not-numeric"],
    "02-numeric-user.yaml": [],
    "03-root-image.yaml": ["runs-as-root"],
    "04-non-root-of-a-root-image.yaml": ["image-runs-as-root"],
    "05-settings-at-the-wrong-level.yaml": ["invalid-manifest"],
    "06-init-container-root.yaml": ["runs-as-root"],
    "07-rollout-beside-a-pod.yaml": ["runs-as-root"],
    "08-float-uid.yaml": [],
    "09-container-overrides-pod.yaml": ["runs-as-root"],
    "10-in-a-list.yaml": ["runs-as-root"],
    "11-settings-twice.yaml": ["runs-as-root"],
    "12-user-namespace-too-small.yaml": ["user-namespace"],
    "13-namespace-enforces-restricted.yaml": ["pod-security"],
    "14-by-the-settings.yaml": [],
    "15-cron-job-root.yaml": ["runs-as-root"],
    "21-variable-without-value/Dockerfile": ["runs-as-root"],
    "22-arg-out-of-scope/Dockerfile": ["runs-as-root"],
    "23-user-in-the-builder-stage-only/Dockerfile": ["runs-as-root"],
    "24-user-colon/Dockerfile": ["runs-as-root"],
    "25-user-root-undoes/Dockerfile": ["runs-as-root"],
    "26-numeric/Dockerfile": [],
    "27-arg-of-the-stage/Dockerfile": [],
    "28-zero-in-another-spelling/Dockerfile": ["runs-as-root"],
}


def _rules(name: str, users: dict[str, str]) -> list[str]:
    with ImageFinder(GivenUsers(users)) as finder:
        if name.endswith("Dockerfile"):
            question = dockerfiles.DockerfileQuestion(dockerfiles.BuildOptions())
            bases = dockerfiles.BaseFinder(finder, {})
            explained = dockerfiles.explain_dockerfiles(bases, [str(FOLDER / name)], question, Versions())
        else:
            explained = explain_manifests(finder, [str(FOLDER / name)])
    return [finding.rule for finding in findings_of(explained)]


def test_every_case_has_an_answer() -> None:
    files = [path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*") if path.is_file()]
    assert sorted(files) == sorted(RIGHT)


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_right(name: str) -> None:
    assert _rules(name, USERS) == RIGHT[name]


@pytest.mark.usefixtures("nowhere")
@pytest.mark.parametrize("name", [name for name in RIGHT if name.endswith(".yaml")])
def test_without_the_images_nothing_wrong_passes(name: str) -> None:
    """Where the image decides, the answer is that it is not known, which keeps a gate shut."""
    rules = _rules(name, {})
    assert rules == RIGHT[name] or rules[0] in ("user-not-known", "start-not-known")
