"""What a participant leaves behind when their server goes, and has to find again: notebook, progress, open tabs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tests.web_participant import WebParticipant

_LESSON = "07-run-as-non-root"
_NOTEBOOK = f"contents/notebooks/{_LESSON}.ipynb"
_ANSWER = f'import labkit\nlab = labkit.open("{_LESSON}")\nlab.check("which-cause", None)'
_READ_PROGRESS = """
from labkit.base.configuration import Configuration
from labkit.course.progress import progress_path
print(progress_path(Configuration.from_environment()).read_text(encoding="utf-8"))
"""


@dataclass(frozen=True)
class KeptWork:
    """It.

    Args:
        last_cell: what stands in the notebook's last cell.
        progress: what the progress file holds.
        tabs: what JupyterLab has open.
    """

    last_cell: str
    progress: Any
    tabs: Any


async def do_work(who: WebParticipant, mark: str) -> KeptWork:
    """Have somebody write into a notebook, try an exercise and leave the notebook open; gives what there is then.

    Args:
        who: they, with a server.
        mark: what they write.
    """
    notebook = (await who.ask_server("GET", _NOTEBOOK)).json()
    cell: dict[str, Any] = {
        "cell_type": "code",
        "id": "own",
        "source": mark,
        "metadata": {},
        "outputs": [],
        "execution_count": None,
    }
    notebook["content"]["cells"].append(cell)
    body = {"type": "notebook", "format": "json", "content": notebook["content"]}
    assert (await who.ask_server("PUT", _NOTEBOOK, json=body)).status_code == 200
    open_tab = {"layout-restorer:data": {"main": {"dock": {"widgets": [f"notebook:notebooks/{_LESSON}.ipynb"]}}}}
    workspace = {"data": open_tab, "metadata": {"id": "default"}}
    assert (await who.ask_lab("PUT", "workspaces/default", json=workspace)).status_code == 204
    async with who.kernel() as kernel:
        await kernel.run(_ANSWER)
    work = await find_work(who)
    assert (work.last_cell, work.tabs) == (mark, open_tab)
    assert "which-cause" in json.dumps(work.progress)
    return work


async def find_work(who: WebParticipant) -> KeptWork:
    """What somebody finds in their server."""
    notebook = (await who.ask_server("GET", _NOTEBOOK)).json()
    tabs = (await who.ask_lab("GET", "workspaces/default")).json()
    async with who.kernel() as kernel:
        progress = await kernel.run(_READ_PROGRESS)
    return KeptWork(notebook["content"]["cells"][-1]["source"], json.loads(progress), tabs["data"])
