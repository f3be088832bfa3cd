"""What files mean: a few hundred spellings of values, documents and encodings, read by kubectl and by us."""

from __future__ import annotations

import codecs
import json
import random
import re
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from labkit.explain.manifests.documents import decode, read_documents
from labkit.explain.manifests.go_yaml import whole
from labkit.explain.workload_kinds.workload_reader import read_workloads

_KUBECTL = ("labkit", "kubectl", "create", "--dry-run=client", "--validate=false", "--output=json")
_PIECES = (
    *(
        "0",
        "1",
        "7",
        "8",
        "9",
        "00",
        "0x",
        "0X",
        "0o",
        "0b",
        "1000",
        "1.5",
        "3e8",
        "e3",
        "E+3",
        "e-2",
        ".",
        "_",
        "+",
        "-",
    ),
    *("y", "n", "Y", "N", "yes", "no", "on", "off", "true", "False", "null", "~", ".inf", ".nan", "<<", "=", "a", ":"),
    *("!!str ", "!!int ", "!!float ", "!!bool ", "!!null ", "!Ref ", "!reference ", "2024-01-01", "16:40", "'", '"'),
)
_VALUES = (
    *("0o1750", "01750", "0800", "0750", "1e3", "1.0E+3", "1000.0", "1_000", "0x3e8", "1.00066e+09", "16:40", "1000.5"),
    *(
        "9223372036854775807",
        "9223372036854775808",
        "18446744073709551615",
        "18446744073709551616",
        "-0",
        "-0.0",
        "1e21",
    ),
    *("1e400", "0b11", "-0x10", "2001-12-14t21:59:43.10-05:00", "!!binary aGk=", "!!set {a, b}", "!vault |\n    6162"),
    *(
        "[y, 0800, {n: 1e3}]",
        "|\n    a\n    b",
        ">-\n    a\n\n    b\n    c",
        '"\\u00e9\\n"',
        "'it''s'",
        "!!python/name:a.b.c ''",
    ),
    *("{a: &x {k: 1}, b: {<<: *x, k: 2}, c: {k: 3, <<: *x}}", "[&x {k: 1}, {<<: [*x, {k: 2, l: 3}]}]", "{k: 1, k: 2}"),
    *(
        "[&a 1, &a 2, *a]",
        "{1: a, 1.5: b, yes: c, 0x10: d, 1e3: e}",
        "{~: a}",
        "{? [a] : b}",
        "*nobody",
        "[",
        "}",
        "a: b",
    ),
    *('{"a":"\\ud83d\\ude00"}', "\t1", "1\t# tab", "# none", "{<<: 7}", "!!int x", "!!float 1", "!!timestamp x", "é"),
)
_BEHIND = (
    "",
    "...\n",
    "---\n",
    "--- # a comment\n",
    "---\t\n# a comment\n",
    "...\nkind: ConfigMap\n",
    "# a comment\n",
    "---\nnull\n",
)
_JSON_VALUES = (
    "1e3",
    "1000.0",
    "1.5",
    "-0",
    "1E-2",
    '"y"',
    "true",
    "null",
    "[1, 2.0]",
    '{"a": 1, "a": 2}',
    "NaN",
    "01",
)
_NAMES = ("y", "n", "1000", "1e3", "2024-01-01", "null", "a", "on", "0x1")


@dataclass(frozen=True)
class Misread:
    """A file of which we and kubectl read different things."""

    file: bytes
    by_kubectl: object
    by_us: object

    def __str__(self) -> str:
        return f"{self.file!r}\n  kubectl: {self.by_kubectl!r}\n  labkit:  {self.by_us!r}"


@dataclass(frozen=True)
class _Text:
    """A file before it is written; @0, @1 and so on stand for names of objects."""

    text: str
    codec: str = "utf-8"
    mark: bytes = b""

    def encode(self, number: int) -> bytes:
        return self.mark + self.text.replace("@", f"f{number}-").encode(self.codec)


_ENCODINGS = (
    _Text(""),
    _Text("", mark=codecs.BOM_UTF8),
    _Text("", "utf-16-le", codecs.BOM_UTF16_LE),
    _Text("", "utf-16-be", codecs.BOM_UTF16_BE),
)


