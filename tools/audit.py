"""Known advisories of everything that the project pins: make audit, or python tools/audit.py

Three well-kept tools are asked, each pinned: pip-audit (tools/audit.lock) about the Python locks, `npm audit` about
what the panel is built with, govulncheck (tools/govulncheck) about the packages that the kit's Go programs import.
Before that, without a network: every entry of every lock has a hash.

What could not be asked is said, and is no "nothing known": pip-audit itself ends well where the index has no
advisories at all.

Exit status: 0 all was asked and nothing is known, 1 an advisory or an entry without a hash, 3 something could not be
asked (and nothing is known of the rest).
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from labkit.adapters import go, go_programs
from labkit.base.resources import CHECKOUT
from labkit.show.table import Table

PIN = re.compile(r"(?P<name>[\w.-]+)(?:\[[\w,-]+\])?==(?P<version>[^\s;]+)")
HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})(?=\s|$)")
_REQUIRED = re.compile(r"^\s*(?:require )?(?P<module>[\w.~/-]+\.[\w.~/-]+) (?P<version>v\S+)", re.MULTILINE)
_REPLACED = re.compile(r"^\s*(?:replace )?(?P<module>\S+)(?: v\S+)? => (?P<by>\S+) (?P<version>v\S+)", re.MULTILINE)
_ADVISORY_SERVICES = ("pypi", "osv")
_ANSWER_SECONDS = 15
_TOOL_SECONDS = 900
FOUND, NOT_ASKED = 1, 3


class NotAsked(Exception):
    """An advisory service did not answer, or its tool is not here; the text says which and why."""


@dataclass(frozen=True)
class Run:
    """What a tool printed, and its exit status."""

    status: int
    stdout: str
    stderr: str

    def last_line(self) -> str:
        """What it said last, which is where tools say what went wrong."""
        lines = [line.strip() for line in (self.stderr or self.stdout).splitlines() if line.strip()]
        return lines[-1][:200] if lines else f"it ended with status {self.status} and printed nothing"


Runner = Callable[..., Run]
"""Runs an argv in a folder: (argv, folder, environment) -> Run."""


@dataclass(frozen=True)
class Finding:
    """One row of the answer.

    Args:
        subject: what was looked at.
        asked: who was asked about it.
        outcome: `ok`, `problem` or `unknown`.
        details: the advisories, the entries without a hash, or why nobody answered.
    """

    subject: str
    asked: str
    outcome: str
    details: str


def run_tool(argv: list[str], folder: Path = CHECKOUT, environment: Mapping[str, str] | None = None) -> Run:
    """Run a tool to its end.

    Raises:
        NotAsked: it is not here, or does not end in 15 minutes.
    """
    try:
        done = subprocess.run(
            argv,
            cwd=folder,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_TOOL_SECONDS,
            check=False,
        )
    except OSError as error:
        raise NotAsked(f"{argv[0]} could not be run: {error.strerror}") from error
    except subprocess.TimeoutExpired as error:
        raise NotAsked(f"{argv[0]} did not end within {_TOOL_SECONDS} s") from error
    return Run(done.returncode, done.stdout, done.stderr)


def entries(lock: str) -> Iterator[str]:
    """The entries of a Python lock, each on one line, with its hashes."""
    for line in lock.replace("\\\n", " ").splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            yield line.strip()


def pins(lock: str) -> list[str]:
    """Each `name==version` of a Python lock once, whatever system it is for."""
    return sorted({f"{match['name']}=={match['version']}" for match in map(PIN.match, entries(lock)) if match})


def python_without_hash(lock: str) -> list[str]:
    """The entries of a Python lock that name no exact version, or have no hash."""
    return [entry.split()[0] for entry in entries(lock) if not (PIN.match(entry) and HASH.search(entry))]


def npm_without_hash(lock: str) -> list[str]:
    """The packages of a package-lock.json that have no hash; links and the project itself need none."""
    packages: dict[str, dict[str, Any]] = json.loads(lock)["packages"]
    return [name for name, entry in packages.items() if name and not entry.get("link") and not entry.get("integrity")]


def go_without_hash(go_mod: str, go_sum: str) -> list[str]:
    """The modules that a go.mod requires, or puts in another's place, and that go.sum has no hash of."""
    hashed = {tuple(line.split()[:2]) for line in go_sum.splitlines()}
    replaced = {match["module"]: (match["by"], match["version"]) for match in _REPLACED.finditer(go_mod)}
    required = [
        replaced.get(match["module"], (match["module"], match["version"])) for match in _REQUIRED.finditer(go_mod)
    ]
    return [
        f"{module}@{version}"
        for module, version in required
        if not {(module, version), (module, f"{version}/go.mod")} & hashed
    ]


