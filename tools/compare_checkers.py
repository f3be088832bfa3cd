"""What other checkers say to the cases of tests/unit/explain/checker_cases: python tools/compare_checkers.py

Runs those that are on PATH (kube-score, checkov), and counts their rules about users: whether a case is objected to.
docs/explain.md has the table.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.unit.explain.test_checker_cases import FOLDER, RIGHT

_KUBE_SCORE_RULE, _KUBE_SCORE_OK = "container-security-context-user-group-id", 10
# Root containers and high uids in manifests; a user is created, and the last USER is not root.
_CHECKOV_RULES = "CKV_K8S_23,CKV_K8S_40,CKV_DOCKER_3,CKV_DOCKER_8"


def _json(argv: Iterable[str]) -> Any:
    stdout = subprocess.run(list(argv), capture_output=True, text=True, check=False, cwd=FOLDER).stdout
    return json.loads(stdout or "null") or []


def kube_score() -> set[str]:
    """The cases that it objects to; it reads no Dockerfiles."""
    objected = set()
    for name in RIGHT:
        if name.endswith(".yaml"):
            checks = [
                check
                for scored in _json(["kube-score", "score", "--output-format", "json", name])
                for check in scored["checks"] or ()
            ]
            if any(check["check"]["id"] == _KUBE_SCORE_RULE and check["grade"] < _KUBE_SCORE_OK for check in checks):
                objected.add(name)
    return objected


def checkov() -> set[str]:
    """The cases that it objects to."""
    frameworks = ["--framework", "kubernetes", "dockerfile", "--skip-download", "--compact", "--quiet"]
    reports = _json(["checkov", "-d", ".", *frameworks, "-c", _CHECKOV_RULES, "-o", "json"])
    return {failed["file_path"].lstrip("/") for report in reports for failed in report["results"]["failed_checks"]}


def _verdict(case: str, objected: set[str]) -> str:
    return "right" if (case in objected) == bool(RIGHT[case]) else "wrong"


def main() -> None:
    """Print a line for each case, and how many of them each checker judges rightly."""
    checkers = {name: run() for name, run in (("kube-score", kube_score), ("checkov", checkov)) if shutil.which(name)}
    for case, rules in RIGHT.items():
        verdicts = [
            "-    " if name == "kube-score" and case.endswith("Dockerfile") else _verdict(case, objected)
            for name, objected in checkers.items()
        ]
        print(f"{case:50}{', '.join(rules) or 'is well':25}{'  '.join(verdicts)}")
    for kind in (".yaml", "Dockerfile"):
        cases = [case for case in RIGHT if case.endswith(kind)]
        counts = [
            f"{name} {sum((case in objected) == bool(RIGHT[case]) for case in cases)}"
            for name, objected in checkers.items()
            if kind != "Dockerfile" or name != "kube-score"
        ]
        print(f"of {len(cases)} {kind}: {', '.join(counts)}")


if __name__ == "__main__":
    main()
