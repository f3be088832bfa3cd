"""Proving that `labkit explain Dockerfile` agrees with the builders: with BuildKit's front end, and with the engine's.

`python -m tests.parity.dockerfiles` proves this part of `make parity` alone.
"""

from __future__ import annotations

import argparse
import base64
import itertools
import json
import secrets
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from labkit.adapters import go, go_programs
from labkit.base.configuration import Configuration
from labkit.base.resources import CHECKOUT
from labkit.explain.dockerfiles.built_stage import BaseImage
from labkit.explain.dockerfiles.dockerfile_parser import BuildStops, decode
from labkit.explain.dockerfiles.expansion import Builder
from labkit.explain.dockerfiles.stage_evaluator import BuildOptions
from labkit.explain.dockerfiles.stages import evaluate
from tests.parity.classic_builder import Built, ClassicBuilder
from tests.parity.dockerfile_cases import BASES, DockerfileCase, generate

FRONT_END = go_programs.GoProgram(
    "buildkit-front-end", CHECKOUT / "tests" / "parity" / "buildkit", ("labkit/tests/parity/buildkit",)
)
_SOCKET = Path("/var/run/docker.sock")
_SHRINKING_STEPS = 200
# A base that neither builder has: what it would have is not known to us either.
_NO_BASE = ("not found", "no such host", "dial tcp", "pull access denied", "repository does not exist")
_SUGGESTION = " (did you mean"
Build = Callable[[Sequence[DockerfileCase]], list[Built]]


