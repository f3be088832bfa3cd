"""The lab's own JupyterLab is told from whatever else has its port."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import pytest

from labkit.lab.machine.checks_machine import check_machine
from labkit.lab.machine.jupyter_servers import RUNTIME_VARIABLE, own_ports, runtime_folder
from labkit.lab.machine.machine_facts import read_machine


def _server(folder: Path, port: object, pid: object) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"jpserver-{pid}.json").write_text(json.dumps({"pid": pid, "port": port}), encoding="utf-8")


def test_a_port_is_the_lab_s_own_while_its_server_runs(tmp_path: Path) -> None:
    assert own_ports(tmp_path, {}) == frozenset()
    _server(runtime_folder(tmp_path), 8888, os.getpid())
    _server(runtime_folder(tmp_path), 8889, 2**22 + 1)  # Above the largest that Linux gives (proc(5), pid_max).
    assert own_ports(tmp_path, {}) == {8888}
    elsewhere = tmp_path / "elsewhere"
    _server(elsewhere, 9000, os.getpid())
    assert own_ports(tmp_path, {RUNTIME_VARIABLE: str(elsewhere)}) == {8888, 9000}


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"pid": "x", "port": 1}', '{"pid": null, "port": 1}'])
def test_a_broken_file_is_no_server(tmp_path: Path, text: str) -> None:
    runtime_folder(tmp_path).mkdir(parents=True)
    (runtime_folder(tmp_path) / "jpserver-1.json").write_text(text, encoding="utf-8")
    assert own_ports(tmp_path, {}) == frozenset()


@pytest.mark.parametrize(("own", "status"), [(True, "ok"), (False, "warning")])
def test_the_doctor_warns_of_another_s_port_alone(tmp_path: Path, own: bool, status: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        if own:
            _server(runtime_folder(tmp_path), port, os.getpid())
        machine = read_machine(tmp_path, environ={}, jupyter_port=port, state=tmp_path)
    (check,) = [check for check in check_machine(machine) if check.name == "port of JupyterLab"]
    assert (check.status, str(port) in check.finding) == (status, True)
