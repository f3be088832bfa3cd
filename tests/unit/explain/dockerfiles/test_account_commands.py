"""What RUN does to users, as people write it, and what is made of that for a Dockerfile's USER."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from labkit.explain.dockerfiles.account_commands import account_commands
from tests.unit.explain.without_engine import explain


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("useradd -u 1000 app", [("app", 1000)]),
        ("useradd -u1000 app", [("app", 1000)]),
        ("useradd --uid=1000 --gid=0 --no-log-init app", [("app", 1000)]),
        ("useradd -rm -d /home/u -s /bin/bash -g root -G sudo,adm -u 1001 u", [("u", 1001)]),
        ("useradd -Mu 1301 app", [("app", 1301)]),
        ("/usr/sbin/useradd app -u 5", [("app", 5)]),
        ("adduser -D -u 1000 app", [("app", 1000)]),
        ("adduser app -D -u 1000", [("app", 1000)]),
        ("addgroup -S app && adduser -S -G app app", [("app", None)]),
        ("adduser --disabled-password --gecos '' --home /nonexistent --uid 10001 app", [("app", 10001)]),
        ('adduser --gecos "An app" --system --group --uid 5 app', [("app", 5)]),
        ("sh -c 'useradd -u 7 app'", [("app", 7)]),
        ("/bin/sh -c useradd -u 7 app", [("app", 7)]),
        ("if ! id app; then useradd -u 8 app; fi", [("app", 8)]),
        ("id app || useradd -u 8 app 2>/dev/null", [("app", 8)]),
        ("(useradd -u 8 app)", [("app", 8)]),
        ("set -e\nuseradd \\\n  --uid 9 \\\n  app\n", [("app", 9)]),
        ("useradd -u 1 a && useradd -u 2 b", [("a", 1), ("b", 2)]),
        ('useradd -u "$(id -u)" app', [("app", None)]),
        ('useradd -u 5 "$NAME"', [("", 5)]),
        # Somebody else's name, a group's, a folder's; a group that is joined; and no command at all.
        ("useradd -g web -u 33 www", [("www", 33)]),
        ("useradd -d app -c app -u 5 dev", [("dev", 5)]),
        ("adduser app docker", []),
        ("deluser app docker", []),
        ('echo "use useradd app for that"', []),
        ("apt-get install adduser", []),
    ],
)
def test_commands(text: str, made: list[tuple[str, int | None]]) -> None:
    assert [(command.name, command.uid) for command in account_commands(text)] == made


_HEAD = "FROM base\n"


@pytest.mark.parametrize(
    ("lines", "uid", "sentence"),
    [
        ("RUN useradd -u1001 app", 1001, "creates app with uid 1001"),
        ("ARG UID\nRUN useradd -u ${UID:-1000} app", 1000, "creates app with uid 1000"),
        ("ARG UID=\nRUN useradd -u ${UID:-1000} app", 1000, "creates app with uid 1000"),
        ("ENV UID=5\nRUN useradd -u ${UID:-1000} app", 5, "creates app with uid 5"),
        ("RUN useradd -u $UID app", None, "creates app with a uid that is not known here"),
        ("RUN useradd app", None, "creates app with the next free uid"),
        ("RUN adduser -D -u 1000 app\nRUN addgroup docker && adduser app docker", 1000, "with uid 1000"),
        ("RUN useradd -u 1000 app && usermod -aG docker app", 1000, "creates app with uid 1000"),
        ("RUN usermod -u 1001 app", 1001, "changes app to uid 1001"),
        ("RUN useradd -u 1000 app && usermod -o -u 0 app", 0, "changes app to uid 0"),
        ("RUN useradd -u 1000 web && usermod --login app web", 1000, "creates app with uid 1000"),
        ("RUN userdel -r app; useradd -u 5 app", 5, "creates app with uid 5"),
        ("RUN useradd -g app -u 5 dev", None, "nothing here creates app"),
        ("RUN <<END\nuseradd \\\n -u 6 \\\n app\nEND", 6, "creates app with uid 6"),
        ("RUN echo 'app:x:77:77::/:' >> /etc/passwd", 77, "creates app with uid 77"),
    ],
)
def test_the_user_of_a_dockerfile(tmp_path: Path, lines: str, uid: int | None, sentence: str) -> None:
    file = tmp_path / "Dockerfile"
    file.write_text(f"{_HEAD}{lines}\nUSER app\n")
    [row] = json.loads(explain("--json", "--image-user", "base=", str(file)).stdout)
    assert (row["runs_as"] or {}).get("uid") == uid
    assert any(sentence in reason for reason in row["because"]), row["because"]


def test_long_texts_are_read_at_once() -> None:
    for text in (
        ";/" * 30_000,
        "useradd " * 8_000,
        "\n" + " " * 60_000,
        "-" + "c" * 60_000,
        "useradd '" + "a" * 60_000,
    ):
        assert len(list(account_commands(text))) <= 1


def test_long_lines_for_passwd_are_read_at_once(tmp_path: Path) -> None:
    file = tmp_path / "Dockerfile"
    file.write_text(f"{_HEAD}RUN echo {'a' * 60_000} 'app:x:77:77::/:' >> /etc/passwd\nUSER app\n")
    [row] = json.loads(explain("--json", "--image-user", "base=", str(file)).stdout)
    assert row["runs_as"]["uid"] == 77


def test_a_long_duration_is_read_at_once(tmp_path: Path) -> None:
    file = tmp_path / "Dockerfile"
    file.write_text(f"{_HEAD}HEALTHCHECK --interval={'1' * 60_000} CMD true\n")
    [row] = json.loads(explain("--json", "--image-user", "base=", str(file)).stdout)
    assert row["build"]["ok"] is False