def go_modules() -> list[Path]:
    """The folders of the project's Go modules."""
    return sorted(path.parent for path in _below("go.mod"))


def python_locks() -> list[str]:
    """The project's Python locks."""
    return sorted(str(path.relative_to(CHECKOUT)) for path in [*CHECKOUT.glob("[!.]*.lock"), *_below("*.lock")])


def npm_locks() -> list[str]:
    """The project's locks of npm."""
    return sorted(str(path.relative_to(CHECKOUT)) for path in _below("package-lock.json"))


def _below(name: str) -> list[Path]:
    """Files of a name in the project's folders, but not in those of packages that npm has installed."""
    places = [path for top in ("cluster", "extension", "tests", "tools") for path in (CHECKOUT / top).rglob(name)]
    return [path for path in places if "node_modules" not in path.parts]


def hash_findings() -> list[Finding]:
    """Whether every entry of every lock has a hash; nobody is asked."""
    without = {name: python_without_hash((CHECKOUT / name).read_text(encoding="utf-8")) for name in python_locks()}
    without |= {name: npm_without_hash((CHECKOUT / name).read_text(encoding="utf-8")) for name in npm_locks()}
    for folder in go_modules():
        go_sum = folder / "go.sum"
        sums = go_sum.read_text(encoding="utf-8") if go_sum.is_file() else ""
        name = str(go_sum.relative_to(CHECKOUT))
        without[name] = go_without_hash((folder / "go.mod").read_text(encoding="utf-8"), sums)
    return [
        Finding(name, "its hashes", "problem" if missing else "ok", "\n".join(missing) or "every entry has one")
        for name, missing in without.items()
    ]


def python_advisories(report: str) -> list[str]:
    """What pip-audit knows, from its JSON.

    Raises:
        NotAsked: about one package or more the service knew nothing, not even that it exists.
    """
    dependencies = json.loads(report)["dependencies"]
    skipped = [dependency for dependency in dependencies if "skip_reason" in dependency]
    known = [
        f"{dependency['name']} {dependency['version']}: {advisory['id']}{_fixed(advisory.get('fix_versions'))}"
        for dependency in dependencies
        for advisory in dependency.get("vulns", ())
    ]
    if skipped and not known:
        raise NotAsked(f"no answer about {len(skipped)} of {len(dependencies)}: {skipped[0]['skip_reason']}")
    return known + [f"{dependency['name']}: not answered" for dependency in skipped]


def npm_advisories(report: str) -> list[str]:
    """What `npm audit` knows, from its JSON.

    Raises:
        NotAsked: the registry has no such service, or did not answer.
    """
    try:
        answer = json.loads(report)
    except ValueError:
        answer = {}
    if "vulnerabilities" not in answer:
        error = answer.get("error")
        summary = (error.get("summary") if isinstance(error, dict) else error) or answer.get("message")
        raise NotAsked(str(summary or "npm audit printed no report"))
    known = []
    for package in answer["vulnerabilities"].values():
        # `via` has the advisory itself, or the name of the package that brings it, which has a row of its own.
        known += [f"{package['name']}: {via['title']}" for via in package["via"] if isinstance(via, dict)]
    return sorted(set(known))


