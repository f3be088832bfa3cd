"""A terminal in JupyterLab has `labkit`, however JupyterLab was started, and the doctor knows the lab's own port."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from labkit.base.waiting import wait_until
from labkit.lab.machine.jupyter_servers import own_ports
from tests.jupyterlab import address_of

_START = """
import sys
from pathlib import Path
from labkit.base.configuration import Configuration
from labkit.notebook.jupyterlab import run_jupyterlab
def tell(line): print(line, file=sys.stderr, flush=True)
run_jupyterlab(Path(sys.argv[1]), ["--port=0"], Configuration.from_environment(), tell)
"""
_SECONDS = 30.0


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """JupyterLab's address; it was started without a terminal and with none of the environment's programs on PATH."""
    shell = tmp_path / "shell"
    # As JupyterLab starts it; what a person would type there is what it prints.
    shell.write_text(
        f'#!/bin/sh\nexec bash "$@" -c "command -v labkit python; pwd" > {tmp_path}/found\n', encoding="utf-8"
    )
    shell.chmod(0o755)
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "00-start-here.ipynb").write_text("{}", encoding="utf-8")
    kept = {name: os.environ[name] for name in ("PYTHONPATH", "HOME") if name in os.environ}
    environment = {**kept, "PATH": "/usr/bin:/bin", "SHELL": str(shell), "LABKIT_STATE": str(tmp_path / "state")}
    with subprocess.Popen(
        [sys.executable, "-c", _START, str(tmp_path)],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as server:
        try:
            yield address_of(server)[0]
        finally:
            server.terminate()
            server.communicate(timeout=_SECONDS)


def test_a_terminal_has_labkit_and_the_port_is_the_lab_s_own(address: str, tmp_path: Path) -> None:
    url = urlsplit(address)
    (token,) = parse_qs(url.query)["token"]
    request = urllib.request.Request(
        f"http://{url.netloc}/api/terminals", b"{}", {"Authorization": f"token {token}"}, method="POST"
    )
    with urllib.request.urlopen(request, timeout=_SECONDS) as response:
        assert json.load(response)["name"]
    output = tmp_path / "found"
    scripts = Path(sys.executable).parent
    wait_until(
        "the terminal",
        lambda: (
            text if output.exists() and (text := output.read_text(encoding="utf-8")).endswith("notebooks\n") else ""
        ),
        seconds=_SECONDS,
        remedy="look at JupyterLab's log",
        is_there=bool,
        describe=str,
    )
    assert output.read_text(encoding="utf-8").split() == [
        f"{scripts}/labkit",
        f"{scripts}/python",
        f"{tmp_path}/notebooks",
    ]
    assert own_ports(tmp_path / "state", {}) == {url.port}
