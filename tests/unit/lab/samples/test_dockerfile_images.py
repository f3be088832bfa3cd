"""Sample images' names in a Dockerfile mean the lab's images, however they are written, and nothing else does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.lab.samples.dockerfile_images import name_images_in_full

_IMAGES = {name: f"localhost/lab/{name}:lab" for name in ("debian", "alpine", "runtime")}


def _named(text: str) -> str:
    return name_images_in_full(text, _IMAGES)


@pytest.mark.parametrize(
    ("dockerfile", "wanted"),
    [
        ("FROM debian\n", "FROM localhost/lab/debian:lab\n"),
        ("from debian", "from localhost/lab/debian:lab"),
        ("  From\t debian  AS x\n", "  From\t localhost/lab/debian:lab  AS x\n"),
        ("FROM --platform=linux/amd64 debian\n", "FROM --platform=linux/amd64 localhost/lab/debian:lab\n"),
        ("FROM \\\n  debian\n", "FROM   localhost/lab/debian:lab\n"),
        ("# escape=`\nFROM `\n debian\n", "# escape=`\nFROM  localhost/lab/debian:lab\n"),
        ("ARG BASE=debian\nFROM $BASE\n", "ARG BASE=debian\nFROM localhost/lab/debian:lab\n"),
        ("ARG A=deb\nARG BASE=${A}ian\nFROM ${BASE}\n", "ARG A=deb\nARG BASE=${A}ian\nFROM localhost/lab/debian:lab\n"),
        ('ARG BASE="debian"\nFROM $BASE\n', 'ARG BASE="debian"\nFROM localhost/lab/debian:lab\n'),
        ("FROM ${BASE:-alpine}\n", "FROM localhost/lab/alpine:lab\n"),
        ("FROM x\nCOPY --from=debian /a /b\n", "FROM x\nCOPY --from=localhost/lab/debian:lab /a /b\n"),
        (
            "FROM x\ncopy   --chown=1:1  --from=debian /a /b\n",
            "FROM x\ncopy   --chown=1:1  --from=localhost/lab/debian:lab /a /b\n",
        ),
        ("FROM x\nCOPY --from=debian \\\n /a /b\n", "FROM x\nCOPY --from=localhost/lab/debian:lab  /a /b\n"),
        (
            "FROM x\nRUN --mount=type=bind,from=debian,target=/d ls\n",
            "FROM x\nRUN --mount=type=bind,from=localhost/lab/debian:lab,target=/d ls\n",
        ),
        (
            "FROM debian AS one\nRUN a \\\n# b\n  c\nFROM alpine\n",
            "FROM localhost/lab/debian:lab AS one\nRUN a \\\n# b\n  c\nFROM localhost/lab/alpine:lab\n",
        ),
    ],
)
def test_a_samples_name_means_the_labs_image(dockerfile: str, wanted: str) -> None:
    assert _named(dockerfile) == wanted


@pytest.mark.parametrize(
    "dockerfile",
    [
        "FROM x AS debian\nFROM debian\nCOPY --from=debian /a /b\n",
        "FROM x AS Debian\nFROM debian\n",
        "FROM debian:12\nFROM docker.io/library/debian\nFROM debian@sha256:0\nFROM scratch\n",
        "FROM x\nCOPY --from=0 /a /b\nCOPY debian /--from=debian\n",
        "# FROM debian\nFROM x\nRUN echo \\\nFROM debian\n",
        "FROM x\nCOPY <<EOF /a\nFROM debian\nEOF\n",
        "FROM x\nRUN <<-'END' sh\nFROM debian\n\tEND\nRUN echo --from=debian\n",
        "FROM x\nARG BASE=debian\nFROM $BASE\n",
        "FROM $NOTHING\n",
        "FROM\n",
        "",
    ],
)
def test_anything_else_stays_as_it_is(dockerfile: str) -> None:
    assert _named(dockerfile) == dockerfile


def test_what_follows_a_here_document_counts_again() -> None:
    assert _named("FROM x\nCOPY <<A <<B /d/\nFROM debian\nA\nB\nFROM debian\n").endswith(
        "A\nB\nFROM localhost/lab/debian:lab\n"
    )


@pytest.mark.parametrize(
    "dockerfile",
    ["FROM x\n" + "RUN a \\\n" * 100_000, "FROM x\nCOPY <<EOF /a\n" + "b\n" * 100_000, "FROM " + "x" * 1_000_000],
    ids=["continued", "heredoc", "line"],
)
def test_one_that_does_not_end_is_read_to_its_end(dockerfile: str) -> None:
    assert _named(dockerfile) == dockerfile


@given(st.text(alphabet="FROMCPY fromdebian-=\\\n#<EAS$B{}:`\t", max_size=80))
def test_any_text_is_read_without_an_error_and_keeps_its_other_images(text: str) -> None:
    assert name_images_in_full(text, {}) == text
