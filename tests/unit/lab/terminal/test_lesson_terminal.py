"""A terminal of the lab: its folder of commands, the lesson that it is in, its kubeconfig, its shell."""

from __future__ import annotations

import os
import stat
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from labkit.base.configuration import Configuration, Sandbox
from labkit.base.errors import LabFailed, Misuse
from labkit.base.programs import COMMANDS_FOLDER, find_program, outside
from labkit.lab.terminal.lesson_terminal import (
    enter_lesson,
    follow_lesson,
    kubeconfig_of,
    leave_lesson,
    lesson_of,
    make_commands,
    terminal_variables,
)
from labkit.lab.terminal.shells import shell_argv

KUBECONFIG = """
contexts: [{name: kind-x, context: {cluster: kind-x, user: kind-x}}]
current-context: kind-x
"""


@pytest.fixture
def configuration(tmp_path: Path) -> Configuration:
    """Of a lab with a cluster."""
    lab = Configuration("x", tmp_path / "state with blanks", tmp_path / "cache", tmp_path / "data")
    lab.state.mkdir()
    lab.kubeconfig.write_text(KUBECONFIG, encoding="utf-8")
    return lab


def _namespace(kubeconfig: Path) -> str:
    (context,) = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))["contexts"]
    return str(context["context"]["namespace"])


def test_a_terminal_follows_the_lesson_that_is_opened_after_it(configuration: Configuration) -> None:
    variables = terminal_variables(configuration, {"PATH": "/bin"})
    current = Path(variables["KUBECONFIG"])
    assert Path(variables["KUBECACHEDIR"]).is_relative_to(configuration.state)  # Not in the user's ~/.kube.
    assert not current.exists() and lesson_of(configuration, variables) is None
    enter_lesson(configuration, "02-root", "ns-2")
    assert (_namespace(current), lesson_of(configuration, variables)) == ("ns-2", "02-root")
    enter_lesson(configuration, "07-non-root", "ns-7")
    assert (_namespace(current), lesson_of(configuration, variables)) == ("ns-7", "07-non-root")
    assert follow_lesson(configuration, "02-root")  # Its notebook is in front again.
    assert (_namespace(current), lesson_of(configuration, variables)) == ("ns-2", "02-root")
    assert not follow_lesson(configuration, "09-another")  # Nobody has opened it.
    assert follow_lesson(configuration, "07-non-root")
    leave_lesson(configuration, "02-root")
    assert _namespace(current) == "ns-7"
    leave_lesson(configuration, "07-non-root")
    assert lesson_of(configuration, variables) is None
    assert _namespace(kubeconfig_of(configuration, variables)) == "default"
    assert _namespace(current) == "default"


@pytest.mark.parametrize("notebook", ["07-run-as-non-root.ipynb", "07-run-as-non-root-Copy1.ipynb"])
def test_a_cell_that_is_run_before_its_lesson_is_opened_does_not_act_in_another_ones_place(
    configuration: Configuration, notebook: str
) -> None:
    enter_lesson(configuration, "05-dockerfile-user", "ns-5")
    kernel = {**terminal_variables(configuration, {"PATH": "/bin"}), "JPY_SESSION_NAME": f"/home/me/{notebook}"}
    for ask in (lesson_of, kubeconfig_of):
        with pytest.raises(Misuse, match="07-run-as-non-root: this lesson is not open") as told:
            ask(configuration, kernel)
        assert told.value.remedy == "run the notebook's first cell, then this one"
    assert lesson_of(configuration, {**kernel, "LABKIT_LESSON": "07-run-as-non-root"}) == "07-run-as-non-root"
    # A notebook of one's own is no lesson's, and types as a terminal does.
    own = {**kernel, "JPY_SESSION_NAME": "/home/me/07-my-notes.ipynb"}
    assert lesson_of(configuration, own) == "05-dockerfile-user"


