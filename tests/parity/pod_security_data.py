"""The pods that pod-security-admission tests itself with, given to our rules.

`python -m tests.parity.pod_security_data` says which disagree.

They lie in the Go module cache where the embedded node was built: test/testdata/LEVEL/VERSION/pass|fail/*.yaml.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import yaml

from labkit.core.admission.api_server import read_template
from labkit.core.admission.pod_security import violations_of
from labkit.core.admission.policy import Policy

_NEWEST = (1, 37)


def differences(folder: Path) -> Iterator[tuple[Path, bool]]:
    """Each pod, and whether our verdict differs from its own."""
    for file in sorted(folder.glob("*/v*/*/*.yaml")):
        level, version, expected = file.relative_to(folder).parts[:3]
        template = read_template(yaml.load(file.read_text(), yaml.CSafeLoader), "Pod", ())
        violations = violations_of(Policy(level, version), template.metadata, template.spec, _NEWEST)
        yield file, bool(violations) != (expected == "fail")


def main() -> int:
    cache = subprocess.run(["go", "env", "GOMODCACHE"], capture_output=True, text=True, check=True).stdout.strip()
    results = [
        (file, differs)
        for module in sorted(Path(cache, "k8s.io").glob("pod-security-admission@v0.37*"))
        for file, differs in differences(module / "test" / "testdata")
    ]
    differing = [file for file, differs in results if differs]
    print(*differing, f"{len(results) - len(differing)} of {len(results)} agree", sep="\n")
    return 1 if differing or not results else 0


if __name__ == "__main__":
    sys.exit(main())
