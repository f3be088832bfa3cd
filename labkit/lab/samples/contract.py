"""What an image must show, whichever source it came from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from labkit.core.causes import REFUSALS
from labkit.core.identity.kubelet_rules import cri_user, verify_run_as_non_root
from labkit.core.identity.model import Settings
from labkit.lab.samples.image_facts import FileFact, ImageFacts


@dataclass(frozen=True)
class Contract:
    """The promises of one image; what is not given is not promised.

    Args:
        users: the values that Config.User may have.
        cause: the kubelet's refusal under runAsNonRoot; empty if the image passes.
        shell: whether it has a /bin/sh.
        env: variables that must be set to just this.
        env_set: variables that must be set, to whatever it is.
        entrypoint: its ENTRYPOINT.
        ports: the ports that it exposes.
        passwd_first: the first line of its passwd file.
        passwd_first_matches: a regular expression for that line, where sources differ.
        passwd_last: the last line.
        passwd_has: lines that must be among the others.
        passwd_has_name: names that must have a line.
        passwd_lines: how many lines there are.
        files: owner and mode of files.
    """

    users: tuple[str, ...] = ()
    cause: str = ""
    shell: bool | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    env_set: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] | None = None
    ports: tuple[str, ...] = ()
    passwd_first: str = ""
    passwd_first_matches: str = ""
    passwd_last: str = ""
    passwd_has: tuple[str, ...] = ()
    passwd_has_name: tuple[str, ...] = ()
    passwd_lines: int | None = None
    files: Mapping[str, FileFact] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.cause and self.cause not in REFUSALS:
            raise ValueError(f"{self.cause} is not a refusal of the kubelet, as {', '.join(REFUSALS)} are")


def refusal_of(user: str) -> str:
    """The cause for which the kubelet refuses an image of that Config.User under runAsNonRoot; empty if it does not."""
    refusal = verify_run_as_non_root(Settings(run_as_non_root=True), cri_user(user))
    return str(refusal.cause) if refusal else ""


def violations(contract: Contract, facts: ImageFacts) -> list[str]:
    """Every promise that an image breaks, each as a sentence with what was promised and what is there."""
    broken = []

    def promise(subject: str, wanted: object, seen: object, kept: bool) -> None:
        if not kept:
            broken.append(f"{subject}: {wanted!r} was promised, {seen!r} is there")

    lines = (facts.passwd or "").splitlines()
    first, last = (lines[0], lines[-1]) if lines else ("", "")
    if contract.users:
        promise("Config.User", " or ".join(map(repr, contract.users)), facts.user, facts.user in contract.users)
        cause = refusal_of(facts.user)
        promise("the kubelet's refusal", contract.cause or "none", cause or "none", cause == contract.cause)
    if contract.shell is not None:
        promise("a shell", contract.shell, facts.shell, facts.shell == contract.shell)
    for name, value in contract.env.items():
        promise(f"variable {name}", value, facts.env.get(name), facts.env.get(name) == value)
    for name in contract.env_set:
        promise(f"variable {name}", "some value", facts.env.get(name), bool(facts.env.get(name)))
    if contract.entrypoint is not None:
        promise("ENTRYPOINT", contract.entrypoint, facts.entrypoint, facts.entrypoint == contract.entrypoint)
    for port in contract.ports:
        promise("exposed ports", port, facts.ports, port in facts.ports)
    if contract.passwd_first:
        promise("first line of passwd", contract.passwd_first, first, first == contract.passwd_first)
    if contract.passwd_first_matches:
        matches = re.fullmatch(contract.passwd_first_matches, first) is not None
        promise("first line of passwd", contract.passwd_first_matches, first, matches)
    if contract.passwd_last:
        promise("last line of passwd", contract.passwd_last, last, last == contract.passwd_last)
    for line in contract.passwd_has:
        promise("a line of passwd", line, lines, line in lines)
    names = [account.name for account in facts.users]
    for name in contract.passwd_has_name:
        promise("a user", name, names, name in names)
    if contract.passwd_lines is not None:
        promise("lines of passwd", contract.passwd_lines, len(lines), len(lines) == contract.passwd_lines)
    for path, wanted in contract.files.items():
        promise(path, wanted, facts.files.get(path), facts.files.get(path) == wanted)
    return broken
