"""What is typed for kubectl: images in options are the lab's, and files of manifests are found."""

from __future__ import annotations

import shlex

import pytest

from labkit.core.pods.manifest_images import ImageInPlace
from labkit.core.typed.kubectl_lines import read_kubectl_line


def _place(image: str) -> ImageInPlace | None:
    return {"debian": ImageInPlace("lab/debian:lab"), "mine": ImageInPlace("mine", "IfNotPresent")}.get(image)


@pytest.mark.parametrize(
    ("typed", "run"),
    [
        ("get po", "get po"),
        ("run x --image=debian", "run x --image=lab/debian:lab"),
        ("-n ns run x --image debian -- id --image debian", "-n ns run x --image lab/debian:lab -- id --image debian"),
        ("run x --image mine", "run --image-pull-policy=IfNotPresent x --image mine"),
        ("run x --image mine --image-pull-policy=Never", "run x --image mine --image-pull-policy=Never"),
        ("debug -it pod --image=debian --target=app", "debug -it pod --image=lab/debian:lab --target=app"),
        ("create deployment x --image=debian", "create deployment x --image=lab/debian:lab"),
        ("create deployment x --image=mine", "create deployment x --image=mine"),
        ("set image deployment/x app=debian other=else", "set image deployment/x app=lab/debian:lab other=else"),
        ("logs -f pod", "logs -f pod"),
        (
            """run x --image=mine --overrides='{"spec":{"containers":[{"name":"x","image":"debian"}]}}'""",
            "run --image-pull-policy=IfNotPresent x --image=mine --overrides='"
            + """{"spec":{"containers":[{"name":"x","image":"lab/debian:lab"}]}}'""",
        ),
        ("run x --image=debian --overrides='{'", "run x --image=lab/debian:lab --overrides='{'"),
        ("", ""),
    ],
)
def test_what_kubectl_gets(typed: str, run: str) -> None:
    assert list(read_kubectl_line(shlex.split(typed), _place).argv) == shlex.split(run)


@pytest.mark.parametrize(
    ("typed", "files"),
    [
        ("apply -f a.yaml", ["a.yaml"]),
        ("apply -fa.yaml --filename=b.yaml -f c,d", ["a.yaml", "b.yaml", "c,d"]),
        ("-n x apply --dry-run=server -f -", ["-"]),
        ("create --dry-run -f a", ["a"]),
        ("delete -f a.yaml", []),
        ("logs -f pod", []),
        ("apply -f", []),
    ],
)
def test_files_are_found_where_a_manifest_is_sent(typed: str, files: list[str]) -> None:
    assert [option.value for option in read_kubectl_line(typed.split(), _place).files] == files


def test_other_files_take_their_places() -> None:
    line = read_kubectl_line(["apply", "-fa.yaml", "--filename=b", "-f", "c"], _place)
    assert line.with_files(["1", "2", "3"]) == ("apply", "-f1", "--filename=2", "-f", "3")
