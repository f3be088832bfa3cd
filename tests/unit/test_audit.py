"""`make audit`: what counts as known, as unknown and as nothing known, and that every entry of a lock has a hash."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from labkit.base.resources import CHECKOUT
from tools import audit
from tools.audit import Finding, NotAsked, Run

HASH = f"--hash=sha256:{'a' * 64}"
SKIPPED = {"name": "anyio", "skip_reason": "Dependency not found on PyPI and could not be audited: anyio (4.16.0)"}
CLEAN = {"name": "click", "version": "8.2", "vulns": []}
VULNERABLE = {"name": "jinja2", "version": "2.4.1", "vulns": [{"id": "PYSEC-2014-8", "fix_versions": ["2.7.2"]}]}
NPM_CLEAN: dict[str, Any] = {"auditReportVersion": 2, "vulnerabilities": {}}
NPM_VULNERABLE = {
    "vulnerabilities": {
        "mkdirp": {"name": "mkdirp", "via": ["minimist"]},
        "minimist": {"name": "minimist", "via": [{"title": "Prototype Pollution in minimist"}]},
    }
}
NPM_REFUSED = {"message": "405 Method Not Allowed - POST /-/npm/v1/security/advisories/bulk", "statusCode": 405}
GO_CLEAN = json.dumps({"config": {"scanner_name": "govulncheck"}}, indent=2)
GO_MODULE = json.dumps(
    {
        "finding": {
            "osv": "GO-2099-0001",
            "fixed_version": "v0.60.0",
            "trace": [{"module": "golang.org/x/sys", "version": "v0.50.0"}],
        }
    },
    indent=2,
)
GO_IMPORTED = GO_MODULE.replace('"v0.50.0"', '"v0.50.0", "package": "golang.org/x/sys/unix"')
"""As govulncheck printed them of the kit's probe, with a planted database."""


def pip_report(*dependencies: dict[str, Any]) -> str:
    return json.dumps({"dependencies": dependencies, "fixes": []})


class Tools:
    """Plays every tool: what each prints, and which argv it was given."""

    def __init__(self, pip: str, npm: str, go: str, go_status: int = 0) -> None:
        self.pip, self.npm, self.go, self.go_status = pip, npm, go, go_status
        self.calls: list[list[str]] = []

    def __call__(self, argv: list[str], folder: Path, environment: dict[str, str] | None = None) -> Run:
        del folder, environment
        self.calls.append(argv)
        if "pip_audit" in argv:
            return Run(0, self.pip, "")
        if argv[0] == "npm":
            return Run(0, self.npm, "")
        if "-scan" in argv:
            return Run(self.go_status, self.go, "govulncheck: fetching vulnerabilities: no such host")
        return Run(0, "", "")


def outcomes(tools: Tools) -> dict[str, set[str]]:
    """Tool -> what its rows say; the hashes are the checkout's own."""
    rows: dict[str, set[str]] = {}
    for finding in audit.audit(tools):
        rows.setdefault(finding.asked.split()[0], set()).add(finding.outcome)
    return rows


def test_all_asked_and_nothing_known() -> None:
    tools = Tools(pip_report(CLEAN), json.dumps(NPM_CLEAN), GO_CLEAN)
    assert outcomes(tools) == {"its": {"ok"}, "pip-audit": {"ok"}, "npm": {"ok"}, "govulncheck": {"ok"}}
    assert audit.exit_status(audit.audit(tools)) == 0


def test_nobody_answers_and_that_is_no_nothing_known() -> None:
    """pip-audit ends with status 0 and "no known vulnerabilities" where the index has no advisories at all."""
    tools = Tools(pip_report(SKIPPED), json.dumps(NPM_REFUSED), "", go_status=1)
    assert outcomes(tools) == {
        "its": {"ok"},
        "pip-audit": {"unknown"},
        "npm": {"unknown"},
        "govulncheck": {"unknown"},
    }
    assert audit.exit_status(audit.audit(tools)) == audit.NOT_ASKED


def test_a_service_that_does_not_answer_is_asked_about_one_package_only() -> None:
    tools = Tools(pip_report(SKIPPED), json.dumps(NPM_CLEAN), "", go_status=1)
    audit.audit(tools)
    assert len([argv for argv in tools.calls if "pip_audit" in argv]) == len(("pypi", "osv"))
    assert len([argv for argv in tools.calls if "-scan" in argv]) == 1


@pytest.mark.parametrize(
    "tools",
    [
        Tools(pip_report(CLEAN, VULNERABLE), json.dumps(NPM_REFUSED), GO_CLEAN),
        Tools(pip_report(SKIPPED), json.dumps(NPM_VULNERABLE), GO_CLEAN),
        Tools(pip_report(CLEAN), json.dumps(NPM_REFUSED), GO_MODULE + "\n" + GO_IMPORTED),
    ],
    ids=["pip-audit", "npm", "govulncheck"],
)
def test_a_known_advisory_counts_whoever_else_did_not_answer(tools: Tools) -> None:
    assert audit.exit_status(audit.audit(tools)) == audit.FOUND


