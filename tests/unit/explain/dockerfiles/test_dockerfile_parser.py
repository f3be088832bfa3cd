"""A Dockerfile's text: continuations, comments, directives, heredocs, and what no builder gets through."""

from __future__ import annotations

import pytest

from labkit.explain.dockerfiles.dockerfile_parser import BuildStops, Parsed, decode, parse_dockerfile
from labkit.explain.dockerfiles.expansion import Builder


def parsed(text: str, builder: Builder = "buildkit") -> Parsed:
    return parse_dockerfile(text, builder)


def arguments(text: str, builder: Builder = "buildkit") -> list[tuple[str, ...]]:
    return [(each.keyword, *each.arguments) for each in parsed(text, builder).instructions]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FROM a\nUSER b", [("from", "a"), ("user", "b")]),
        ("from a\nUsEr b\n", [("from", "a"), ("user", "b")]),
        ("\ufeffFROM a\r\nUSER b\r\n", [("from", "a"), ("user", "b")]),
        ("FROM \\\n  a\n", [("from", "a")]),
        ("FROM \\ \t\na\n", [("from", "a")]),
        ("USER \\\n# a comment\n\n   # another\nb\n", [("user", "b")]),
        ("USER a\\\\\nUSER b\n", [("user", "a\\\\"), ("user", "b")]),
        ("USER a b # no comment\n", [("user", "a b # no comment")]),
        ("  \t USER\tb  \n", [("user", "b")]),
        ("# USER a\n\n   # USER b\nUSER c", [("user", "c")]),
        ("# escape=`\nUSER `\nb\n", [("user", "b")]),
        ("# syntax=x\n# EsCaPe = `\nUSER `\nb\n", [("user", "b")]),
        ("# hi\n# escape=`\nUSER a`\nUSER b\n", [("user", "a`"), ("user", "b")]),
        ("\n# escape=`\nUSER a`\n", [("user", "a`")]),
        ("ARG A B=c D='e f' G=\\\"\n", [("arg", "A", "B=c", "D='e f'", 'G=\\"')]),
        ('ENV A b c\nENV A=b C="d e"\n', [("env", "A", "b c"), ("env", "A", "b", "C", '"d e"')]),
        ('CMD ["a", "b"]\nCMD [a]\n', [("cmd", "a", "b"), ("cmd", "[a]")]),
        ("USER \\", [("user",)]),
    ],
)
def test_instructions(text: str, expected: list[tuple[str, ...]]) -> None:
    assert arguments(text) == arguments(text, "classic") == expected


def test_heredocs_hide_what_stands_in_them() -> None:
    text = "RUN <<EOF cat <<-'B'\nUSER a\nEOF\n\tUSER b\n\tB\nCOPY <<x <<y /to/\nUSER c\nx\ny\nUSER d\n"
    run, copy, user = parsed(text).instructions
    assert [(each.name, each.expands, each.chomps, each.content) for each in run.heredocs] == [
        ("EOF", True, False, "USER a\n"),
        ("B", False, True, "\tUSER b\n"),
    ]
    assert [each.content for each in copy.heredocs] == ["USER c\n", ""]
    assert (user.arguments, user.line) == (("d",), 10)


def test_heredocs_in_a_trigger_and_none_in_json() -> None:
    trigger, user = parsed("ONBUILD RUN <<E\nUSER a\nE\nUSER b\n").instructions
    assert trigger.trigger == "RUN <<E\nUSER a\nE"
    assert user.arguments == ("b",)
    assert arguments('RUN ["<<E"]\nUSER a\n')[1] == ("user", "a")


def test_lines_are_those_where_an_instruction_begins() -> None:
    assert [each.line for each in parsed("\n# c\nFROM a\n\nUSER \\\n b\nLABEL a=b\n").instructions] == [3, 5, 7]


def test_flags() -> None:
    (copy,) = parsed("COPY --from=a --chown='b c' \\\n --link d e\n").instructions
    assert (copy.flags, copy.arguments) == (("--from=a", "--chown=b c", "--link"), ("d", "e"))


def test_the_check_directive_ends_the_directives_of_the_classic_builder() -> None:
    text = "# check=skip=all\n# escape=`\nUSER `\nb\n"
    assert arguments(text) == [("user", "b")]
    with pytest.raises(AssertionError):
        assert arguments(text, "classic") == [("user", "b")]


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ("", "the Dockerfile cannot be empty", None),
        ("# nothing\n\n", "file with no instructions", 2),
        ("FROM a\nENV X\n", "ENV must have two arguments", 2),
        ("FROM a\nLABEL a=b c\n", 'Syntax error - can\'t find = in "c"', 2),
        ("FROM a\n\nCMD [1]\n", "arrays must be comprised of strings only", 3),
        ("FROM a\nRUN <<EOF\nx\n", "unterminated heredoc", 3),
        ("# escape=x\nFROM a\n", "invalid escape token 'x'", 1),
        ("# escape=  \nFROM a\n", "invalid escape token ' '", 1),
        ("# escape= \ta  b \t\nFROM a\n", "invalid escape token 'a  b'", 1),
        ("# escape=`\n# escape=`\nFROM a\n", "only one escape parser directive can be used", 2),
        ("FROM a\nUSER " + "x" * 70_000, "dockerfile line greater than max allowed size of 65535", 2),
    ],
)
def test_what_stops_the_parser(text: str, message: str, line: int | None) -> None:
    with pytest.raises(BuildStops) as error:
        parsed(text)
    assert message in str(error.value)
    assert error.value.line == line


def test_the_longest_line_that_is_read() -> None:
    longest = "USER " + "x" * (65536 - 6) + "\n"
    assert len(arguments(longest)[0][1]) == 65530
    with pytest.raises(BuildStops, match="greater than"):
        parsed("FROM a\nUSER " + "x" * (65536 - 5) + "\n")


def test_bytes_that_are_no_utf_8_become_what_go_makes_of_them() -> None:
    assert decode(b"USER \xe9\xff a\xc3\xa9") == "USER \ufffd\ufffd a\xe9"


def test_a_long_directive_is_read_at_once() -> None:
    assert arguments(f"# syntax=a{' ' * 60_000}b\nUSER c\n") == [("user", "c")]
