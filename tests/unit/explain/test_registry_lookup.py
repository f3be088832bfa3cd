"""Images whose user is asked of their registries: what is kept, what is forbidden, what the answers say."""

from __future__ import annotations

import json
import stat
import threading
import time
from collections.abc import Iterator
from datetime import date
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.base.errors import LabFailed
from labkit.cli import main
from labkit.core.identity.model import Image, KnownImage, names_an_account
from labkit.core.image_platform import ImagePlatform
from labkit.core.image_reference import ImageReference
from labkit.explain import registry_lookup
from labkit.explain.explanations import explain_text
from labkit.explain.given_users import GivenUsers
from labkit.explain.image_lookup import ImageFinder
from labkit.explain.pipelines.findings import findings_of
from labkit.explain.pipelines.gate_exceptions import GateException
from labkit.explain.pipelines.gate_levels import ALL, LEVELS
from labkit.explain.pipelines.image_lock import ImageLock
from labkit.explain.registry_lookup import RegistryLookup
from tests.examples import share_of
from tests.unit.registry_double import RegistryDouble, layer, running_registry

AMD64 = ImagePlatform("linux", "amd64")
PASSWD = "root:x:0:0::/root:/bin/sh\napp:x:1654:1654:The app:/home/app:/bin/sh\n"
GROUP = "root:x:0:\napp:x:1654:\nmore:x:7:app\n"


@pytest.fixture
def registry() -> Iterator[RegistryDouble]:
    with running_registry() as double:
        yield double


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LABKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))


def lookup(tmp_path: Path, **options: Any) -> RegistryLookup:
    return RegistryLookup(tmp_path / "cache", AMD64, **options)


def explain(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["explain", "--platform", "linux/amd64", *arguments])


def pod(image: str, settings: str = "") -> str:
    text = f"kind: Pod\nmetadata: {{name: p}}\nspec: {{containers: [{{name: c, image: {image}{settings}}}]}}\n"
    Path("pod.yaml").write_text(text)
    return "pod.yaml"


def test_an_answer_is_kept_by_its_digest(registry: RegistryDouble, tmp_path: Path) -> None:
    digest = registry.add_image("app:1", "101", config={"Env": ["HOME=/data"], "OnBuild": ["USER 5"]})
    first = lookup(tmp_path).find(f"{registry.host}/app:1")
    assert first is not None
    assert (first.image.user, first.image.home, first.digest, first.on_build) == ("101", "/data", digest, ("USER 5",))
    (file,) = (tmp_path / "cache").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    registry.requests.clear()
    assert lookup(tmp_path).find(f"{registry.host}/app:1") == first
    assert [method for method, _, _ in registry.requests] == ["HEAD"]  # a tag may have moved
    assert lookup(tmp_path).find(f"{registry.host}/app@{digest}") == first
    assert len(registry.requests) == 1
    assert lookup(tmp_path, offline=True).find(f"{registry.host}/app:1") is None
    assert lookup(tmp_path, offline=True).find(f"{registry.host}/app:1@{digest}") == first
    assert len(registry.requests) == 1


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"version": 2}', '{"version": 1, "image": 5}', "\x00"])
def test_what_is_kept_may_be_damaged(registry: RegistryDouble, tmp_path: Path, damage: str) -> None:
    registry.add_image("app:1", "101")
    first = lookup(tmp_path).find(f"{registry.host}/app:1")
    (file,) = (tmp_path / "cache").iterdir()
    file.write_text(damage)
    assert lookup(tmp_path).find(f"{registry.host}/app:1") == first