def go_advisories(report: str) -> list[str]:
    """What govulncheck knows of packages that are imported, from its stream of JSON objects."""
    decoder, known, rest = json.JSONDecoder(), set(), report.lstrip()
    while rest:
        message, end = decoder.raw_decode(rest)
        rest = rest[end:].lstrip()
        trace = (message.get("finding") or {}).get("trace") or [{}]
        if "package" in trace[0]:
            fixed = message["finding"].get("fixed_version")
            module = f"{trace[0]['module']} {trace[0].get('version', '')}".strip()
            known.add(f"{module}: {message['finding']['osv']}{_fixed([fixed] if fixed else [])}")
    return sorted(known)


def _fixed(versions: Iterable[str] | None) -> str:
    fixed = ", ".join(versions or ())
    return f" (fixed in {fixed})" if fixed else ""


def ask_pip_audit(run: Runner, scratch: Path) -> Iterator[Finding]:
    """Ask about each Python lock; the first service that answers about one package is asked about all."""
    python = scratch / "venv" / "bin" / "python"
    locks = {name: pins((CHECKOUT / name).read_text(encoding="utf-8")) for name in python_locks()}
    try:
        service = _first_service(run, scratch, python, next(iter(locks.values()))[:1])
    except NotAsked as error:
        yield Finding("Python locks", "pip-audit", "unknown", str(error))
        return
    for name, pinned in locks.items():
        ask = partial(_pip_audit, run, scratch, python, service, pinned)
        yield _finding(name, f"pip-audit ({service})", ask)


def _first_service(run: Runner, scratch: Path, python: Path, sample: list[str]) -> str:
    """The first advisory service that answers about one package: a whole lock would be as many questions."""
    install = ["-m", "pip", "install", "--quiet", "--require-hashes", "--no-deps", "--only-binary", ":all:"]
    for argv in (
        [sys.executable, "-m", "venv", str(python.parents[1])],
        [str(python), *install, "--requirement", "tools/audit.lock"],
    ):
        done = run(argv, CHECKOUT)
        if done.status:
            raise NotAsked(f"pip-audit could not be installed: {done.last_line()}")
    reasons = []
    for service in _ADVISORY_SERVICES:
        try:
            _pip_audit(run, scratch, python, service, sample)
        except NotAsked as error:
            reasons.append(f"{service}: {error}")
        else:
            return service
    raise NotAsked("; ".join(reasons))


def _pip_audit(run: Runner, scratch: Path, python: Path, service: str, pinned: list[str]) -> list[str]:
    """Without hashes and markers: it would leave out what this system does not install."""
    known: list[str] = []
    # A lock may pin two versions of a package, for different Pythons; pip-audit takes one at a time.
    for group in _one_version_each(pinned):
        requirements = scratch / "requirements.txt"
        requirements.write_text("\n".join(group) + "\n", encoding="utf-8")
        options = ["--no-deps", "--disable-pip", "--progress-spinner", "off", "--timeout", str(_ANSWER_SECONDS)]
        argv = [str(python), "-m", "pip_audit", "-r", str(requirements), "-f", "json", "-s", service, *options]
        done = run(argv, CHECKOUT)
        try:
            known += python_advisories(done.stdout)
        except (ValueError, KeyError) as error:
            raise NotAsked(done.last_line()) from error
    return known


def _one_version_each(pinned: list[str]) -> list[list[str]]:
    groups: list[dict[str, str]] = []
    for pin in pinned:
        name = pin.partition("==")[0]
        group = next((group for group in groups if name not in group), None)
        if group is None:
            groups.append(group := {})
        group[name] = pin
    return [list(group.values()) for group in groups]


def ask_npm(run: Runner, scratch: Path) -> Iterator[Finding]:
    """Ask about what comes from npm, such as what the panel is built with; nothing is installed."""
    del scratch
    argv = ["npm", "audit", "--package-lock-only", "--json"]
    for name in npm_locks():

        def ask(folder: Path = (CHECKOUT / name).parent) -> list[str]:
            return npm_advisories(run(argv, folder).stdout)

        yield _finding(name, "npm audit", ask)


