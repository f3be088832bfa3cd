"""What a lesson states, sentence by sentence, and what each statement stands on.

`python -m tests.notebooks.statements 05` lists the statements of lesson 05 that stand on nothing yet;
`python -m tests.notebooks.statements --add FILE` writes claims into the notebooks' metadata, one a line:

    05-06 | The builder replaced | 05-04 05-05
    05-09 | (BuildKit has a check | docs.docker.com, Build checks | 2026-08 | ages
    00-04 | Nothing outside of the lab | tests/live/lab/test_clean.py
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from labkit.base.resources import CHECKOUT
from labkit.course.claims import Claim, claims_of
from labkit.course.sentences import blocks, is_item, plain, sentences

Notebook = dict[str, Any]
NOTEBOOKS = CHECKOUT / "notebooks"

_NO_STATEMENTS_BELOW = ("## On your own", "## Further reading")
"""Tasks without a check, and titles."""
_VERBS = (
    r"add|ask|begin|build|change|check|choose|click|close|compare|count|decide|edit|end|find|give|guess|interrupt|"
    r"keep|leave|let|list|listen|look|make|mind|name|never|note|open|post|predict|press|publish|put|read|"
    r"remember|repair|run|save|say|see|send|set|show|start|state|stop|suppose|take|tell|think|try|type|use|"
    r"wait|watch|write"
)
_INSTRUCTION = re.compile(
    rf"^(?:(?:and|but|so|then|now|first|again|next|please|before you \w+|afterwards|(?:where|if|when) [^,:]+,),? )*"
    rf"(?:{_VERBS}|do(?: not| the| that| this| it))\b",
    re.I,
)
_OF_THE_COURSE = re.compile(
    r"^(?:(?:in )?this (?:lesson|section|course)\b|lesson \d\d (?:is|has|shows|closes|judges)\b"
    r"|here (?:is|are)\b|the (?:next|last|first) (?:lesson|section|exercise)\b|the cells? (?:below|above|shows?)\b"
    r"|you (?:will|play)\b|next:)",
    re.I,
)


def statements(notebook: Notebook) -> Iterator[tuple[Notebook, str]]:
    """What a notebook states: each text cell with each of its sentences that says how something is.

    None are headings, questions, instructions (they begin with a verb), what a lesson says about itself, the opening's
    list, tasks (below the last heading above a cell to edit), code, tables, and the sections of tasks and titles.

    Args:
        notebook: with each cell's source as one text.
    """
    cells = notebook["cells"]
    off = False
    for number, cell in enumerate(cells):
        if cell["cell_type"] != "markdown":
            continue
        following = cells[number + 1] if number + 1 < len(cells) else {"metadata": {}}
        text = cell["source"]
        if "exercise" in following["metadata"].get("labkit", {}):
            text = text[: max(0, text.rfind("\n#"))] if not text.startswith("### ") or "\n#" in text else ""
        for block in blocks(text):
            if block.startswith("#"):
                heading, _, block = block.partition("\n")
                off = heading.startswith(_NO_STATEMENTS_BELOW)
            if off or (number == 0 and is_item(block)):
                continue
            yield from ((cell, sentence) for sentence in sentences(block) if is_statement(sentence))


def is_statement(sentence: str) -> bool:
    """Whether a sentence says how something is."""
    bare = sentence.strip("(\"' ")
    return (
        not sentence.rstrip("\"')").endswith("?")
        and not _INSTRUCTION.match(bare)
        and not _OF_THE_COURSE.match(bare)
        and bool(re.search(r"\w", bare))
    )


def supported(claims: Iterable[Claim], sentence: str) -> list[Claim]:
    """The claims of a cell that a sentence stands on."""
    return [claim for claim in claims if any(sentence.startswith(plain(text)) for text in claim.beginnings)]


def unsupported(notebook: Notebook) -> Iterator[tuple[str, str]]:
    """The statements that stand on nothing: cell and sentence."""
    for cell, sentence in statements(notebook):
        if not supported(claims_of(cell), sentence):
            yield cell["id"], sentence


def read(path: Path) -> Notebook:
    """A notebook with each cell's source as one text."""
    notebook: Notebook = json.loads(path.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"])
    return notebook


def add(line: str) -> None:
    """Write a claim into the metadata of its cell, in place of one that begins alike.

    Args:
        line: cell | beginning | cells, or tests, or a source | date | ages.
    """
    cell_id, says, basis, *dated = (part.strip() for part in line.split(" | "))
    path = next(NOTEBOOKS.glob(f"{cell_id[:2]}-*.ipynb"))
    notebook = json.loads(path.read_text(encoding="utf-8"))
    cell = next(cell for cell in notebook["cells"] if cell["id"] == cell_id)
    record: dict[str, Any] = {"says": plain(says)}
    if dated:
        record |= {"source": basis, "date": dated[0]} | ({"ages": True} if dated[1:] == ["ages"] else {})
    else:
        named = basis.split()
        record["tested_by" if basis.startswith("tests/") else "shown_by"] = named[0] if len(named) == 1 else named
    own = cell["metadata"].setdefault("labkit", {})
    own["claims"] = [claim for claim in own.get("claims", []) if claim["says"] != record["says"]] + [record]
    claims_of(cell)
    path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def main() -> None:
    """List what stands on nothing, or write claims."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lessons", nargs="*", help="numbers; all of them where none is given")
    parser.add_argument("--add", type=Path, help="a file with claims, one a line")
    arguments = parser.parse_args()
    if arguments.add:
        for line in arguments.add.read_text(encoding="utf-8").splitlines():
            if line.strip() and not line.startswith("#"):
                add(line)
    for path in sorted(NOTEBOOKS.glob("[0-9][0-9]-*.ipynb")):
        if not arguments.lessons or path.name[:2] in arguments.lessons:
            for cell_id, sentence in unsupported(read(path)):
                print(f"{cell_id} | {sentence}")


if __name__ == "__main__":
    main()
