"""`labkit explain` for people: files, images that are and are not here, the table, the gate."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml

from labkit.adapters.engine import PathInImage
from labkit.archives.archive import ImageContent
from labkit.base.configuration import Configuration
from labkit.base.errors import LabFailed, Misuse
from labkit.base.resources import CHECKOUT
from labkit.cli.explain_output import answer_batch
from labkit.explain import image_explanations
from labkit.explain.engine_lookup import EngineLookup
from labkit.explain.explanations import explain_text
from labkit.explain.given_users import GivenUsers, parse_users
from labkit.explain.image_explanations import explain_image
from labkit.explain.image_lookup import ImageFinder
from labkit.explain.manifest_files import read_manifests
from tests.unit.explain.without_engine import explain as run
from tests.unit.explain.without_engine import no_engine

PASSWD = "root:x:0:0::/root:/bin/sh\napp:x:1654:1654::/home/app:/bin/sh\n"
POD = """
apiVersion: v1
kind: Pod
metadata: {name: %s}
spec:
  securityContext: {runAsNonRoot: true}
  containers: [{name: c, image: "%s"}]
---
"""
CONFIGURATION = Configuration("paper", Path("state"), Path("cache"), Path("data"))
SERVICE = "kind: Service\napiVersion: v1\nmetadata: {name: s}\n---\n"


class _EngineWithImages:
    """Stands at the edge: an engine with two images."""

    _images: ClassVar = {"numeric": "1654", "rooted": "", "broken": "5", "localhost/paper/debian:lab": "7"}

    def image(self, reference: str) -> dict[str, Any] | None:
        if reference == "UPPER":
            raise LabFailed("Inspecting UPPER", "invalid reference format", "look")
        user = self._images.get(reference)
        return None if user is None else {"Config": {"User": user, "Env": ["A=b", "HOME=/data"]}}

    def runc_version(self) -> tuple[int, int]:
        return (1, 3)

    def mapped_ids(self) -> int | None:
        return None

    def look_inside(self, reference: str, paths: Sequence[str]) -> dict[str, PathInImage | None]:
        text = None if reference == "broken" else PASSWD
        return {path: PathInImage(0, 0, "644", text) if path.endswith("passwd") else None for path in paths}


def finder(connect: Callable[[], Any] = _EngineWithImages, **users: str) -> ImageFinder:
    content = ImageContent("registry.example/app:1", "7:8", (), "riscv64", PASSWD, None)
    return ImageFinder(GivenUsers(users), [content], lambda: EngineLookup(connect(), CONFIGURATION))


# --- looking images up ---


def test_an_image_of_the_engine() -> None:
    answer = explain_text(finder(), POD % ("p", "numeric"))[0].answer
    assert answer.runs_as is not None
    assert (answer.runs_as.uid, answer.runs_as.user, answer.runs_as.home) == (1654, "app", "/data")


@pytest.mark.parametrize("name", ["registry.example/app:1"])
def test_an_image_of_an_archive_comes_first_and_its_architecture_is_noted(name: str) -> None:
    explained = explain_text(finder(no_engine), POD % ("p", name))
    assert explained[0].answer.uid == 7
    assert any("riscv64" in note for note in explained.notes)


def test_a_sample_image_goes_by_its_short_name() -> None:
    assert explain_text(finder(), POD % ("p", "debian"))[0].answer.uid == 7


def test_a_user_that_is_given_overrides_all() -> None:
    explained = explain_text(finder(no_engine, numeric="0"), POD % ("p", "numeric"))
    assert explained[0].answer.cause == "image-runs-as-root"
    assert explained[0].image_user == "0"


def test_an_image_that_is_nowhere_is_noted_with_its_remedy() -> None:
    explained = explain_text(finder(), POD % ("p", "gone"))
    assert (explained[0].image_user, explained[0].answer.kubelet_ok) == (None, None)
    assert any("--image-user gone=USER" in note for note in explained.notes)
    assert explained[0].verdict == "not known"


def test_a_name_that_is_none_is_noted() -> None:
    assert any("invalid reference format" in note for note in explain_text(finder(), POD % ("p", "UPPER")).notes)


def test_files_that_cannot_be_read_are_not_taken_for_absent() -> None:
    explained = explain_text(finder(), POD % ("p", "broken"))
    assert (explained[0].answer.uid, explained[0].answer.runs_as) == (5, None)
    assert any("/etc/passwd" in note for note in explained.notes)


def test_the_engine_is_asked_once_for_an_image() -> None:
    asked: list[str] = []

    class Counting(_EngineWithImages):
        def image(self, reference: str) -> dict[str, Any] | None:
            asked.append(reference)
            return super().image(reference)

    explain_text(finder(Counting), POD % ("p", "numeric") + POD % ("q", "numeric"))
    assert asked == ["numeric"]


def test_names_are_compared_as_docker_completes_them() -> None:
    content = ImageContent("nginx:latest", "101", (), "", None, None)
    images = ImageFinder(None, [content], no_engine)
    for name in ("nginx", "docker.io/nginx", "docker.io/library/nginx:latest", "index.docker.io/nginx"):
        image = images.find(name)
        assert image is not None and image.user == "101", name
    assert images.find("example.org/nginx") is None


SPELLINGS = ("nginx", "nginx:latest", "docker.io/nginx", "docker.io/library/nginx:latest", "index.docker.io/nginx")
DIGEST, OTHER_DIGEST = (f"sha256:{character * 64}" for character in "ab")


@pytest.mark.parametrize("name", SPELLINGS)
@pytest.mark.parametrize("image", [*SPELLINGS, f"nginx:latest@{DIGEST}", f"docker.io/library/nginx:latest@{DIGEST}"])
def test_a_user_is_given_to_an_image_by_any_spelling(name: str, image: str) -> None:
    images = ImageFinder(GivenUsers({name: "101"}), connect=no_engine)
    given = images.find(image)
    assert given is not None
    assert given.user == "101"
    assert images.unused_users() == []


@pytest.mark.parametrize(
    ("name", "image", "same"),
    [
        (f"nginx@{DIGEST}", f"docker.io/library/nginx@{DIGEST}", True),
        (f"nginx@{DIGEST}", f"nginx:1.29@{DIGEST}", True),
        (f"nginx:1.29@{DIGEST}", f"nginx@{DIGEST}", True),
        (f"nginx@{DIGEST}", f"nginx@{OTHER_DIGEST}", False),
        (f"nginx@{DIGEST}", "nginx", False),
        ("nginx:1.29", f"nginx:1.29@{DIGEST}", True),
        ("nginx:1.29", f"nginx:1.28@{DIGEST}", False),
        # Which tag a digest has, nobody knows.
        ("nginx", f"nginx@{DIGEST}", False),
        ("nginx", "nginx:1.29", False),
        ("nginx", "quay.io/library/nginx", False),
        ("localhost:5000/a/b:1", "localhost:5000/a/b:1", True),
        ("registry.example/app", "registry.example/app:latest", True),
        ("app", "registry.example/app", False),
    ],
)
def test_a_digest_counts_before_a_tag(name: str, image: str, same: bool) -> None:
    images = ImageFinder(GivenUsers({name: "101"}), connect=no_engine)
    assert (images.find(image) is not None) == same
    assert images.unused_users() == ([] if same else [name])


def test_two_users_of_one_image_are_wrong_use() -> None:
    with pytest.raises(Misuse, match=r"another user was given for docker\.io/library/nginx:latest"):
        GivenUsers({"nginx": "1", "docker.io/library/nginx:latest": "2"})
    GivenUsers({"nginx": "1", "docker.io/library/nginx:latest": "1"})


def test_users_that_are_given() -> None:
    assert parse_users(["a:1=5", "b="]) == {"a:1": "5", "b": ""}
    for nonsense in ("a", "=5", ""):
        with pytest.raises(Misuse, match="NAME=USER"):
            parse_users([nonsense])


def test_the_ids_of_a_rootless_engine_end() -> None:
    class Rootless(_EngineWithImages):
        def mapped_ids(self) -> int:
            return 65537

    (fits,) = explain_image(finder(Rootless), "numeric", user="65536")
    assert fits.answer.uid == 65536
    (refused,) = explain_image(finder(Rootless), "numeric", user="70000")
    assert (refused.verdict, refused.cause) == ("the engine refuses", "user-namespace")
    assert any("maps 65537 ids" in sentence for sentence in refused.because)
    (everywhere,) = explain_image(finder(), "numeric", user="70000")
    assert everywhere.answer.uid == 70000


def test_the_engine_s_own_runc_decides() -> None:
    assert finder().engine_runc() == (1, 3)
    assert finder(no_engine).engine_runc() is None


def test_what_could_not_be_read_is_shown_in_a_notebook_too() -> None:
    explained = explain_text(finder(), POD % ("good", "numeric") + "kind: Pod\nmetadata: {name: <b>}\n")
    assert "not read: Pod <b>: it has no spec" in str(explained)
    assert "not read: Pod &lt;b&gt;" in explained._repr_html_()


def test_every_image_of_an_archive_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    contents = [ImageContent(name, user, (), "", None, None) for name, user in (("one", "1"), ("two", "2"))]
    monkeypatch.setattr(image_explanations, "read_archives", lambda _: contents)
    (tmp_path / "images.tar").touch()
    rows = explain_image(finder(no_engine), str(tmp_path / "images.tar"))
    assert [(row.image, row.answer.uid) for row in rows if row.name == "without settings"] == [("one", 1), ("two", 2)]


# --- files ---


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "one.yaml").write_text(POD % ("one", "numeric") + SERVICE)
    (tmp_path / "two.json").write_text('{"kind": "Pod", "spec": {"containers": [{"name": "c", "image": "i"}]}}')
    (tmp_path / "notes.txt").write_text("kind: Pod")
    (tmp_path / "deeper").mkdir()
    (tmp_path / "deeper" / "three.yml").write_text(POD % ("three", "rooted"))
    return tmp_path


def test_a_folder_and_its_subfolders(folder: Path) -> None:
    assert [container.name for container in read_manifests([str(folder)]).containers] == ["one", ""]
    asked = read_manifests([str(folder)], recursive=True)
    assert [container.name for container in asked.containers] == ["one", "", "three"]
    assert asked.notes() == ["skipped, because no container is known in: 1 Service"]


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO((POD % ("p", "i")).encode())))
    assert [container.file for container in read_manifests(["-"]).containers] == ["-"]


def test_what_cannot_be_read_is_a_flaw_and_the_rest_is_read(folder: Path) -> None:
    (folder / "a.yaml").write_bytes(b"kind: Pod\0")
    (folder / "b.yaml").write_text("kind: [")
    (folder / "c.yaml").write_text("kind: Pod\nspec: {containers: []}")
    asked = read_manifests([str(folder)])
    assert len(asked.containers) == 2
    assert [Path(flaw.partition(":")[0]).name for flaw in asked.flaws] == ["a.yaml", "b.yaml", "c.yaml"]


@pytest.mark.parametrize(
    ("image", "advice"),
    [
        ("debain", "did you mean debian? Else pull it"),
        ("docker.io/library/debian:13", "the lab's own is debian, without registry and tag; else pull it"),
        ("quite-another", "pull it"),
    ],
)
def test_an_image_that_nobody_has_is_told_with_the_sample_image_that_may_be_meant(image: str, advice: str) -> None:
    class HasNone:
        def image(self, reference: str) -> None:
            return None

        def runc_version(self) -> None:
            return None

        def mapped_ids(self) -> None:
            return None

    lookup = EngineLookup(HasNone(), CONFIGURATION)  # type: ignore[arg-type]
    with pytest.raises(Misuse, match="the engine has no such image") as told:
        explain_image(ImageFinder(connect=lambda: lookup), image)
    assert told.value.remedy.startswith(advice)


@pytest.mark.parametrize("place", ["missing.yaml", "http://example.org/pod.yaml", ""])
def test_a_place_that_is_none(place: str) -> None:
    with pytest.raises(Misuse):
        read_manifests([place])


# --- the command ---


@pytest.mark.usefixtures("no_engine")
def test_json_is_the_contract(folder: Path) -> None:
    result = run("-f", str(folder / "one.yaml"), "--image-user", "numeric=1654", "--json")
    assert result.exit_code == 0
    (row,) = json.loads(result.stdout)
    assert list(row) == [
        *("file", "kind", "name", "namespace", "container", "role", "image", "image_user"),
        *("image_from", "image_digest", "api", "kubelet", "runs_as", "because"),
    ]
    assert row["kubelet"] == {"ok": True, "cause": None, "message": None}
    assert "1 Service" in result.stderr


@pytest.mark.usefixtures("no_engine")
@pytest.mark.parametrize(
    ("user", "status", "objection"),
    [
        ("1654", 0, ""),
        ("0", 1, "image-runs-as-root"),
        ("app", 1, "image-user-not-numeric"),
        (None, 1, "its user is not known"),
    ],
)
def test_a_gate(folder: Path, user: str | None, status: int, objection: str) -> None:
    given = ["--image-user", f"numeric={user}"] if user is not None else []
    result = run("--gate", "-f", str(folder / "one.yaml"), *given)
    assert result.exit_code == status
    assert objection in result.stderr
    assert run("-f", str(folder / "one.yaml"), *given).exit_code == 0


@pytest.mark.usefixtures("no_engine")
def test_a_name_that_no_container_has_is_said(folder: Path) -> None:
    ask = ["-f", str(folder / "one.yaml"), "--image-user", "docker.io/library/numeric=5", "--image-user", "nginx:1=6"]
    result = run(*ask)
    assert result.exit_code == 0
    assert result.stderr == "--image-user nginx:1: no container has this image\n"
    assert run(*ask, "--json").stderr.splitlines()[-1] == "--image-user nginx:1: no container has this image"


@pytest.mark.usefixtures("no_engine")
@pytest.mark.parametrize(
    ("settings", "kubelet"),
    [("", {"ok": True, "cause": None}), ("runAsNonRoot: true", {"ok": False, "cause": "image-user-not-numeric"})],
)
def test_a_user_that_is_a_name_is_not_known_and_the_gate_says_what_tells_it(
    tmp_path: Path, settings: str, kubelet: dict[str, Any]
) -> None:
    file = tmp_path / "pod.yaml"
    file.write_text((POD % ("cloud", "registry.example/cloud:2.4")).replace("runAsNonRoot: true", settings))
    ask = ["--gate", "-f", str(file), "--image-user", "registry.example/cloud:2.4=deno"]
    (row,) = json.loads(run(*ask, "--json").stdout)
    assert {name: row["kubelet"][name] for name in kubelet} == kubelet
    assert (row["image_user"], row["runs_as"]) == ("deno", None)
    result = run(*ask)
    assert result.exit_code == 1
    if not settings:
        assert "not known" in result.stdout
        assert "runs " not in result.stdout.replace("runs as", "")
        assert "its user deno is a name, and its uid is not known" in result.stderr
        assert "--image-user registry.example/cloud:2.4=UID" in result.stderr


@pytest.mark.usefixtures("no_engine")
@pytest.mark.parametrize(
    ("settings", "runs_as"),
    [
        ("runAsUser: 7", {"uid": 7, "gid": None}),
        ("{runAsUser: 7, runAsGroup: 8}", {"uid": 7, "gid": 8}),
        ("{runAsUser: 0}", {"uid": 0, "gid": None}),
        ("{}", None),
        ("{runAsUser: 7, runAsNonRoot: true}", {"uid": 7, "gid": None}),
        ("{runAsUser: 0, runAsNonRoot: true}", None),
    ],
)
def test_runs_as_says_the_uid_wherever_it_is_known(
    tmp_path: Path, settings: str, runs_as: dict[str, int | None] | None
) -> None:
    file = tmp_path / "pod.yaml"
    settings = settings if settings.startswith("{") else f"{{{settings}}}"
    file.write_text((POD % ("p", "nowhere")).replace("{runAsNonRoot: true}", settings))
    (row,) = json.loads(run("-f", str(file), "--json").stdout)
    others = {"groups": None, "user": None, "home": None}
    assert row["runs_as"] == (None if runs_as is None else {**runs_as, **others})
    given = json.loads(run("-f", str(file), "--json", "--image-user", "nowhere=1654").stdout)[0]["runs_as"]
    assert given == ({"uid": 1654, "gid": None, **others} if settings == "{}" else row["runs_as"])


@pytest.mark.usefixtures("no_engine")
def test_an_image_that_is_not_known_gets_one_line_from_the_gate(tmp_path: Path) -> None:
    file = tmp_path / "pods.yaml"
    pods = "".join(POD % (f"p{number}", "nowhere:1") for number in range(50))
    file.write_text(pods + POD % ("q", "elsewhere:1") + (POD % ("r", "nowhere:1")).replace("runAsNonRoot: true", ""))
    result = run("--gate", "-f", str(file))
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        "gate: Pod p0 c, Pod p1 c, Pod p2 c and 48 more: its user is not known: give it, "
        "--image-user nowhere:1=USER, or have the image here, --archive PATH",
        "gate: Pod q c: its user is not known: give it, "
        "--image-user elsewhere:1=USER, or have the image here, --archive PATH",
    ]


def test_a_key_that_is_written_twice_is_said_in_the_chain() -> None:
    text = (
        "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: sync}\nspec:\n  jobTemplate:\n    spec:\n"
        "      template:\n        spec:\n          securityContext: {runAsNonRoot: true, runAsUser: 10001}\n"
        "          containers:\n          - {name: sync, image: rooted, image: numeric}\n"
        "          securityContext: {}\n"
    )
    (row,) = explain_text(finder(), text)
    assert row.answer.uid == 1654
    assert row.answer.because[:2] == (
        "securityContext is written twice, again on line 12: kubectl takes the last, which undoes the first",
        "image is written twice, again on line 11: kubectl takes the last, which undoes the first",
    )
    above = text.replace("  jobTemplate:", "  jobTemplate: {}\n  jobTemplate:")
    assert any("jobTemplate is written twice" in reason for reason in explain_text(finder(), above)[0].answer.because)
    (quiet,) = explain_text(
        finder(), text.replace("          securityContext: {}\n", "").replace("image: rooted, ", "")
    )
    assert not any("twice" in reason for reason in quiet.answer.because)


@pytest.mark.usefixtures("no_engine")
def test_a_gate_stays_shut_for_root_that_nobody_forbids(tmp_path: Path) -> None:
    file = tmp_path / "pod.yaml"
    file.write_text((POD % ("p", "i")).replace("runAsNonRoot: true", "runAsUser: 0"))
    result = run("--gate", "-f", str(file))
    assert result.exit_code == 1
    assert "runs as root" in result.stderr


@pytest.mark.usefixtures("no_engine")
def test_a_gate_passes_over_yaml_of_others_only_where_it_was_not_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    file.write_text("replicas: 3")
    assert run("--gate", str(file)).exit_code == 0
    assert run("--gate", "-f", str(file)).exit_code == 2
    assert run(str(file)).exit_code == 2


@pytest.mark.usefixtures("no_engine")
def test_an_older_kubelet_lets_a_uid_out_of_range_pass(folder: Path) -> None:
    ask = ["-f", str(folder / "one.yaml"), "--image-user", "numeric=2147483648", "--json"]
    assert json.loads(run(*ask).stdout)[0]["kubelet"]["cause"] == "image-user-out-of-range"
    assert json.loads(run(*ask, "--kubernetes", "v1.33.2").stdout)[0]["kubelet"]["ok"]


@pytest.mark.usefixtures("no_engine")
@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        ([], 2),
        (["--kubernetes", "new", "alpine"], 2),
        (["--runc", "1", "alpine"], 2),
        (["--image-user", "nonsense", "alpine"], 2),
        (["-f", "missing.yaml"], 2),
        (["./missing.tar"], 2),
        (["--archive", "missing.tar", "-f", "-"], 2),
        (["--nonsense"], 2),
        (["alpine"], 3),
    ],
)
def test_wrong_use_has_a_status_and_a_remedy(arguments: list[str], status: int) -> None:
    result = run(*arguments, text="")
    assert result.exit_code == status, result.output
    assert "Traceback" not in result.output
    assert "What to do" in result.output or "No such option" in result.output


@pytest.mark.usefixtures("no_engine")
def test_names_are_shown_and_never_acted_upon(tmp_path: Path) -> None:
    explained = explain_text(finder(no_engine), POD % ('"<script>alert(1)</script>"', "<i>image</i>"))
    assert "<script>" not in explained._repr_html_()
    assert "<script>" in str(explained)


@pytest.mark.usefixtures("no_engine")
def test_no_name_commands_the_terminal(folder: Path) -> None:
    (folder / "one.yaml").write_text(POD % ("one", "numeric"))
    result = run("--gate", "-f", str(folder / "one.yaml"), "--image-user", "numeric=\x1b[2J\ud800")
    assert "\x1b" not in result.output
    assert "\\x1b[2J\\ud800" in result.output


@pytest.mark.usefixtures("no_engine")
def test_the_hook_that_is_shipped_is_a_gate(folder: Path) -> None:
    (hook,) = yaml.safe_load((CHECKOUT / ".pre-commit-hooks.yaml").read_text())
    program, command, *options = hook["entry"].split()
    assert (program, command) == ("labkit", "explain")
    files = [str(folder / "one.yaml"), str(folder / "two.json")]
    assert run(*options, "--image-user", "numeric=5", "--image-user", "i=5", *files).exit_code == 0
    assert run(*options, "--image-user", "numeric=5", "--image-user", "i=0", *files).exit_code == 1


# --- many cases ---


def test_a_batch_is_answered_line_by_line_and_a_bad_one_is_told_at_the_end() -> None:
    out = io.StringIO()
    seen_before: list[int] = []

    def lines() -> Iterator[bytes]:
        for line in (b'{"id": 1, "image": {}}\n', b"nonsense\n", b"\xff\n", b'{"id": 2, "image": {"user": "5"}}'):
            seen_before.append(out.getvalue().count("\n"))
            yield line

    assert answer_batch(lines(), out) == 1
    assert seen_before == [0, 1, 2, 3]
    answers = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [answer["id"] for answer in answers] == [1, None, None, 2]
    assert ["error" in answer for answer in answers] == [False, True, True, False]


@pytest.mark.parametrize("line", [b'{"id": NaN, "image": {}}', b'{"id": 1, "image": {"user": "\xff"}}'])
def test_what_is_nearly_json_is_none(line: bytes) -> None:
    out = io.StringIO()
    assert answer_batch(iter([line]), out) == 1
    assert "error" in json.loads(out.getvalue())


def test_a_batch_through_the_command() -> None:
    result = run("--batch", text='{"id": "x", "image": {"user": "app"}, "docker": {}}\n')
    assert result.exit_code == 0
    assert json.loads(result.stdout)["cause"] == "unknown-user"


def test_what_a_gate_would_object_to_is_a_line_each() -> None:
    finder = ImageFinder(users=GivenUsers(parse_users(["a=1654", "b="])))
    pod = "kind: Pod\napiVersion: v1\nmetadata: {name: web}\nspec:\n  containers:\n"
    text = pod + "  - {name: good, image: a}\n  - {name: root, image: b}\n  - {name: lost, image: c}\n"
    explanations = explain_text(finder, text)
    root, lost = explanations.objections()
    assert "the gate has 2 objections" in str(explanations.gate())
    assert "Pod web root  runs as root" in str(explanations.gate())
    assert root.startswith("Pod web root: runs as root")
    assert lost.startswith("Pod web lost: its user is not known")
    mystery = explain_text(finder, "kind: Mystery\napiVersion: x.io/v1\nmetadata: {name: m}\n")
    (unjudged,) = mystery.objections()
    assert "Mystery" in unjudged
    assert unjudged in str(mystery.gate())
    assert str(explain_text(finder, pod + "  - {name: good, image: a}\n").gate()).endswith("the gate has no objection")
