"""What docs/security.md says of the kit's own code, held: how processes start, what is read, what is installed."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest

from labkit.base.resources import CHECKOUT
from tests.architecture import modules, nodes
from tools.audit import python_locks

STARTS_PROCESSES = {"labkit.adapters.processes", "labkit.adapters.started_programs"}
PROCESS_MODULES = {"subprocess", "pty", "multiprocessing"}
STARTS = {"system", "popen", "startfile"}
UNSAFE_CALLS = {"eval", "exec", "compile", "os.system", "os.popen", "yaml.load", "yaml.unsafe_load", "tempfile.mktemp"}
UNSAFE_MODULES = {"pickle", "marshal", "shelve", "dill", "telnetlib", "ftplib", "crypt"}
XML_PARSERS = {"fromstring", "iterparse", "XMLParser", "XMLPullParser"}
READS_XML = {("labkit.publish.rules.project", "ET.XMLParser")}
"""It refuses a document type, where entities would come from (`_NoDoctype`)."""


@cache
def calls() -> tuple[tuple[str, str, ast.Call], ...]:
    """Every call in the kit: its module, the function as it is written, and the call."""
    return tuple((module, ast.unparse(node.func), node) for module, node in nodes() if isinstance(node, ast.Call))


@cache
def imported() -> tuple[tuple[str, str], ...]:
    """Every import in the kit: the module that it stands in, and the name that it brings."""
    names = []
    for module, node in nodes():
        if isinstance(node, ast.Import):
            names += [(module, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [(module, f"{node.module}.{alias.name}") for alias in node.names]
    return tuple(names)


def _starts_processes(node: ast.AST) -> bool:
    """Whether it imports what starts processes, or uses what of `os` does."""
    if isinstance(node, ast.Import):
        return any(alias.name.partition(".")[0] in PROCESS_MODULES for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        return (node.module or "").partition(".")[0] in PROCESS_MODULES
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "os":
        return node.attr in STARTS or node.attr.startswith(("exec", "spawn", "posix_spawn", "fork"))
    return False


def test_processes_are_started_in_two_files() -> None:
    assert {module for module, node in nodes() if _starts_processes(node)} == STARTS_PROCESSES


def test_no_shell_reads_a_line_of_the_kit() -> None:
    arguments = {keyword.arg for module, _, call in calls() if module in STARTS_PROCESSES for keyword in call.keywords}
    assert arguments
    assert "shell" not in arguments


def test_temporary_files_have_names_that_nobody_knows_before() -> None:
    """Python's `tempfile` makes them, with mode 0600 and 0700; a name of our own could be somebody's link by then."""
    shared = re.compile(r"/(tmp|var/tmp|dev/shm)(/|$)")
    named = {
        module
        for module, node in nodes()
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and shared.match(node.value)
    }
    # Folders of containers, and the folder for others' sockets.
    of_containers = ("labkit.course", "labkit.threat", "labkit.core", "labkit.lab.classroom")
    assert {module for module in named if not module.startswith(of_containers)} <= {"labkit.adapters.podman"}


def test_nothing_is_read_that_could_run() -> None:
    assert [(module, function) for module, function, _ in calls() if function in UNSAFE_CALLS] == []
    assert [(module, name) for module, name in imported() if name.partition(".")[0] in UNSAFE_MODULES] == []
    assert {
        (module, function) for module, function, _ in calls() if function.split(".")[-1] in XML_PARSERS
    } == READS_XML


def test_nothing_listens_for_everybody_unless_it_is_told_to() -> None:
    """But in the pods of a class on a cluster, where network policies say who reaches them."""
    texts = {module: path.read_text(encoding="utf-8") for module, path in modules().items()}
    everybody = {module for module, text in texts.items() if re.search(r"0\.0\.0\.0|['\"]\[?::\]?['\"]", text)}
    assert everybody == {"labkit.lab.classroom.class_objects"}


@pytest.mark.parametrize("name", python_locks())
def test_every_package_that_is_installed_is_pinned_and_hashed(name: str) -> None:
    text = (CHECKOUT / name).read_text(encoding="utf-8").replace("\\\n", " ")
    packages = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    assert packages
    for line in packages:
        assert re.match(r"[\w.-]+(\[[\w,]+\])?==\S+", line), line
        assert "--hash=sha256:" in line, line
