"""`make parity`: prove that `labkit explain` agrees with kubectl, the API server, kubelet, engine and builders."""

from __future__ import annotations

import argparse
import secrets
import sys
import time

from labkit.core.causes import Cause
from labkit.lab.lab import Lab
from tests.parity.api_prove import API_VERDICTS, prove_api
from tests.parity.dockerfiles import print_proofs, prove_dockerfiles
from tests.parity.prove import IN_POD_CAUSES, ON_ENGINE_CAUSES, choose, prove, tell
from tests.parity.spellings import choose_files, compare_files

_LEAST = 20
_SHRINKING_SECONDS = 600.0


def main() -> int:
    parser = argparse.ArgumentParser(prog="make parity", description=__doc__)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**31), help="repeat a run")
    parser.add_argument("--containers", type=int, default=1020, help="to give to the kubelet")
    parser.add_argument("--runs", type=int, default=510, help="to give to the engine")
    parser.add_argument("--objects", type=int, default=600, help="to give to the API server, by dry run")
    parser.add_argument("--dockerfiles", type=int, default=400, help="to build with the engine's classic builder")
    parser.add_argument("--front-end", type=int, default=20_000, help="Dockerfiles to give to BuildKit's front end")
    parser.add_argument("--files", type=int, default=1000, help="of manifests to be read by kubectl too")
    parser.add_argument("--each", type=int, default=30, help="cases of each cause")
    options = parser.parse_args()
    started = time.monotonic()
    lab = Lab()
    cases = choose(options.seed, options.containers, options.runs, of_each_cause=options.each, worlds=24)
    print(f"parity: seed {options.seed}, {options.containers} containers, {options.runs} runs", file=sys.stderr)
    proof = prove(lab, cases, _SHRINKING_SECONDS)
    for who, count in sorted(proof.causes.items()):
        print(f"  {who:<32} {count:>5}")
    rare = [
        f"kubelet {cause}"
        for cause in (*IN_POD_CAUSES, Cause.USER_NAMESPACE)
        if proof.causes[f"kubelet {cause}"] < _LEAST
    ]
    rare += [f"engine {cause}" for cause in ON_ENGINE_CAUSES if proof.causes[f"engine {cause}"] < _LEAST]
    with lab.cluster().kube() as kube:
        of_api = prove_api(kube, options.seed, options.objects)
    for cause, count in sorted(of_api.causes.items()):
        print(f"  {'API server ' + cause:<32} {count:>5}")
    rare += [f"API server {cause}" for cause in API_VERDICTS if of_api.causes[cause] < _LEAST]
    for text in of_api.disagreements:
        print(text)
    misread = compare_files(choose_files(options.seed, options.files))
    for file in misread:
        print(file)
    for disagreement in proof.disagreements:
        print(tell(disagreement))
    of_builders = prove_dockerfiles(lab.configuration, options.seed, options.dockerfiles, options.front_end)
    builders_agree = print_proofs(of_builders)
    total = proof.containers + proof.runs + options.objects + options.files
    differing = len(proof.disagreements) + len(of_api.disagreements) + len(misread)
    print(
        f"parity: {total - differing} of {total} agree "
        f"({proof.containers} containers, {proof.runs} runs, {options.objects} objects, {options.files} files), "
        f"seed {options.seed}, {time.monotonic() - started:.0f} s"
    )
    if rare:
        print(f"parity: fewer than {_LEAST} of: {', '.join(rare)}")
    return 1 if differing or rare or not builders_agree else 0


if __name__ == "__main__":
    sys.exit(main())
