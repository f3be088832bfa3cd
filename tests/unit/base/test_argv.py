"""Commands as somebody gives them."""

from __future__ import annotations

import json
import re
import subprocess
from typing import Any

import pytest

from labkit.base.argv import line_with_input, to_argv
from labkit.base.errors import Misuse


@pytest.mark.parametrize(
    ("command", "argv"),
    [
        ("id", ["id"]),
        ("sh -c 'echo \"two words\"'", ["sh", "-c", 'echo "two words"']),
        (r'sh -c "echo \$A \`id\` \\ \"b\" \n"', ["sh", "-c", r'echo $A `id` \ "b" \n']),
        (r"echo '\$A' \$B", ["echo", r"\$A", "$B"]),
        (["echo", "$HOME", ""], ["echo", "$HOME", ""]),
        (("id", "-u"), ["id", "-u"]),
    ],
)
def test_a_command_is_a_list_of_words(command: Any, argv: list[str]) -> None:
    assert to_argv(command, "Running it") == argv


@pytest.mark.parametrize(
    ("command", "operator"),
    [
        ("echo hi > /app/note.txt", ">"),
        ("id && id", "&&"),
        ("cat /etc/passwd | tail -n 1", "|"),
        ("echo 'a b' >> /file", ">>"),
        ("id ; id", ";"),
    ],
)
def test_what_only_a_shell_understands_is_not_taken_for_words(command: str, operator: str) -> None:
    with pytest.raises(Misuse, match=re.escape(f"so that {operator} would be a word of it")) as wrong:
        to_argv(command, "Running a command")
    assert json.dumps(["sh", "-c", command]) in wrong.value.remedy


@pytest.mark.parametrize(
    "command", ["sh -c 'id > /file && cat /file'", 'sh -c "a | b"', "echo '>' \\>", "test 1 -gt 0", "find . -name a>b"]
)
def test_what_is_quoted_is_a_word(command: str) -> None:
    assert to_argv(command, "Running a command")


@pytest.mark.parametrize("command", ["", "  ", "'", "a \\", [], [None], 7, None, b"id", {"id"}], ids=repr)
def test_what_is_no_command_says_what_is_one(command: Any) -> None:
    with pytest.raises(Misuse, match=r"^Running it: ") as error:
        to_argv(command, "Running it")
    assert '"' in error.value.remedy


@pytest.mark.parametrize(
    "text", ["FROM debian\n", "RUN <<EOF\nid\nEOF\n", "EOF\nEOFEOF\n", "RUN echo $HOME `id` 'it''s' \\\n  x\n"]
)
def test_a_line_with_input_gives_a_program_that_text(text: str) -> None:
    done = subprocess.run(
        ["bash", "-c", line_with_input(["cat", "-"], text)], capture_output=True, text=True, check=True
    )
    assert done.stdout == text
