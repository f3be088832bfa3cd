"""What runs first in a participant's pod."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from labkit.base.configuration import Configuration, Sandbox
from labkit.course.course_folder import CourseFolder
from labkit.lab.cluster_kinds.sandbox_cluster import SandboxCluster
from labkit.notebook import participant_server
from labkit.notebook.participant_server import main, server_environment


@pytest.fixture
def configuration(tmp_path: Path) -> Configuration:
    """Of a participant's lab."""
    return Configuration("paper", tmp_path / "state", tmp_path / "cache", tmp_path / "data", sandbox=Sandbox("ns"))


def test_the_server_gets_the_labs_settings_and_loads_no_more_than_it_needs(
    configuration: Configuration, tmp_path: Path
) -> None:
    environment = server_environment(configuration, CourseFolder(tmp_path / "course"), {"PATH": "/bin", "X": "1"})
    assert environment["JUPYTERHUB_DEFAULT_URL"] == "/lab/tree/notebooks/00-start-here.ipynb"
    assert (environment["LABKIT_COURSE"], environment["X"]) == (str(tmp_path / "course"), "1")
    file = configuration.state / "jupyter/config/jupyter_server_config.json"
    extensions = json.loads(file.read_text(encoding="utf-8"))["ServerApp"]["jpserver_extensions"]
    assert extensions["labkit.panel.server_extension"] is True
    assert extensions["jupyter_lsp"] is extensions["notebook_shim"] is False


@pytest.mark.parametrize("is_there", [True, False])
def test_jupyterlab_offers_a_debugger_where_the_environment_has_one(
    configuration: Configuration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_there: bool
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object() if is_there else None)
    server_environment(configuration, CourseFolder(tmp_path / "course"), {})
    file = configuration.state / "jupyter/data/kernels/python3/kernel.json"
    assert json.loads(file.read_text(encoding="utf-8"))["metadata"] == {"debugger": is_there}


def test_where_there_is_an_engine_its_command_is_on_the_path(configuration: Configuration, tmp_path: Path) -> None:
    folder = CourseFolder(tmp_path / "course")
    without = replace(configuration, sandbox=Sandbox("ns", has_engine=False))
    assert server_environment(configuration, folder, {})["PATH"].endswith(":/opt/labkit-engine/bin")
    assert "labkit-engine" not in server_environment(without, folder, {})["PATH"]


def test_what_the_hub_says_of_the_first_page_counts(configuration: Configuration, tmp_path: Path) -> None:
    given = {"JUPYTERHUB_DEFAULT_URL": "/lab"}
    assert server_environment(configuration, CourseFolder(tmp_path), given)["JUPYTERHUB_DEFAULT_URL"] == "/lab"


def test_it_becomes_the_server_in_the_participants_folder(
    configuration: Configuration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    became: list[tuple[str, list[str]]] = []
    monkeypatch.setattr(Configuration, "from_environment", lambda: configuration)
    monkeypatch.setattr(SandboxCluster, "kube", lambda _: _Closed())
    monkeypatch.setattr("shutil.which", lambda _: "/opt/venv/bin/jupyterhub-singleuser")
    monkeypatch.setattr(participant_server, "become", lambda program, argv, _: became.append((program, argv)))
    monkeypatch.setenv("LABKIT_COURSE", str(tmp_path / "course"))
    main(["--debug"])
    ((program, argv),) = became
    assert program == "/opt/venv/bin/jupyterhub-singleuser"
    assert argv[-1] == "--debug"
    assert f"--ServerApp.root_dir={tmp_path / 'course'}" in argv
    assert (tmp_path / "course/notebooks/07-run-as-non-root.ipynb").is_file()


def test_programs_that_the_image_brings_need_no_compiler(tmp_path: Path) -> None:
    cache, given = tmp_path / "cache", tmp_path / "facts/programs"
    (given / "probe-1").mkdir(parents=True)
    participant_server._bring_programs(cache, given)
    participant_server._bring_programs(cache, given)
    assert (cache / "programs/probe-1").resolve() == given / "probe-1"
    participant_server._bring_programs(cache, tmp_path / "none")


def test_outside_of_a_class_it_says_what_is_missing(
    configuration: Configuration, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Configuration, "from_environment", lambda: replace(configuration, sandbox=None))
    assert main([]) == 3
    assert "LABKIT_SANDBOX does not say which namespace" in capsys.readouterr().err


class _Closed:
    def close(self) -> Any:
        pass
