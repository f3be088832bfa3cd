"""What a participant's server takes of a node's memory: a class of a hundred has it a hundred times."""

from __future__ import annotations

import asyncio

from tests.classroom_live.class_player import PlayedRoom, Visitor

_MOST_MIB = 125.0
"""Of their own, beside the page cache; 110 were measured. With what is shared it has to stay below 170."""
_OPEN = 'import labkit\nlab = labkit.open("07-run-as-non-root")\nlab.check("which-cause", None)'
_LOOK = """
import contextlib, os, pathlib
sizes = []
for process in pathlib.Path("/proc").glob("[0-9]*"):
    if int(process.name) == os.getpid():
        continue
    with contextlib.suppress(OSError):  # It has ended.
        lines = (process / "smaps_rollup").read_text().splitlines()
        sizes += [int(line.split()[1]) for line in lines if line.startswith("Anonymous:")]
print(len(sizes), sum(sizes) / 1024)
"""


def test_a_server_with_a_kernel_and_a_lesson_open_takes_no_more_than_its_share(
    room: PlayedRoom, runner: asyncio.Runner
) -> None:
    async def look(mia: Visitor) -> str:
        async with mia.web.kernel() as kernel:
            await kernel.run(_OPEN)
            return await asyncio.to_thread(mia.run_python, _LOOK)

    with Visitor(room, runner, "Mia") as mia:
        mia.start_server()
        processes, mib = mia.run(look(mia)).split()
        mia.run(mia.web.ask_hub("DELETE", f"users/{mia.participant}/server"))
    assert int(processes) >= 2, "server and kernel"
    assert float(mib) < _MOST_MIB
