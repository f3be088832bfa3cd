"""An image that nobody here has: the name of the lab's own, whatever registry and tag stand beside it."""

from __future__ import annotations

import pytest

from labkit.lab.samples.near_image import near_image


@pytest.mark.parametrize(
    ("image", "advice"),
    [
        ("debain", "did you mean debian?"),
        ("Debian", "did you mean debian?"),
        ("debian:bookworm", "the lab's own is debian, without registry and tag"),
        ("docker.io/library/debian:12@sha256:1", "the lab's own is debian, without registry and tag"),
        ("registry.example/deep/aspnetap:8.0", "did you mean aspnetapp?"),
        ("debian", "look"),
        ("mcr.microsoft.com/xyzzy", "look"),
        ("", "look"),
    ],
)
def test_what_to_type_in_place_of_an_image_that_is_nowhere(image: str, advice: str) -> None:
    assert near_image(image, ["debian", "aspnetapp"], "look") == advice