def test_a_terminal_of_a_class_is_in_the_participants_own_namespace_before_any_lesson(
    configuration: Configuration,
) -> None:
    in_class = replace(configuration, sandbox=Sandbox("class-p-abc123-lab"))
    assert _namespace(kubeconfig_of(in_class, terminal_variables(in_class, {"PATH": "/bin"}))) == "class-p-abc123-lab"


def test_a_notebook_stays_in_its_lesson_when_another_is_opened(configuration: Configuration) -> None:
    enter_lesson(configuration, "02-root", "ns-2")
    variables = terminal_variables(configuration, {"PATH": "/bin"}, "02-root")
    enter_lesson(configuration, "07-non-root", "ns-7")
    assert _namespace(Path(variables["KUBECONFIG"])) == "ns-2"
    assert _namespace(kubeconfig_of(configuration, variables)) == "ns-2"


def test_a_kubeconfig_is_its_owners_and_the_labs_own_stays(configuration: Configuration) -> None:
    enter_lesson(configuration, "02-root", "ns-2")
    own = kubeconfig_of(configuration, {})
    assert stat.S_IMODE(own.stat().st_mode) == 0o600
    assert configuration.kubeconfig.read_text(encoding="utf-8") == KUBECONFIG


def test_the_kubeconfig_of_the_user_is_not_taken(configuration: Configuration, tmp_path: Path) -> None:
    assert kubeconfig_of(configuration, {"KUBECONFIG": str(tmp_path / "mine")}).is_relative_to(configuration.state)


def test_before_there_is_a_cluster_kubectl_says_so(configuration: Configuration) -> None:
    configuration.kubeconfig.unlink()
    with pytest.raises(LabFailed, match="there is none yet"):
        kubeconfig_of(configuration, {})


def test_the_kit_itself_never_runs_the_labs_commands(
    configuration: Configuration, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_commands(configuration)
    assert folder.name == COMMANDS_FOLDER and os.access(folder / "docker", os.X_OK)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{folder}/{os.pathsep}/bin")
    assert find_program("docker") != str(folder / "docker")
    assert outside(os.environ)["PATH"] == "/bin"


def test_the_variables_can_be_set_twice(configuration: Configuration) -> None:
    first = terminal_variables(configuration, {"PATH": "/bin"})
    assert terminal_variables(configuration, first) == first


@pytest.mark.parametrize("shell", ["bash", "sh"])
def test_a_shell_reads_the_users_start_file_and_then_the_labs(
    configuration: Configuration, tmp_path: Path, shell: str
) -> None:
    user_file = 'MINE=yes; PATH="/nowhere:$PATH"; PS1="$ "; KUBECONFIG=/mine\n'
    (tmp_path / ".bashrc").write_text(user_file, encoding="utf-8")
    environment = {"HOME": str(tmp_path), "SHELL": f"/bin/{shell}", "PATH": "/usr/bin:/bin"}
    argv = shell_argv(configuration, environment)
    environment |= terminal_variables(configuration, environment)
    typed = 'echo "$MINE|$PS1|$KUBECONFIG|$(command -v docker)"'
    done = subprocess.run([*argv, "-i"], input=typed, env=environment, capture_output=True, text=True, check=False)
    line = next(line for line in done.stdout.splitlines() if "|" in line and "echo" not in line)
    mine, prompt, kubeconfig, docker = line.split("|")
    assert docker == str(configuration.state / COMMANDS_FOLDER / "docker")
    assert kubeconfig.startswith(str(configuration.state))
    if shell == "bash":
        assert (mine, prompt) == ("yes", "(lab) $ ")


def test_what_a_variable_holds_is_no_line_of_a_start_file(configuration: Configuration, tmp_path: Path) -> None:
    odd = tmp_path / 'odd"; touch made; "$(touch made)`touch made`'
    odd.mkdir()
    (odd / ".zshrc").write_text("echo read\n", encoding="utf-8")
    _, variable, _ = shell_argv(configuration, {"PATH": "/bin", "SHELL": "/bin/zsh", "ZDOTDIR": str(odd)})
    argv = ["sh", "-c", f'. "{variable.partition("=")[2]}/.zshrc"']
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "read\n"
    assert not (tmp_path / "made").exists()
