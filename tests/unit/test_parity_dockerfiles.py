"""The comparison with the builders: it sees every difference, and makes a Dockerfile small."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from tests.parity.classic_builder import Built
from tests.parity.dockerfile_cases import DockerfileCase, generate
from tests.parity.dockerfiles import our_answer, prove

CASES = [DockerfileCase(b"FROM scratch\nLABEL a=b\nUSER 5\nENV c=d\n"), DockerfileCase(b"FROM scratch\nUSR 5\n")]


def _answers(cases: Sequence[DockerfileCase]) -> list[Built]:
    return [our_answer(case, "classic", "x/") for case in cases]


def test_what_agrees() -> None:
    proof = prove("classic", "x/", CASES, _answers)
    assert (proof.compared, proof.disagreements, proof.other_words) == (2, [], 0)
    assert proof.outcomes == {"a user": 1, "stops": 1}


def test_another_user_is_seen_and_the_dockerfile_made_small() -> None:
    def build(cases: Sequence[DockerfileCase]) -> list[Built]:
        return [
            Built(True, "6") if b"USER" in case.dockerfile else answer
            for case, answer in zip(cases, _answers(cases), strict=True)
        ]

    (text,) = prove("classic", "x/", CASES, build).disagreements
    assert text.endswith("\nUSER 5\n") and "seen Built(ok=True, user='6'" in text


def test_a_build_that_stops_is_seen_and_other_words_are_counted() -> None:
    stops = Built(False, message="no")
    assert len(prove("classic", "x/", CASES, lambda cases: [stops for _ in cases]).disagreements) == 1
    assert prove("classic", "x/", CASES[1:], lambda cases: [stops for _ in cases]).other_words == 1


def test_a_base_that_no_builder_has_is_not_compared() -> None:
    missing = Built(False, message="x: docker.io/library/x:latest: not found")
    assert prove("buildkit", "x/", CASES, lambda cases: [missing for _ in cases]).compared == 0


def test_cases_are_the_same_for_the_same_seed() -> None:
    first, again, other = (list(itertools.islice(generate(seed, "x/", "buildkit"), 50)) for seed in (1, 1, 2))
    assert first == again != other