def ask_govulncheck(run: Runner, scratch: Path) -> Iterator[Finding]:
    """Ask about the packages that each Go program imports, and what the parity tests are built from.

    GOVULNDB names a copy of the database, for a machine that reaches no other.
    """
    program = scratch / "govulncheck"
    argv = ["go", "build", "-o", str(program), "golang.org/x/vuln/cmd/govulncheck"]
    try:
        done = run(argv, CHECKOUT / "tools" / "govulncheck")
        if done.status:
            raise NotAsked(f"govulncheck could not be built: {done.last_line()}")
    except NotAsked as error:
        yield Finding("Go programs", "govulncheck", "unknown", str(error))
        return
    database = ("-db", os.environ["GOVULNDB"]) if os.environ.get("GOVULNDB") else ()
    for name, folder, options, environment in _go_subjects():

        def ask(folder: Path = folder, options: tuple[str, ...] = options, env: Any = environment) -> list[str]:
            scan = run([str(program), "-format", "json", "-scan", "package", *database, *options], folder, env)
            if scan.status:
                raise NotAsked(scan.last_line())
            return go_advisories(scan.stdout)

        finding = _finding(name, "govulncheck", ask)
        yield finding
        if "fetching vulnerabilities" in finding.details:
            yield Finding("the other Go programs", "govulncheck", "unknown", "not tried: it would be the same")
            return


def _go_subjects() -> Iterator[tuple[str, Path, tuple[str, ...], dict[str, str]]]:
    programs = [value for value in vars(go).values() if isinstance(value, go_programs.GoProgram)]
    for program in sorted(programs, key=lambda program: program.name.lower() not in ("pause", "probe", "registry")):
        tags = ("-tags", ",".join(program.tags)) if program.tags else ()
        yield program.name, program.module, (*tags, *program.packages), {"CGO_ENABLED": "1" if program.cgo else "0"}
    yield "tests/parity/buildkit", CHECKOUT / "tests" / "parity" / "buildkit", ("./...",), {}
    yield "tests/policy_engine", CHECKOUT / "tests" / "policy_engine", ("./...",), {}
    yield "govulncheck itself", CHECKOUT / "tools" / "govulncheck", ("tool",), {}


def _finding(subject: str, asked: str, ask: Callable[[], list[str]]) -> Finding:
    try:
        known = ask()
    except NotAsked as error:
        return Finding(subject, asked, "unknown", str(error))
    return Finding(subject, asked, "problem" if known else "ok", "\n".join(known) or "no advisory known")


def audit(run: Runner = run_tool) -> list[Finding]:
    """Look at every lock, and ask about everything in them."""
    findings = hash_findings()
    with tempfile.TemporaryDirectory(prefix="labkit-audit-") as folder:
        for ask in (ask_pip_audit, ask_npm, ask_govulncheck):
            findings += ask(run, Path(folder))
    return findings


def exit_status(findings: Iterable[Finding]) -> int:
    """1 where something is known, else 3 where something could not be asked, else 0."""
    outcomes = {finding.outcome for finding in findings}
    return FOUND if "problem" in outcomes else NOT_ASKED if "unknown" in outcomes else 0


def main() -> int:
    """Print the answers, and what they come to."""
    findings = audit()
    rows = [(finding.outcome, finding.subject, finding.asked, finding.details) for finding in findings]
    print(Table("Everything that is pinned", ("", "what", "asked", "answer"), rows))
    status = exit_status(findings)
    print(
        {
            0: "audit: everything was asked, and no advisory is known",
            FOUND: "audit: not right, see each problem above (status 1)",
            NOT_ASKED: "audit: nothing is known of what was asked, but not everything could be asked (status 3)",
        }[status],
        file=sys.stderr,
    )
    return status


if __name__ == "__main__":
    sys.exit(main())
