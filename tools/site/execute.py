"""Executes the notebooks of the course on the running lab, into copies with their outputs."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellControlSignal, CellExecutionError, DeadKernelError
from nbformat import NotebookNode
from traitlets.config import Config

from tests.notebooks.expectations import expectation_of, unmet

CELL_TIMEOUT = 180
"""Seconds that a cell may take; the same as for the notebooks' tests."""

_ANSI = re.compile(r"\x1b\[[0-9;]*m")


class NotebookFailed(Exception):
    """A cell of a notebook failed; the message says which, and what came back."""


def execute(source: Path, target: Path) -> NotebookNode:
    """Execute a notebook from a fresh kernel and write it with its outputs.

    Args:
        source: the notebook as the course has it; it is only read.
        target: where the copy goes; its folder is the kernel's.

    Returns:
        The executed notebook.

    Raises:
        NotebookFailed: at the first cell that fails, or that does not show what its metadata expects; nothing is
            written then.
    """
    notebook: NotebookNode = nbformat.read(source, as_version=4)  # type: ignore[no-untyped-call]
    resources = {"metadata": {"path": str(target.parent)}}
    with tempfile.TemporaryDirectory(prefix="labkit-kernel-") as sockets:
        # Over files of this user rather than ports of the machine, which the kernel warns of.
        settings = {"transport": "ipc", "ip": f"{sockets}/kernel"} if os.name == "posix" else {}
        client = NotebookClient(
            notebook,
            timeout=CELL_TIMEOUT,
            kernel_name="python3",
            resources=resources,
            coalesce_streams=True,  # What one cell prints is one box on its page.
            config=Config({"KernelManager": settings}),
        )
        begun: list[NotebookNode] = []
        client.on_cell_start = lambda cell, cell_index: begun.append(cell)
        try:
            client.execute()
        except (CellExecutionError, CellControlSignal, DeadKernelError, RuntimeError) as error:
            raise NotebookFailed(_failure(source.stem, begun, error)) from error
    for cell in notebook.cells:
        expectation = expectation_of(cell) if cell.cell_type == "code" else None
        if expectation is not None and (wrong := unmet(expectation, cell.outputs)):
            raise NotebookFailed(_failure(source.stem, [cell], AssertionError("; ".join(wrong))))
    target.write_text(nbformat.writes(notebook), encoding="utf-8")  # type: ignore[no-untyped-call]
    return notebook


def _failure(lesson: str, begun: list[NotebookNode], error: Exception) -> str:
    """Which cell failed, what stands in it, what came back and what to do.

    Args:
        lesson: the notebook's name without its ending.
        begun: the cells that were begun; the last of them is the one that failed.
        error: what nbclient raised.
    """
    if isinstance(error, CellExecutionError):
        back = f"{error.ename}: {_ANSI.sub('', error.evalue)}"
    else:
        back = str(error).strip().partition("\n")[0]
    where, text = "its kernel", ""
    if begun:
        where = f"cell {begun[-1].get('id', '?')}"
        text = "".join(f"    {line}\n" for line in begun[-1].source.splitlines())
    return (
        f"Executing {lesson} stopped at {where}:\n{text}What came back: {back}\n"
        "See it where it happens: run this lesson in JupyterLab (make lab)"
    )
