"""Names of images: taken apart and put together as docker does it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.core.image_reference import ImageReference

_letters = st.text("abz019", min_size=1, max_size=5)
_components = st.lists(_letters, min_size=1, max_size=3).flatmap(
    lambda parts: st.sampled_from([".", "_", "__", "-"]).map(lambda separator: separator.join(parts))
)
_repositories = st.lists(_components, min_size=1, max_size=3).map("/".join)
_hosts = st.lists(_letters, min_size=2, max_size=3).map(".".join) | st.just("localhost")
_registries = _hosts | st.tuples(_hosts, st.integers(1, 65535)).map(lambda pair: f"{pair[0]}:{pair[1]}")
_tags = st.text("aZ09_.-", min_size=1, max_size=9)
_digests = st.text("0f", min_size=64, max_size=64).map("sha256:{}".format)


@pytest.mark.parametrize(
    ("text", "full"),
    [
        ("alpine", "docker.io/library/alpine"),
        ("alpine:3.23", "docker.io/library/alpine:3.23"),
        ("library/alpine", "docker.io/library/alpine"),
        ("docker.io/alpine", "docker.io/library/alpine"),
        ("index.docker.io/alpine", "docker.io/library/alpine"),
        ("me/app:1", "docker.io/me/app:1"),
        ("localhost/lab/app:lab", "localhost/lab/app:lab"),
        ("localhost:5000/app", "localhost:5000/app"),
        ("host:5/app", "host:5/app"),
        ("Host/app", "Host/app"),
        ("mcr.microsoft.com/dotnet/aspnet:10.0", "mcr.microsoft.com/dotnet/aspnet:10.0"),
        ("a.b/c/d:e@sha256:12", "a.b/c/d:e@sha256:12"),
    ],
)
def test_a_name_is_completed_as_docker_does_it(text: str, full: str) -> None:
    assert str(ImageReference.parse(text)) == full


@given(_registries, _repositories, st.just("") | _tags, st.just("") | _digests)
def test_the_parts_of_a_full_name_come_back(registry: str, repository: str, tag: str, digest: str) -> None:
    reference = ImageReference(registry, repository, tag, digest)
    assert ImageReference.parse(str(reference)) == reference
    assert str(reference) == f"{reference.name}{reference.path.removeprefix(repository)}"


@given(_repositories, st.just("") | _tags)
def test_without_a_registry_it_is_docker_io(repository: str, tag: str) -> None:
    reference = ImageReference.parse(repository + (f":{tag}" if tag else ""))
    folder, _, _ = repository.partition("/")
    if "/" in repository and ("." in folder or folder == "localhost"):
        assert reference.registry == folder
    else:
        assert reference == ImageReference("docker.io", reference.repository, tag)
        assert reference.repository in (repository, f"library/{repository}")


@given(st.text())
def test_any_text_is_taken_apart_and_its_full_name_stays(text: str) -> None:
    reference = ImageReference.parse(text)
    assert ImageReference.parse(str(reference)) == reference
    assert re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?", reference.short_name)


@given(_registries, _repositories, st.just("") | _tags, st.just("") | _digests)
def test_what_is_pulled_without_a_tag_is_latest(registry: str, repository: str, tag: str, digest: str) -> None:
    reference = ImageReference(registry, repository, tag, digest).tagged()
    assert (reference.tag, reference.digest) == (tag if tag or digest else "latest", digest)


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("localhost/labkit/aspnetapp-root:lab", "aspnetapp-root"),
        ("registry:5000/a/b@sha256:12", "b"),
        ("A_b", "a-b"),
        ("x" * 90, "x" * 40),
        ("", "app"),
        ("-/-", "app"),
    ],
)
def test_a_container_is_named_after_its_image(image: str, name: str) -> None:
    assert ImageReference.parse(image).short_name == name