def choose_files(seed: int, count: int) -> list[bytes]:
    """Files for a seed: all that are listed here, and random ones."""
    texts = list(_listed())
    pick = random.Random(seed)
    while len(texts) < count:
        value = "".join(pick.choice(_PIECES) for _ in range(pick.randint(1, 4)))
        behind = pick.choice(_BEHIND) + _document(1, "y") if pick.random() < 0.3 else ""
        texts.append(replace(pick.choice(_ENCODINGS), text=_document(0, value) + behind))
    return [text.encode(number) for number, text in enumerate(texts)]


def compare_files(files: Sequence[bytes]) -> list[Misread]:
    """What kubectl and we read differently; it asks the lab's API server which kinds there are.

    Args:
        files: from `choose_files`; objects are known by their names.
    """
    with tempfile.TemporaryDirectory() as folder:
        for number, file in enumerate(files):
            Path(folder, f"{number:04}.yaml").write_bytes(file)
        command = [*_KUBECTL, f"--filename={folder}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    # Whoever reads nothing at all agrees with nobody.
    assert done.stdout, f"kubectl printed nothing: {done.stderr[:1000]}"
    by_kubectl = {value["metadata"]["name"]: value.get("value") for value in _objects(done.stdout)}
    misread = []
    for file in files:
        ours = _values(file)
        # A name is unknown to us if the file cannot be read, and to kubectl as well then.
        theirs = {name: by_kubectl[name] for name in _names_in(file) if name in by_kubectl}
        if json.dumps(theirs, sort_keys=True) != json.dumps(ours, sort_keys=True):
            misread.append(Misread(file, theirs or _complaint(done.stderr, files.index(file)), ours))
    return misread


def _listed() -> Iterator[_Text]:
    for value in _VALUES:
        yield _Text(_document(0, value))
        yield _Text(_document(0, value) + "---\n" + _document(1, "last"))
    for behind in _BEHIND:
        text = _document(0, "y") + behind + _document(1, "0800") + behind
        for encoding in _ENCODINGS:
            yield replace(encoding, text=text)
        yield _Text(text.replace("\n", "\r\n"))
    yield _Text("# caf\xe9\n" + _document(0, "1"), "latin-1")
    for value in _JSON_VALUES:
        yield _Text(_json(0, value))
        yield _Text(_json(0, value) + _json(1, "1"))
        yield _Text(f"{_json(0, '1')}\n---\n{_json(1, value)}\n---\n{_json(2, '2')}")
    for name in _NAMES:
        yield _Text(_document(0, "1").replace("@0", name))


def _document(number: int, value: str) -> str:
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: @{number}}}\nvalue: {value}\n"


def _json(number: int, value: str) -> str:
    return f'{{\n\t"apiVersion": "v1", "kind": "ConfigMap", "metadata": {{"name": "@{number}"}}, "value": {value}\n}}'


def _objects(text: str) -> Iterator[dict[str, Any]]:
    """The objects that kubectl prints one after another, or as the items of a list."""
    decoder = json.JSONDecoder(parse_float=lambda digits: whole(float(digits)))
    position = 0
    while match := re.compile(r"\s*\{").match(text, position):
        value, position = decoder.raw_decode(text, match.end() - 1)
        yield from value["items"] if value["kind"] == "List" else [value]


def _values(file: bytes) -> dict[str, Any]:
    """What we read, up to the first document that cannot be read, where kubectl ends."""
    values = {}
    for document in read_documents(decode(file)):
        if document.problem is not None:
            break
        if not isinstance(document.value, dict) or "metadata" not in document.value:
            break
        name = document.value["metadata"]["name"]
        pod = {**document.value, "kind": "Pod", "spec": {"containers": [{"name": "a", "image": "b"}]}}
        if read_workloads(json.dumps(pod)).flaws or not isinstance(name, str):
            break
        values[name] = document.value.get("value")
    return values


def _names_in(file: bytes) -> list[str]:
    return re.findall(r"""name"?: "?'?([\w-]+)""", decode(file))


def _complaint(stderr: str, number: int) -> str:
    return next((line for line in stderr.splitlines() if f"{number:04}.yaml" in line), "nothing")