def test_a_cache_that_cannot_be_written_costs_nothing_else(registry: RegistryDouble, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("")
    registry.add_image("app:1", "101")
    known = lookup(tmp_path).find(f"{registry.host}/app:1")
    assert known is not None
    assert known.image.user == "101"


def test_a_name_is_looked_up_in_the_layers_from_the_last_downwards(registry: RegistryDouble, tmp_path: Path) -> None:
    lower, upper = (
        layer({"etc/passwd": "old:x:1:1::/:/x\n", "big": "x"}),
        layer({"etc/passwd": PASSWD, "etc/group": GROUP}),
    )
    top = layer({"srv/app": "x"})
    registry.add_image("app:1", "app", layers=(lower, upper, top))
    known = lookup(tmp_path).find(f"{registry.host}/app:1")
    assert known is not None
    assert (known.image.files_known, known.image.passwd, known.image.group) == (True, PASSWD, GROUP)
    fetched = [path for method, path, _ in registry.requests if "/blobs/" in path]
    assert len(fetched) == 3  # the configuration, and two layers of three
    again = lookup(tmp_path).find(f"{registry.host}/app:1")
    assert again is not None
    assert again.image.passwd == "root:x:0:0::/root:\napp:x:1654:1654::/home/app:"


def test_layers_that_are_too_many_leave_the_name(
    registry: RegistryDouble, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry_lookup, "_MOST_BYTES", 10)
    registry.add_image("app:1", "app", layers=(layer({"etc/passwd": PASSWD}),))
    known = lookup(tmp_path).find(f"{registry.host}/app:1")
    assert known is not None
    assert (known.image.user, known.image.files_known) == ("app", False)
    assert "which tell the uid of app" in known.notes[0]


@pytest.mark.parametrize("content", [b"no tar", b"\x1f\x8bno gzip", b"\x28\xb5\x2f\xfd zstd"])
def test_layers_that_are_damaged_leave_the_name(registry: RegistryDouble, tmp_path: Path, content: bytes) -> None:
    registry.add_image("app:1", "app", layers=(content,))
    known = lookup(tmp_path).find(f"{registry.host}/app:1")
    assert known is not None
    assert not known.image.files_known
    assert known.notes


@pytest.mark.parametrize(
    ("user", "expected"),
    [("", False), ("101", False), ("0:0", False), ("root", False), ("app", True), ("5:app", True), ("root:app", True)],
)
def test_which_user_needs_the_files(user: str, expected: bool) -> None:
    assert names_an_account(user) == expected


def test_images_are_asked_for_at_once(registry: RegistryDouble, tmp_path: Path) -> None:
    together = threading.Barrier(4, timeout=5)
    for number in range(4):
        registry.add_image(f"app{number}:1", str(number))
        path = f"/v2/app{number}/manifests/1"
        answer = registry.answers[path]

        def wait(request: BaseHTTPRequestHandler, path: str = path, answer: Any = answer) -> None:
            together.wait()
            del registry.handlers[path]
            registry.answer(request)

        registry.handlers[path] = wait
    asked = lookup(tmp_path)
    names = [f"{registry.host}/app{number}:1" for number in range(4)]
    asked.find_all(names)
    users = [known.image.user for known in map(asked.find, names) if known is not None]
    assert users == ["0", "1", "2", "3"]


def test_a_registry_that_hangs_is_asked_once(
    registry: RegistryDouble, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry_lookup, "SECONDS", 0.3)
    released = threading.Event()

    def hang(_: BaseHTTPRequestHandler) -> None:
        released.wait(5)

    asked, started = lookup(tmp_path), time.monotonic()
    for number in range(30):
        registry.handlers[f"/v2/app{number}/manifests/1"] = hang
    names = [f"{registry.host}/app{number}:1" for number in range(30)]
    asked.find_all(names)
    for name in names:
        with pytest.raises(LabFailed, match="has not answered"):
            asked.find(name)
    assert time.monotonic() - started < 3
    assert len(registry.requests) <= 8
    released.set()


@pytest.mark.parametrize("name", ["localhost/labkit/aspnetapp:lab", "aspnetapp", "ledger"])
def test_the_lab_s_own_images_are_asked_of_nobody(tmp_path: Path, name: str) -> None:
    """Docker Hub would give anybody's image of that name."""

    def never(*_: object) -> Any:
        raise AssertionError(name)

    assert lookup(tmp_path, access=never).find(name) is None


# --- the command ---


def test_explain_asks_a_registry_and_says_so(registry: RegistryDouble) -> None:
    digest = registry.add_image("app:1", "101")
    image = f"{registry.host}/app:1"
    result = explain("--online", "-f", pod(image), "--json")
    assert result.exit_code == 0, result.output
    (row,) = json.loads(result.stdout)
    assert (row["image_user"], row["image_from"], row["image_digest"]) == ("101", "registry", digest)
    assert row["runs_as"]["uid"] == 101
    assert row["because"][0] == f"its registry says what {image} is: {digest}, USER 101"
    assert "the engine was not asked" not in result.stderr
    named = explain("--online", image)
    assert named.exit_code == 0, named.output
    assert digest in named.stdout
    Path("Dockerfile").write_text(f"FROM {image}\n")
    built = json.loads(explain("--online", "Dockerfile", "--json").stdout)[0]
    assert (built["image_user"], built["image_from"]) == ("101", "registry")


def test_root_by_name_is_root_without_the_layers(registry: RegistryDouble) -> None:
    registry.add_image("app:1", "root")
    image = f"{registry.host}/app:1"
    result = explain("--online", "--gate", "-f", pod(image))
    assert result.exit_code == 1
    assert "runs as root" in result.stderr
    refused = explain("--online", "--json", "-f", pod(image, ", securityContext: {runAsNonRoot: true}"))
    assert json.loads(refused.stdout)[0]["kubelet"]["cause"] == "image-user-not-numeric"


def test_offline_forbids_it(registry: RegistryDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    registry.add_image("app:1", "101")
    file = pod(f"{registry.host}/app:1")
    assert explain("--offline", "--gate", "-f", file).exit_code == 1
    assert explain("--gate", "-f", file).exit_code == 1  # LABKIT_OFFLINE
    assert registry.requests == []
    assert explain("--offline", "--online", "--gate", "-f", file).exit_code == 0
    monkeypatch.setenv("LABKIT_OFFLINE", "0")
    assert explain("--gate", "-f", file).exit_code == 0


def test_offline_asks_no_engine_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://engine.example:2375")
    result = explain("--offline", "-f", pod("app:1"))
    assert "--offline forbids to ask DOCKER_HOST, tcp://engine.example:2375" in result.output


def test_what_a_registry_does_not_tell_is_said_once(registry: RegistryDouble) -> None:
    registry.handlers["/v2/app/manifests/1"] = registry.handlers["/v2/app/manifests/2"] = lambda request: _too_many(
        request
    )
    text = "".join(
        f"kind: Pod\nmetadata: {{name: p{tag}}}\n"
        f"spec: {{containers: [{{name: c, image: '{registry.host}/app:{tag}'}}]}}\n---\n"
        for tag in (1, 2)
    )
    Path("pods.yaml").write_text(text)
    result = explain("--online", "-f", "pods.yaml")
    assert result.output.count("too many requests") == 1
    gone = explain("--online", f"{registry.host}/gone:1")
    assert gone.exit_code == 1
    assert "has no such tag (404 MANIFEST_UNKNOWN)" in gone.output


def _too_many(request: BaseHTTPRequestHandler) -> None:
    request.send_response(429)
    request.send_header("Content-Length", "0")
    request.end_headers()


def test_a_given_user_and_the_lock_file_come_before_a_registry(registry: RegistryDouble) -> None:
    registry.add_image("app:1", "101")
    image = f"{registry.host}/app:1"
    file = pod(image)
    assert explain("--online", "--lock", "-f", file).exit_code == 0
    locked = json.loads(Path("labkit-explain.lock").read_text())["images"][image]
    assert (locked["user"], locked["files"]) == ("101", False)
    registry.requests.clear()
    (row,) = json.loads(explain("--online", "--json", "-f", file).stdout)
    assert (row["image_from"], row["runs_as"]["uid"]) == ("lock file", 101)
    (row,) = json.loads(explain("--online", "--json", "-f", file, "--image-user", f"{image}=7").stdout)
    assert (row["image_from"], row["runs_as"]["uid"]) == ("given", 7)
    assert registry.requests == []


@pytest.mark.parametrize("text", ["linux", "x/y/z/w", "lin ux/a"])
def test_a_platform_that_is_none(text: str) -> None:
    result = CliRunner().invoke(main, ["explain", "--platform", text, "-f", pod("app:1")])
    assert result.exit_code == 2
    assert "--platform linux/arm64" in result.output


# --- names are compared as references ---

_REGISTRIES = st.sampled_from(["docker.io", "ghcr.io", "r.example:5000"])
_PART = st.from_regex(r"[a-z][a-z0-9]{0,5}", fullmatch=True)
_TAGS = st.one_of(st.just(""), st.just("latest"), _PART)
_DIGESTS = st.one_of(st.just(""), st.just("sha256:" + "a" * 64))


@settings(max_examples=share_of(40), deadline=None)
@given(
    st.sampled_from(["docker.io", "ghcr.io", "r.example:5000"]),
    st.lists(_PART, min_size=1, max_size=3),
    _TAGS,
    _DIGESTS,
)
def test_every_spelling_of_an_image_is_the_same_everywhere(
    registry: str, parts: list[str], tag: str, digest: str
) -> None:
    repository = "/".join(parts if registry != "docker.io" or len(parts) > 1 else ["library", *parts])
    reference = ImageReference(registry, repository, tag, digest)
    spellings = reference.spellings()
    assert str(reference.tagged()) in spellings
    for spelling in spellings:
        parsed = ImageReference.parse(spelling).tagged()
        assert (parsed.name, parsed.digest) == (reference.name, reference.digest)
        assert digest or parsed.tag == (tag or "latest")
    known = KnownImage(Image("7"), digest=digest, place="lock file")
    written = spellings[-1]
    lock, users = ImageLock({written: known}), GivenUsers({written: "7"})
    exception = GateException("here", frozenset(LEVELS), "why", date(2999, 1, 1), {"image": written})
    for asked in spellings:
        assert lock.find(asked) == known
        assert users.find(asked) == "7"
        text = f"kind: Pod\nmetadata: {{name: p}}\nspec: {{containers: [{{name: c, image: '{asked}'}}]}}\n"
        (finding,) = findings_of(explain_text(ImageFinder(GivenUsers({written: "0"})), text))
        assert exception.covers(finding, ALL)


def test_what_is_not_known_of_one_image_is_one_line_however_it_is_spelled() -> None:
    Path("pods.yaml").write_text(
        "kind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: c, image: nginx}]}\n---\n"
        "kind: Pod\nmetadata: {name: b}\nspec: {containers: [{name: c, image: 'docker.io/library/nginx:latest'}]}\n"
    )
    lines = [line for line in explain("--gate", "-f", "pods.yaml").stderr.splitlines() if line.startswith("gate:")]
    assert len(lines) == 1, lines
