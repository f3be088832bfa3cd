"""What is typed for docker: short names are the lab's, no registry is asked, and what is made can be found again."""

from __future__ import annotations

import shlex

import pytest

from labkit.core.typed.docker_lines import LabNames, NotInTheLab, read_docker_line

NAMES = LabNames({"debian": "lab/debian:lab", "aspnetapp": "lab/aspnetapp:lab"}, {"labkit.lab": "x"})
RUN = "--pull=never --label labkit.lab=x"
BUILD = "--force-rm --label labkit.lab=x"


def _read(line: str) -> str:
    return shlex.join(read_docker_line(shlex.split(line), NAMES).with_images())


@pytest.mark.parametrize(
    ("typed", "run"),
    [
        ("run --rm debian whoami", f"run --rm {RUN} lab/debian:lab whoami"),
        ("run --rm debian:latest id", f"run --rm {RUN} lab/debian:lab id"),
        ("run --rm debian:12 id", f"run --rm {RUN} debian:12 id"),
        ("run -itu root --name debian debian debian", f"run -itu root --name debian {RUN} lab/debian:lab debian"),
        ("run --user=0 -v /a:/b -d debian", f"run --user=0 -v /a:/b -d {RUN} lab/debian:lab"),
        ("run --pull always debian", f"run --pull always {RUN} lab/debian:lab"),
        (
            "run --rm --entrypoint bash aspnetapp -c whoami",
            f"run --rm --entrypoint bash {RUN} lab/aspnetapp:lab -c whoami",
        ),
        ("run --rm -- debian id", f"run --rm {RUN} -- lab/debian:lab id"),
        ("container run debian", f"container run {RUN} lab/debian:lab"),
        ("create debian", f"create {RUN} lab/debian:lab"),
        ("run", "run"),
        ("run --rm", "run --rm"),
        ("", ""),
        ("--version", "--version"),
        ("-H tcp://other run debian", "-H tcp://other run debian"),
        ("--log-level debug run debian", f"--log-level debug run {RUN} lab/debian:lab"),
        ("exec -u root debian whoami", "exec -u root debian whoami"),
        ("ps -a", "ps -a"),
        ("ps -f ancestor=debian", "ps -f ancestor=lab/debian:lab"),
        ("ps --filter=ancestor=debian -q", "ps --filter=ancestor=lab/debian:lab -q"),
        ("images debian", "images lab/debian:lab"),
        ("history --no-trunc debian", "history --no-trunc lab/debian:lab"),
        ("save -o file debian", "save -o file lab/debian:lab"),
        ("inspect --format={{.Config.User}} aspnetapp", "inspect --format={{.Config.User}} lab/aspnetapp:lab"),
        ("inspect -f {{.Id}} mine debian", "inspect -f {{.Id}} mine lab/debian:lab"),
        ("inspect --type container debian", "inspect --type container debian"),
        ("image inspect debian", "image inspect lab/debian:lab"),
        ("tag debian mine", "tag lab/debian:lab mine"),
        ("import root.tar mine", "import --change 'LABEL labkit.lab=x' root.tar mine"),
        ("image import - mine:1", "image import --change 'LABEL labkit.lab=x' - mine:1"),
        ("commit web mine", "commit --change 'LABEL labkit.lab=x' web mine"),
        ("volume create data", "volume create --label labkit.lab=x data"),
        ("pull localhost:5000/x", "pull localhost:5000/x"),
        ("build -t mine .", f"build {BUILD} -t mine ."),
        ("build --pull -t mine .", f"build {BUILD} -t mine ."),
        ("image build --no-cache -t mine dir", f"image build {BUILD} --no-cache -t mine dir"),
        ("build -f other/Dockerfile -t mine .", f"build --file other/Dockerfile {BUILD} -t mine ."),
        ("build --build-arg debian=1 -", f"build {BUILD} --build-arg debian=1 -"),
    ],
)
def test_what_docker_gets(typed: str, run: str) -> None:
    assert shlex.split(_read(typed)) == shlex.split(run)


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ("pull debian", "asks no registry"),
        ("pull mcr.microsoft.com/dotnet/runtime", "asks no registry"),
        ("image pull localhost", "asks no registry"),
        ("push mine", "sends nothing to a registry"),
        ("rmi -f debian", "which the lessons need"),
        ("build -t debian .", "is the name of a sample image"),
        ("build --tag=debian:latest .", "is the name of a sample image"),
        ("tag mine debian", "is the name of a sample image"),
        ("commit web debian", "is the name of a sample image"),
        ("import root.tar debian", "is the name of a sample image"),
        ("context use default", "are your own"),
    ],
)
def test_what_the_lab_does_not_do(typed: str, problem: str) -> None:
    with pytest.raises(NotInTheLab, match=problem):
        _read(typed)


@pytest.mark.parametrize(
    ("typed", "run"),
    [
        ("build -t mine .", f"build {BUILD} -t docker.io/library/mine:latest ."),
        ("build -tmine .", f"build {BUILD} -tdocker.io/library/mine:latest ."),
        (
            "build --tag=mine:1 -t me/mine .",
            f"build {BUILD} --tag=docker.io/library/mine:1 -t docker.io/me/mine:latest .",
        ),
        ("build -t localhost/mine .", f"build {BUILD} -t localhost/mine:latest ."),
        ("build -t mine -f other -", f"build --file other {BUILD} -t docker.io/library/mine:latest -"),
        ("tag debian mine", "tag lab/debian:lab docker.io/library/mine:latest"),
        ("commit -m text web mine", "commit --change 'LABEL labkit.lab=x' -m text web docker.io/library/mine:latest"),
        ("import root.tar mine", "import --change 'LABEL labkit.lab=x' root.tar docker.io/library/mine:latest"),
        ("run mine", f"run {RUN} mine"),
        ("rmi mine", "rmi mine"),
    ],
)
def test_podman_gets_the_names_of_new_images_in_full(typed: str, run: str) -> None:
    line = read_docker_line(shlex.split(typed), LabNames(NAMES.images, NAMES.labels, in_full=True))
    assert list(line.argv) == shlex.split(run)


def test_an_image_that_is_none_of_the_labs_is_named() -> None:
    assert read_docker_line(["run", "debain"], NAMES).image == "debain"
    assert read_docker_line(["run", "debian"], NAMES).image is None


@pytest.mark.parametrize("typed", ["rm -f a b", "container rm a b", "kill --signal KILL a b", "stop -t 1 a b"])
def test_containers_that_would_end_are_named(typed: str) -> None:
    assert read_docker_line(typed.split(), NAMES).ends == ("a", "b")


@pytest.mark.parametrize(
    "typed", [["run", "-"], ["run", "--"], ["run", "-u"], ["build", "-t"], ["inspect", "-f"], ["-"]]
)
def test_half_a_line_is_left_to_docker(typed: list[str]) -> None:
    assert set(typed) <= set(read_docker_line(typed, NAMES).argv)


@pytest.mark.parametrize(
    ("typed", "needs"),
    [
        ("run -it --rm debian", True),
        ("run --rm --interactive --tty debian", True),
        ("run -itu root debian", True),
        ("container exec -it web sh", True),
        ("exec -i web sh", False),
        ("exec -t web id", False),
        ("run -t debian id", False),
        ("run -dit debian", False),
        ("create -it debian", False),
        ("run --rm debian grep -it", False),
    ],
)
def test_a_line_that_docker_refuses_without_a_terminal_is_known(typed: str, needs: bool) -> None:
    assert read_docker_line(shlex.split(typed), NAMES).needs_terminal is needs
