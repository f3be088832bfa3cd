"""The nodes of one YAML document, as libyaml parses it, of which go-yaml is a port; with go-yaml's bounds on aliases.

Source: go.yaml.in/yaml/v2 (decode.go: allowedAliasRatio).
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from typing import Any

import yaml
from yaml.composer import Composer
from yaml.constructor import SafeConstructor
from yaml.nodes import MappingNode, Node, SequenceNode
from yaml.resolver import Resolver

PLAIN, QUOTED = "plain", "quoted"
"""The tags of scalars: what each is, is for `go_yaml` to say."""

_ANCHORS = re.compile(r"&([\w-]+)", re.ASCII)
# libyaml composes by recursion in C, without a limit; Python's composer stops in time.
_MOST_BRACKETS = 3000
_MANY_OPENINGS = re.compile(r"(?m)^[ \t?:-]{1000}")
_FEW_VALUES, _MANY_VALUES = 400_000, 4_000_000


class BadYaml(ValueError):
    """A document that is no YAML, or holds what kubectl cannot turn into JSON.

    Args:
        problem: what is wrong.
        line: where, counted from 0 in the text that was read.
    """

    def __init__(self, problem: str, line: int = 0) -> None:
        super().__init__(problem)
        self.line = line


class _Unresolved(Resolver):
    """Leaves it to us what a scalar is."""

    def resolve(self, kind: type[Node], value: object, implicit: object) -> str:
        plain = implicit[0] if isinstance(implicit, tuple) else implicit
        return PLAIN if plain else QUOTED

    def descend_resolver(self, current_node: object, current_index: object) -> None: ...

    def ascend_resolver(self) -> None: ...


class _Composer(Composer):
    """Lets an anchor's name be used again, as YAML does; the last one counts for what follows."""

    def compose_node(self, parent: Node | None, index: int) -> Node | None:
        event = self.peek_event()  # type: ignore[attr-defined]
        if not isinstance(event, yaml.AliasEvent) and event.anchor is not None:
            self.anchors.pop(event.anchor, None)
        return super().compose_node(parent, index)


class _PythonLoader(yaml.reader.Reader, yaml.scanner.Scanner, yaml.parser.Parser, _Composer, _Unresolved):
    def __init__(self, text: str) -> None:
        yaml.reader.Reader.__init__(self, text)
        yaml.scanner.Scanner.__init__(self)
        yaml.parser.Parser.__init__(self)
        Composer.__init__(self)
        _Unresolved.__init__(self)


_shallow: Callable[[str], Any]
_deep: Callable[[str], Any]
try:
    from yaml.cyaml import CParser  # type: ignore[attr-defined]
except ImportError:  # PyYAML was built without libyaml.
    _shallow = _deep = _PythonLoader
else:

    class _LibYaml(CParser, SafeConstructor, _Unresolved):
        def __init__(self, text: str) -> None:
            CParser.__init__(self, text)
            _Unresolved.__init__(self)

    class _LibYamlByPython(_Composer, CParser, SafeConstructor, _Unresolved):
        def __init__(self, text: str) -> None:
            CParser.__init__(self, text)
            Composer.__init__(self)
            _Unresolved.__init__(self)

    _shallow, _deep = _LibYaml, _LibYamlByPython


def compose(text: str) -> Node | None:
    """The nodes of the first document of a text, None if it is empty; their marks say where each stands.

    Raises:
        BadYaml: it is no YAML, or its anchors hold themselves or multiply it too much.
        RecursionError: it is nested too deeply.
    """
    with _loader_of(text) as loader:
        root: Node | None = loader.get_node() if loader.check_node() else None
    if root is not None and "*" in text and "&" in text:
        _check_aliases(root)
    return root


def compose_all(text: str) -> list[Node]:
    """The nodes of every document of a text; an empty document is an empty scalar.

    Raises:
        BadYaml: it is no YAML, or its anchors hold themselves or multiply it too much.
        RecursionError: it is nested too deeply.
    """
    roots: list[Node] = []
    with _loader_of(text) as loader:
        while loader.check_node():
            roots.append(loader.get_node())
    for root in roots:
        _check_aliases(root)
    return roots


@contextlib.contextmanager
def _loader_of(text: str) -> Iterator[Any]:
    """Reads a text's documents, one after another."""
    loader = None
    try:
        in_c = not _may_be_deep(text) and not _has_an_anchor_twice(text)
        loader = (_shallow if in_c else _deep)(text)
        yield loader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise BadYaml(error.problem or str(error), mark.line if mark else 0) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) if isinstance(error.position, int) else 0
        raise BadYaml(f"{error.reason} ({_shown(error.character)})", line) from error
    except UnicodeEncodeError as error:
        raise BadYaml(f"half of a character ({error.object[error.start]!a})") from error
    finally:
        if loader is not None:
            loader.dispose()


def _shown(character: object) -> str:
    return f"#x{character:04x}" if isinstance(character, int) else ascii(character)


def _has_an_anchor_twice(text: str) -> bool:
    """Whether an anchor's name may be used again, which libyaml's composer refuses."""
    names = _ANCHORS.findall(text)
    return len(names) != len(set(names))


def _may_be_deep(text: str) -> bool:
    """Whether a text may have more levels than libyaml composes safely, by its brackets and beginnings of lines."""
    return text.count("[") + text.count("{") > _MOST_BRACKETS or _MANY_OPENINGS.search(text) is not None


def _check_aliases(root: Node) -> None:
    """Refuse what go-yaml refuses: anchors that hold themselves, or multiply a small text into a large one."""
    sizes: dict[int, int | None] = {}
    aliases = 0

    def size(node: Node) -> int:
        nonlocal aliases
        if id(node) in sizes:
            known = sizes[id(node)]
            if known is None:
                raise BadYaml("an anchor's value contains itself", node.start_mark.line)
            aliases += 1
            return 1 + known
        sizes[id(node)] = None
        total = 1
        if isinstance(node, SequenceNode):
            total += sum(map(size, node.value))
        elif isinstance(node, MappingNode):
            total += sum(size(key) + size(value) for key, value in node.value)
        sizes[id(node)] = total
        return total

    total = size(root)
    repeated = total - len(sizes) - aliases
    if repeated > 100 and total > 1000 and repeated / total > _allowed_ratio(total):
        raise BadYaml("its anchors multiply it too much: document contains excessive aliasing")


def _allowed_ratio(values: int) -> float:
    """How much of a document may be repetition: 99 % of a small one, 10 % of a very large one."""
    if values <= _FEW_VALUES:
        return 0.99
    if values >= _MANY_VALUES:
        return 0.10
    return 0.99 - 0.89 * ((values - _FEW_VALUES) / (_MANY_VALUES - _FEW_VALUES))
