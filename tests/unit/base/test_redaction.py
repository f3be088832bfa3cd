"""No secret gets through, and what is none stays."""

from __future__ import annotations

import shlex

import pytest

from labkit.base.redaction import redact, redact_argv


@pytest.mark.parametrize(
    ("argv", "shown"),
    [
        (["crane", "auth", "login", "-u", "ann", "--password", "hunter2"], "crane auth login -u ann --password '***'"),
        (["crane", "--password=hunter2", "registry"], "crane '--password=***' registry"),
        (["jupyter", "lab", "--IdentityProvider.token=abc"], "jupyter lab '--IdentityProvider.token=***'"),
        (["dotnet", "publish", "-p:RegistryPassword=abc"], "dotnet publish '-p:RegistryPassword=***'"),
        (["docker", "run", "-e", "PLAIN=abc", "debian"], "docker run -e 'PLAIN=***' debian"),
        (["docker", "run", "--env=PLAIN=abc", "debian"], "docker run '--env=PLAIN=***' debian"),
        (["docker", "build", "--build-arg", "KEY=a=b", "."], "docker build --build-arg 'KEY=***' ."),
        (
            ["kubectl", "create", "secret", "generic", "app", "--from-literal=colour=abc"],
            "kubectl create secret generic app '--from-literal=colour=***'",
        ),
        (["kubectl", "config", "set", "users.ann.token", "abc"], "kubectl config set users.ann.token '***'"),
        (
            ["kubectl", "config", "set-credentials", "ann", "--token=abc"],
            "kubectl config set-credentials ann '--token=***'",
        ),
        (["kubectl", "exec", "p", "--", "sh", "-c", "TOKEN=abc run"], "kubectl exec p -- sh -c 'TOKEN=*** run'"),
        (
            ["curl", "-H", "Authorization: Bearer abc", "https://ann:abc@x/"],
            "curl -H 'Authorization: ***' 'https://***@x/'",
        ),
    ],
)
def test_a_command_is_shown_without_its_secrets(argv: list[str], shown: str) -> None:
    assert shlex.join(redact_argv(argv)) == shown


@pytest.mark.parametrize(
    "argv",
    [
        ["kubectl", "get", "secret", "app"],
        ["kubectl", "create", "token", "default"],
        ["docker", "save", "--platform", "linux/amd64", "localhost/labkit/debian:lab"],
        ["docker", "run", "-e", "HOME", "debian"],
        ["go", "build", "-trimpath", "-ldflags", "-s -w -X k8s.io/component-base/version.gitMajor=1", "./kube"],
        ["registry", "-listen", "127.0.0.1:0", "-certificate", "/x/certificate.pem", "-key", "/x/key.pem"],
        ["kind", "create", "cluster", "--name", "labkit", "--kubeconfig", "/x/kubeconfig"],
    ],
)
def test_a_command_without_secrets_is_shown_as_it_is(argv: list[str]) -> None:
    assert redact_argv(argv) == argv


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Basic YW5uOnNlY3JldA==",
        '{"Authorization": "Bearer YW5uOnNlY3JldA=="}',
        "X-Registry-Auth-Token: YW5uOnNlY3JldA==",
        "run by hand\n  crane auth login --password YW5uOnNlY3JldA== registry",
        '{"password": "YW5uOnNlY3JldA=="}',
        "DB_PASSWORD='YW5uOnNlY3JldA== with a blank'",
        "asked https://ann:YW5uOnNlY3JldA==@registry.example/v2/",
        "http://127.0.0.1:8888/lab?token=YW5uOnNlY3JldA==&x=1",
        "token eyJhbGciOiJSUzI1NiIsImtpZCI6IiJ9.YW5uOnNlY3JldA.YW5uOnNlY3JldA",
        "-----BEGIN RSA PRIVATE KEY-----\nYW5uOnNlY3JldA==\n-----END RSA PRIVATE KEY-----",
    ],
)
def test_a_text_loses_its_secrets(text: str) -> None:
    redacted = redact(text)
    assert "YW5uOnNlY3JldA" not in redacted
    assert "***" in redacted


@pytest.mark.parametrize(
    "text",
    [
        "engine: GET /v1.45/images/localhost/labkit/debian:lab/json  # 200, 0.002 s",
        "kubernetes: GET /api/v1/namespaces/n/secrets/app  # 404, 0.001 s",
        'Error: container has runAsNonRoot and image will run as root (pod: "p_n(1)", container: c)',
        "sha256:0123456789abcdef at https://registry.example/v2/",
    ],
)
def test_a_text_without_secrets_stays(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize("part", ["a", "token", "a.b-", "eyJ-", "--a", "ab+.", "http://"])
def test_one_long_line_takes_no_longer_than_many_short_ones(part: str) -> None:
    """A character more takes as long as the one before it; if it took longer, this would not end today."""
    text = part * (300_000 // len(part))
    assert redact(text) == text
    assert redact(f"{text} password=hunter2") == f"{text} password=***"
    assert redact_argv([text, "--password", "hunter2"])[2] == "***"


def test_the_scheme_of_an_address_may_stand_behind_anything() -> None:
    assert redact("-https://ann:hunter2@x/") == "-https://***@x/"
    assert redact("1https://ann:hunter2@x/") == "1https://***@x/"