@dataclass
class DockerfileProof:
    """What the comparison came to.

    Args:
        outcomes: how often what became of a build.
        compared: how many builds were compared.
        disagreements: those in which user or outcome differ, to read.
        other_words: how many stopped in other words than ours.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    compared: int = 0
    disagreements: list[str] = field(default_factory=list)
    other_words: int = 0


def prove_classic(
    labels: Mapping[str, str], prefix: str, seed: int, count: int, socket: Path = _SOCKET
) -> DockerfileProof:
    """Compare with the engine's classic builder: every Dockerfile is really built, and removed again.

    Args:
        labels: for every image.
        prefix: what stands before the names of the bases.
        seed: of the cases.
        count: how many.
        socket: the engine's.
    """
    cases = list(itertools.islice(generate(seed, prefix, "classic"), count))
    with ClassicBuilder(socket, labels, prefix) as builder:
        return prove("classic", prefix, cases, builder.build_all)


def prove_buildkit(cache: Path, prefix: str, seed: int, count: int) -> DockerfileProof:
    """Compare with BuildKit's front end, which says what the image's configuration will be.

    Args:
        cache: of the kit, where the front end is built into.
        prefix: what stands before the names of the bases.
        seed: of the cases.
        count: how many.
    """
    program = go.build(FRONT_END, cache) / "buildkit"
    cases = list(itertools.islice(generate(seed, prefix, "buildkit"), count))
    return prove("buildkit", prefix, cases, lambda some: _front_end(program, prefix, some))


def our_answer(case: DockerfileCase, builder: Builder, prefix: str) -> Built:
    """What `labkit explain` makes of a case; the user is empty where a base that is not known decides."""
    bases = {
        prefix + name: BaseImage(
            base["user"], dict(pair.split("=", 1) for pair in base["env"]), tuple(base["on_build"])
        )
        for name, base in BASES.items()
    }
    options = BuildOptions(builder, case.arguments, case.target, every_base=True)
    try:
        final = evaluate(decode(case.dockerfile), bases.get, options).final
    except BuildStops as error:
        return Built(False, message=str(error))
    return Built(False, message=str(final.stops)) if final.stops else Built(True, final.user or "")


def prove(builder: Builder, prefix: str, cases: Sequence[DockerfileCase], build: Build) -> DockerfileProof:
    """Compare what we say of cases with what a builder makes of them."""
    proof = DockerfileProof()
    for case, built in zip(cases, build(cases), strict=True):
        if not built.ok and any(text in built.message for text in _NO_BASE):
            proof.outcomes["base not known"] += 1
            continue
        proof.compared += 1
        proof.outcomes["root" if built.ok and not built.user else "a user" if built.ok else "stops"] += 1
        ours = our_answer(case, builder, prefix)
        if _differ(ours, built):
            small = _shrink(case, lambda some: _differ(our_answer(some, builder, prefix), build([some])[0]))
            proof.disagreements.append(_tell(builder, small, our_answer(small, builder, prefix), build([small])[0]))
        elif not built.ok and ours.message.partition(_SUGGESTION)[0] not in built.message:
            proof.other_words += 1
    return proof


def _differ(ours: Built, built: Built) -> bool:
    if not built.ok and any(text in built.message for text in _NO_BASE):
        return False
    return (ours.ok, ours.user) != (built.ok, built.user)


def _shrink(case: DockerfileCase, still_differs: Callable[[DockerfileCase], bool]) -> DockerfileCase:
    """The same without the lines that do not matter."""
    steps, progress = 0, True
    while progress:
        progress = False
        lines = case.dockerfile.splitlines(keepends=True)
        for index in range(len(lines)):
            smaller = replace(case, dockerfile=b"".join(lines[:index] + lines[index + 1 :]))
            steps += 1
            if steps > _SHRINKING_STEPS:
                return case
            if smaller.dockerfile and still_differs(smaller):
                case, progress = smaller, True
                break
    return case


def _tell(builder: Builder, case: DockerfileCase, ours: Built, built: Built) -> str:
    text = decode(case.dockerfile)
    return f"{builder}: ours {ours}, seen {built}, target {case.target!r}, arguments {case.arguments}\n{text}"


def _front_end(program: Path, prefix: str, cases: Sequence[DockerfileCase]) -> list[Built]:
    bases = {
        f"{prefix}{name}:latest": {"user": base["user"], "env": base["env"], "onbuild": base["on_build"]}
        for name, base in BASES.items()
    }
    lines = [
        json.dumps(
            {
                "dockerfile": base64.b64encode(case.dockerfile).decode(),
                "target": case.target,
                "build_args": case.arguments,
                "bases": bases,
            }
        )
        for case in cases
    ]
    done = subprocess.run([program], input="\n".join(lines), capture_output=True, text=True, check=True)
    answers = map(json.loads, done.stdout.splitlines())
    return [Built(answer["ok"], answer["user"], answer["message"]) for answer in answers]


def prove_dockerfiles(
    configuration: Configuration, seed: int, classic: int, buildkit: int
) -> dict[Builder, DockerfileProof]:
    """Both comparisons.

    Args:
        configuration: of the lab, whose cache and labels are used.
        seed: of the cases.
        classic: how many for the classic builder.
        buildkit: how many for BuildKit's front end.
    """
    prefix = configuration.image_reference("dockerfile").partition(":")[0] + "-"
    return {
        "buildkit": prove_buildkit(configuration.cache, prefix, seed, buildkit),
        "classic": prove_classic(configuration.labels, prefix, seed, classic),
    }


def print_proofs(proofs: Mapping[Builder, DockerfileProof]) -> bool:
    """Print what came of it; gives whether all agree."""
    for builder, proof in proofs.items():
        for outcome, count in sorted(proof.outcomes.items()):
            print(f"  {f'Dockerfile {builder} {outcome}':<32} {count:>5}")
        for text in proof.disagreements:
            print(text)
        agree = proof.compared - len(proof.disagreements)
        print(f"Dockerfiles: {agree} of {proof.compared} agree with {builder}, {proof.other_words} in other words")
    return not any(proof.disagreements for proof in proofs.values())


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.parity.dockerfiles", description=__doc__)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**31), help="repeat a run")
    parser.add_argument("--classic", type=int, default=400, help="to build with the engine's classic builder")
    parser.add_argument("--buildkit", type=int, default=20_000, help="to give to BuildKit's front end")
    options = parser.parse_args()
    print(f"Dockerfiles: seed {options.seed}", file=sys.stderr)
    started = time.monotonic()
    proofs = prove_dockerfiles(Configuration.from_environment(), options.seed, options.classic, options.buildkit)
    agree = print_proofs(proofs)
    print(f"Dockerfiles: seed {options.seed}, {time.monotonic() - started:.0f} s")
    return 0 if agree else 1


if __name__ == "__main__":
    sys.exit(main())
