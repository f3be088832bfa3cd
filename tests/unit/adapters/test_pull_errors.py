"""What to do about a registry that refuses: told by what it says, never by the names that stand in its answer."""

from __future__ import annotations

import pytest

from labkit.adapters.engine.pull_errors import is_gone, pull_failed


@pytest.mark.parametrize(
    ("message", "remedy"),
    [
        ("unauthorized: authentication required", "docker login"),
        ("unexpected status code 403 Forbidden", "docker login"),
        ("pull access denied for x, repository does not exist", "docker login"),
        ("toomanyrequests: you have reached your limit", "wait as long"),
        ("received unexpected HTTP status: 429", "wait as long"),
        ("manifest for registry.example/a/b:1 not found: manifest unknown: gone", "the image or its tag is gone"),
        ("unexpected EOF", "broke off"),
        ('unknown: {"errors":[{"code":"UNAUTHORIZED","detail":"a/b:1"}]}', "docker login"),
        ("dial tcp 10.0.0.1:429: connect: connection reset by peer", "broke off"),
        # Ports, digests and names hold numbers and words of every kind.
        ('Get "https://172.17.0.1:44033/v2/": tls: x509: certificate signed by unknown authority', "registry use"),
        ('Get "https://10.0.0.1:403/v2/": tls: failed to verify certificate', "registry use"),
        ('Get "https://registry.example/denied/404/v2/": x509: certificate has expired', "registry use"),
        ("filesystem layer verification failed for digest sha256:a404b403c429", "broke off"),
    ],
)
def test_the_remedy_is_for_what_the_registry_says(message: str, remedy: str) -> None:
    assert remedy in pull_failed("Pulling it", message).remedy


@pytest.mark.parametrize(
    ("message", "gone"),
    [
        ("manifest unknown", True),
        ('registry.example/a:1@sha256:00: unknown: {"errors":[{"code":"MANIFEST_UNKNOWN","message":"/v2/a"}]}', True),
        ('GET https://registry.example/v2/a: {"errors":[{"code":404}]}', True),
        ("unexpected status: 404 Not Found", True),
        ('Get "https://172.17.0.1:40404/v2/": EOF', False),
        ("unauthorized", False),
    ],
)
def test_an_image_is_gone_if_the_registry_says_so(message: str, gone: bool) -> None:
    assert is_gone(message) is gone


@pytest.mark.parametrize("part", ["a", "a.", "a..b-", "1", "a:1", "/", "http://", "http://a:", "localhost", "]:"])
def test_a_long_message_takes_no_longer_than_many_short_ones(part: str) -> None:
    """A character more takes as long as the one before it; if it took longer, this would not end today."""
    text = part * (300_000 // len(part))
    assert is_gone(f"{text} manifest unknown")
    assert not is_gone(f"{text} denied")


@pytest.mark.parametrize(
    "name",
    [
        "registry.example/404",
        "http://registry.example:404/404",
        "x-https://registry.example/404",
        "registry.example:404",
        "(registry.example:404)",
        "..registry.example:404",
        "a..b.example:404",
        "localhost:404",
        "xlocalhost:404",
        "[::1]:404",
    ],
)
def test_a_number_in_a_name_is_not_what_the_registry_says(name: str) -> None:
    assert not is_gone(f"asked {name}: EOF")
    assert is_gone(f"asked {name}: 404")