def test_an_advisory_is_named_with_what_it_is_fixed_in() -> None:
    assert audit.python_advisories(pip_report(CLEAN, VULNERABLE)) == ["jinja2 2.4.1: PYSEC-2014-8 (fixed in 2.7.2)"]
    assert audit.npm_advisories(json.dumps(NPM_VULNERABLE)) == ["minimist: Prototype Pollution in minimist"]
    assert audit.go_advisories(GO_CLEAN + GO_IMPORTED) == ["golang.org/x/sys v0.50.0: GO-2099-0001 (fixed in v0.60.0)"]


def test_a_module_whose_vulnerable_package_is_not_imported_is_none() -> None:
    assert audit.go_advisories(GO_MODULE) == []


@pytest.mark.parametrize("report", ["", "<html>log in</html>", "{}", json.dumps(NPM_REFUSED), '{"error": {}}'])
def test_what_is_no_report_of_npm_is_no_answer(report: str) -> None:
    with pytest.raises(NotAsked):
        audit.npm_advisories(report)


def test_one_package_that_nobody_knows_is_said() -> None:
    with pytest.raises(NotAsked, match="no answer about 1 of 2"):
        audit.python_advisories(pip_report(CLEAN, SKIPPED))


def test_a_tool_that_is_not_here_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotAsked, match="no-such-tool could not be run"):
        audit.run_tool(["no-such-tool"], tmp_path)


def test_two_versions_of_a_package_are_both_asked_about() -> None:
    tools = Tools(pip_report(CLEAN), json.dumps(NPM_CLEAN), GO_CLEAN)
    audit.audit(tools)
    lock = (CHECKOUT / "requirements.lock").read_text(encoding="utf-8")
    pins = audit.pins(lock)
    assert len({pin.partition("==")[0] for pin in pins}) < len(pins)
    assert len([argv for argv in tools.calls if "pip_audit" in argv]) > len(audit.python_locks()) + 1


@pytest.mark.parametrize(
    "entry",
    ["click==8.2", f"click>=8 {HASH}", f"click {HASH}", "click==8.2 --hash=sha256:abc", "click @ file:///tmp/c"],
)
def test_an_entry_without_version_or_hash_is_named(entry: str) -> None:
    assert audit.python_without_hash(f"# made\nrich[a]==14 ; python_version < '4' \\\n    {HASH}\n{entry}\n") == [
        entry.split()[0]
    ]


def test_a_package_of_npm_without_hash_is_named() -> None:
    packages = {"": {}, "node_modules/a": {"integrity": "sha512-a"}, "node_modules/b": {}, "c": {"link": True}}
    assert audit.npm_without_hash(json.dumps({"packages": packages})) == ["node_modules/b"]


def test_a_go_module_without_hash_is_named() -> None:
    go_mod = "require example.com/a v1.0.0\nrequire (\n\texample.com/b v0.0.0\n\texample.com/c v1.0.0 // indirect\n)\n"
    go_mod += "replace example.com/b => example.com/b v1.2.0\n"
    go_sum = "example.com/a v1.0.0 h1:a=\nexample.com/c v1.0.0/go.mod h1:c=\n"
    assert audit.go_without_hash(go_mod, go_sum) == ["example.com/b@v1.2.0"]
    assert audit.go_without_hash(go_mod, f"{go_sum}example.com/b v1.2.0/go.mod h1:b=\n") == []


def test_each_go_module_of_the_project_is_looked_at() -> None:
    names = {str(folder.relative_to(CHECKOUT)) for folder in audit.go_modules()}
    assert {"cluster/node/kubernetes", "cluster/tools", "tests/parity/buildkit", "tools/govulncheck"} <= names
    assert "tests/policy_engine" in names


def test_each_lock_of_the_project_is_looked_at() -> None:
    """A new one is taken without being listed; git knows what belongs to the project."""
    git = subprocess.run(["git", "ls-files"], cwd=CHECKOUT, capture_output=True, text=True, check=False)
    if git.returncode != 0:
        pytest.skip("this is no checkout of git's")
    names = git.stdout.splitlines()
    assert sorted(audit.python_locks()) == sorted(name for name in names if name.endswith(".lock"))
    assert audit.npm_locks() == sorted(name for name in names if name.endswith("package-lock.json"))


def test_the_answers_come_to_one_status() -> None:
    rows = {name: Finding("a lock", "a tool", name, "") for name in ("ok", "unknown", "problem")}
    assert audit.exit_status([rows["ok"]]) == 0
    assert audit.exit_status([rows["ok"], rows["unknown"]]) == audit.NOT_ASKED
    assert audit.exit_status(rows.values()) == audit.FOUND
