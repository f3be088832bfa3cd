"""JupyterLab is waited for, and does not go on without the `labkit lab` that began it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from labkit.base.configuration import Configuration
from labkit.base.waiting import watch
from labkit.notebook import jupyterlab

_LASTS = ["-c", "import time; print('begun', flush=True); time.sleep(600)"]


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """The usual handlers, and afterwards those of before again."""
    before = {number: signal.signal(number, signal.SIG_DFL) for number in (signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Configuration:
    """A program in JupyterLab's place that does not end by itself; the lab that it is of."""

    def command(*_: object, **__: object) -> Sequence[str]:
        return [sys.executable, *_LASTS]

    monkeypatch.setattr(jupyterlab, "jupyterlab_command", command)
    monkeypatch.setattr(jupyterlab, "set_defaults", lambda *_: {})
    return Configuration("paper", tmp_path, tmp_path, tmp_path)


def test_one_that_takes_longer_than_expected_is_told_of_and_its_address_later(
    tmp_path: Path, stand_in: Configuration, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a busy machine; the first start of all compiles a thousand files."""
    looks: list[Path] = []
    told: list[str] = []

    def address(runtime: Path) -> str:
        looks.append(runtime)
        return "http://127.0.0.1:1/" if len(looks) == 3 else ""

    def tell(line: str) -> None:
        told.append(line.partition(": ")[0].partition(";")[0])
        if line.startswith("stop JupyterLab"):
            os.kill(int(looks[0].stem.removeprefix("jpserver-")), signal.SIGTERM)

    monkeypatch.setattr(jupyterlab, "_ADDRESS_SECONDS", 0.0)
    monkeypatch.setattr(jupyterlab, "_address", address)
    jupyterlab.run_jupyterlab(tmp_path, [], stand_in, tell)
    late = "JupyterLab has not answered for 0 s"
    assert told[:3] == [late, late, "JupyterLab is open"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_that_ends_us_ends_jupyterlab(
    number: signal.Signals, tmp_path: Path, stand_in: Configuration, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGHUP comes as the terminal is closed; what JupyterLab itself gets is the terminal's affair."""
    monkeypatch.setattr(jupyterlab, "_address", lambda _: "http://127.0.0.1:1/")
    log = tmp_path / "jupyterlab.log"

    def end_us() -> None:
        watch(lambda: log.is_file() and b"begun" in log.read_bytes(), bool, 60)
        os.kill(os.getpid(), number)

    ending = threading.Thread(target=end_us)
    ending.start()
    try:
        jupyterlab.run_jupyterlab(tmp_path, [], stand_in, lambda _: None)
    finally:
        ending.join()


def test_it_is_started_without_a_grammar_that_nothing_here_needs(tmp_path: Path) -> None:
    (tmp_path / "jupyterlab").mkdir()
    (tmp_path / "jupyterlab" / "__init__.py").touch()
    main = "import sys\ndef main(): print(sys.modules['rfc3987_syntax'], *sys.argv[1:])\n"
    (tmp_path / "jupyterlab" / "labapp.py").write_text(main, encoding="utf-8")
    command = jupyterlab.jupyterlab_command(Path("mine"), ["--port=0"], root=False, display=True)
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("None --notebook-dir=mine ")
    assert done.stdout.endswith(" --port=0\n")
