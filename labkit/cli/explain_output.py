"""What `labkit explain` does with its options."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TextIO

import click

from labkit.base.errors import Misuse
from labkit.core.identity.identity_cases import answer_lines
from labkit.core.identity.model import Versions, read_version
from labkit.explain.explanations import explain_image, explain_manifests, finder, is_manifest
from labkit.explain.image_lookup import parse_said
from labkit.explain.rows import Explanations
from labkit.lab.lab import Lab

_NEWEST = Versions()
# A passwd file of 100 MB fits; a longer line is answered as several that are no JSON, for memory must end somewhere.
_LONGEST_LINE = 1 << 28


def run_explain(
    images: Sequence[str],
    places: Sequence[str],
    recursive: bool,
    user: str | None,
    group_add: Sequence[str],
    image_user: Sequence[str],
    archives: Sequence[str],
    kubernetes: str | None,
    runc: str | None,
    batch: bool,
    gate: bool,
    as_json: bool,
) -> int:
    """Explain what was asked for, print it, and give the exit status.

    Raises:
        LabError: nothing was asked for, or something that does not exist.
    """
    versions = Versions(
        _version("--kubernetes", kubernetes, _NEWEST.kubernetes), _version("--runc", runc, _NEWEST.engine_runc)
    )
    if batch:
        return answer_batch(iter(partial(sys.stdin.buffer.readline, _LONGEST_LINE), b""), sys.stdout, versions)
    manifests = [*places, *(name for name in images if is_manifest(name))]
    names = [name for name in images if not is_manifest(name)]
    if not manifests and not names:
        raise Misuse("Explaining", "no image and no manifest is named", "see how\n  labkit explain --help")
    looked_up = finder(Lab(), parse_said(image_user), archives)
    if runc is None and names:
        versions = replace(versions, engine_runc=looked_up.engine_runc() or versions.engine_runc)
    rows = [
        row
        for name in names
        for row in explain_image(looked_up, name, user=user, group_add=group_add, versions=versions)
    ]
    found = explain_manifests(looked_up, manifests, recursive=recursive, versions=versions)
    found = Explanations([*rows, *found.rows], found.notes, found.flaws)
    # A pre-commit hook hands over whatever YAML has changed, and most of it are no workloads.
    if manifests and not found.rows and not found.flaws and (places or not gate):
        said = "; ".join(found.notes) or "the folders hold no .yaml, .yml or .json file"
        raise Misuse(f"Reading {' '.join(manifests)}", f"no container is named there: {said}", "name other files")
    _print(found, as_json)
    return _status(found, gate)


def answer_batch(lines: Iterator[bytes], out: TextIO, versions: Versions = _NEWEST) -> int:
    """Answer JSON lines one after another, in memory that does not grow with their number.

    Returns:
        1 if a line was no case, else 0.
    """
    status = 0
    for answer, was_case in answer_lines(map(_text, lines), versions):
        out.write(answer + "\n")
        status |= not was_case
    out.flush()
    return int(status)


def _text(line: bytes) -> str:
    """A line as text; one that is not UTF-8 begins with a mark that makes it no JSON, instead of passing altered."""
    try:
        return line.decode()
    except UnicodeDecodeError:
        return "\ufffd" + line.decode(errors="replace")


def _print(found: Explanations, as_json: bool) -> None:
    if as_json:
        _echo(json.dumps(found.to_dicts(), indent=2))
        for note in found.notes:
            _echo(note, err=True)
    else:
        _echo(f"{found.table()}\n\n{found.chains()}" if found.rows else "\n".join(found.notes))
    for flaw in found.flaws:
        _echo(flaw, err=True, label="not read")


def _status(found: Explanations, gate: bool) -> int:
    objections = found.objections() if gate else []
    for objection in objections:
        _echo(objection, err=True, label="gate")
    return 1 if objections or found.flaws else 0


def _echo(text: str, err: bool = False, label: str = "") -> None:
    """Print what may hold names of others: control characters, and half of a character, are spelt out."""
    safe = "".join(one if one == "\n" or one.isprintable() else ascii(one)[1:-1] for one in text)
    click.echo(click.style(label, fg="red") + ": " + safe if label else safe, err=err)


def _version(option: str, text: str | None, default: tuple[int, int]) -> tuple[int, int]:
    if text is None:
        return default
    version = read_version(text)
    if version is None:
        raise Misuse(f"Reading {option} {text!r}", "it is no version", f"for example\n  {option} 1.33")
    return version
