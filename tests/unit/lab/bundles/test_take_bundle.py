"""What a bundle has goes where the kit looks for it, whole or not at all; one that nobody named gives way."""

from __future__ import annotations

import errno
import io
import os
import shutil
import tarfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

import pytest

from labkit.adapters import go, go_programs
from labkit.adapters.engine import Engine
from labkit.base.configuration import LABEL, Configuration
from labkit.base.errors import LabFailed
from labkit.lab.bundles.bundle_manifest import PACKAGES, BundleRefused
from labkit.lab.bundles.bundle_writer import writing
from labkit.lab.bundles.bundled_programs import part_name
from labkit.lab.bundles.find_bundle import find_bundles
from labkit.lab.bundles.take_bundle import bundle_in_use
from labkit.lab.samples.build import CONTENT_LABEL, SOURCE_LABEL
from labkit.lab.samples.catalogue import Catalogue
from labkit.lab.up_plan import UpPlan
from labkit.show.steps import Steps
from tests.unit.lab.bundles.small_bundle import CONTENT, packed, small_manifest, write_small
from tests.unit.small_disk import make_read_only, small_disk


class Images:
    """An engine's images by name, each with its labels."""

    def __init__(self, lab: str = "labkit", content: dict[str, str] | None = None) -> None:
        self.by_name: dict[str, dict[str, str]] = {}
        self.loaded = b""
        self._lab, self._content = lab, CONTENT if content is None else content

    def image(self, reference: str) -> dict[str, Any] | None:
        labels = self.by_name.get(reference)
        return None if labels is None else {"Id": f"id of {reference}", "Config": {"Labels": labels}}

    def load_images(self, pieces: Iterable[bytes]) -> None:
        self.loaded += b"".join(pieces)
        for name, content in self._content.items():
            labels = {LABEL: self._lab, CONTENT_LABEL: content, SOURCE_LABEL: "stand-in"}
            self.by_name[f"localhost/labkit.bundle/{name}:lab"] = labels

    def name_anew(self, image: str, reference: str) -> None:
        self.by_name[reference] = self.by_name[image.removeprefix("id of ")]

    def build(self, _: bytes, reference: str, **__: object) -> None:
        short = reference.rpartition("/")[2]
        self.by_name[reference] = {**self.by_name[f"localhost/labkit.bundle/{short}"], LABEL: reference.split("/")[1]}

    def remove_image(self, reference: str) -> None:
        self.by_name.pop(reference, None)


@pytest.fixture
def configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Configuration:
    for name in ("LABKIT_SOURCE", "LABKIT_REGISTRY", "LABKIT_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "folder"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return Configuration("labkit", *(tmp_path / name for name in ("state", "cache", "data")))


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    path = tmp_path / "given.tar"
    write_small(path)
    return path


def taken(configuration: Configuration, asked: Path | None, engine: Images | None = None) -> tuple[str | None, str]:
    """Take all from a bundle; where its images came from, and what was printed."""
    printed = io.StringIO()
    with bundle_in_use(asked, None, configuration, Steps(printed)) as in_use:
        if in_use is None:
            return None, printed.getvalue()
        in_use.place_programs()
        return in_use.load_images(cast(Engine, engine or Images())), printed.getvalue()


def test_programs_and_images_are_there_afterwards(configuration: Configuration, bundle: Path) -> None:
    engine = Images()
    source, _ = taken(configuration, bundle, engine)
    assert source == "stand-in"
    built = go.find_built(go_programs.PAUSE, configuration.cache)
    assert built is not None
    assert (built / "pause").read_bytes() == b"ELF"
    assert os.access(built / "pause", os.X_OK)
    assert set(engine.by_name) == {"localhost/labkit/debian:lab", "localhost/labkit/node:lab"}
    assert {path.name[0] for path in (configuration.cache / "programs").iterdir()} == {"p", "s"}


def test_an_estimate_counts_nothing_that_the_bundle_has(configuration: Configuration, bundle: Path) -> None:
    write_small(
        bundle,
        programs={part_name(program): b"" for program in (go_programs.KUBERNETES, go_programs.KIND, go_programs.PAUSE)},
    )
    with bundle_in_use(bundle, None, configuration, Steps(io.StringIO())) as in_use:

        def no_cluster(*_: object) -> Any:
            raise AssertionError

        def is_made(name: str, taken: object) -> bool:
            plan = UpPlan(
                configuration, Catalogue(configuration.data), None, no_cluster, makes_node=True, bundle=cast(Any, taken)
            )
            step = plan.schedule()[name]
            return step.is_made is not None and step.is_made()

        steps = ("modules", "kubernetes", "kind", "pause", "debian-image", "node-image")
        assert [is_made(name, in_use) for name in steps] == [True] * len(steps)
        assert [is_made(name, None) for name in steps] == [False] * len(steps)
        assert not is_made("containerd", in_use)


def test_what_is_there_is_left_as_it_is(configuration: Configuration, bundle: Path) -> None:
    engine = Images()
    taken(configuration, bundle, engine)
    engine.loaded = b""
    built = go.find_built(go_programs.PAUSE, configuration.cache)
    assert built is not None
    before = built.stat().st_ino
    assert taken(configuration, bundle, engine)[0] == "stand-in"
    assert engine.loaded == b""
    assert built.stat().st_ino == before


def test_a_lab_of_another_name_gets_images_with_its_own_label(configuration: Configuration, bundle: Path) -> None:
    engine = Images(lab="another")
    taken(configuration, bundle, engine)
    assert {labels[LABEL] for labels in engine.by_name.values()} == {"labkit"}


def test_images_that_another_compiler_made_are_replaced_with_their_program(
    configuration: Configuration, bundle: Path
) -> None:
    engine = Images()
    taken(configuration, bundle, engine)
    built = go.find_built(go_programs.SAMPLE_APP, configuration.cache)
    assert built is not None
    (built / "sampleapp").write_bytes(b"of another compiler")
    engine.by_name["localhost/labkit/debian:lab"] = {SOURCE_LABEL: "stand-in", CONTENT_LABEL: "other"}
    taken(configuration, bundle, engine)
    assert engine.by_name["localhost/labkit/debian:lab"][CONTENT_LABEL] == CONTENT["debian"]
    assert (built / "sampleapp").read_bytes() == b"ELF"


def test_images_that_are_not_in_the_archive_are_refused_and_leave_no_names(
    configuration: Configuration, bundle: Path
) -> None:
    engine = Images(content={"debian": "d1"})
    with pytest.raises(BundleRefused, match="its images lack node"):
        taken(configuration, bundle, engine)
    assert "labkit.bundle" not in str(engine.by_name)


@pytest.mark.parametrize(
    "member",
    ["../evil", "/evil", "folder/evil", "..", "link", "hard"],
)
def test_a_part_of_programs_holds_programs_alone(configuration: Configuration, tmp_path: Path, member: str) -> None:
    inner = tarfile.TarInfo(member)
    if member in ("link", "hard"):
        inner.type, inner.linkname = (tarfile.SYMTYPE if member == "link" else tarfile.LNKTYPE), "/etc/passwd"
    files = [(tarfile.TarInfo("pause"), b"ELF"), (inner, b"evil")]
    write_small(tmp_path / "bad.tar", programs={part_name(go_programs.PAUSE): packed(files)})
    with pytest.raises(BundleRefused, match="which is not a program"):
        taken(configuration, tmp_path / "bad.tar")
    assert list((configuration.cache / "programs").iterdir()) == []
    assert not (tmp_path / "evil").exists()


def test_a_part_that_is_no_tar_is_refused(configuration: Configuration, tmp_path: Path) -> None:
    write_small(tmp_path / "bad.tar", programs={part_name(go_programs.PAUSE): os.urandom(2000)})
    with pytest.raises(BundleRefused, match="damaged"):
        taken(configuration, tmp_path / "bad.tar")
    assert list((configuration.cache / "programs").iterdir()) == []


def test_a_program_that_this_kit_does_not_have_is_not_unpacked(configuration: Configuration, tmp_path: Path) -> None:
    content = packed([(tarfile.TarInfo("sh"), b"ELF")])
    write_small(tmp_path / "more.tar", programs={"programs/evil-0000.tar.gz": content})
    taken(configuration, tmp_path / "more.tar")
    assert not (configuration.cache / "programs" / "evil-0000").exists()


def test_a_damaged_one_is_refused_before_anything_is_used(configuration: Configuration, bundle: Path) -> None:
    content = bundle.read_bytes()
    last = content.rindex(b"images.tar.gz\0") + 512
    bundle.write_bytes(content[:last] + bytes(20) + content[last + 20 :])
    with pytest.raises(BundleRefused, match=r"its part images.tar.gz is damaged"):
        taken(configuration, bundle)
    assert not configuration.cache.exists()


def test_a_full_disk_is_named_and_leaves_nothing(
    configuration: Configuration, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("shutil.copyfileobj", full)
    with pytest.raises(LabFailed, match="No space left on device"):
        taken(configuration, bundle)
    assert list((configuration.cache / "programs").iterdir()) == []


def test_ctrl_c_leaves_nothing_under_a_programs_name(
    configuration: Configuration, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("shutil.copyfileobj", interrupted)
    with pytest.raises(KeyboardInterrupt):
        taken(configuration, bundle)
    assert list((configuration.cache / "programs").iterdir()) == []


def test_it_may_lie_on_a_disk_that_cannot_be_written(
    configuration: Configuration, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with small_disk(tmp_path / "stick") as stick:
        copy = Path(shutil.copy(bundle, stick / "labkit-bundle.tar"))
        make_read_only(stick)
        assert taken(configuration, copy)[0] == "stand-in"
        monkeypatch.chdir(stick)
        assert taken(configuration, None)[0] == "stand-in", "found where we are"


# --- Debian's packages ---


@pytest.fixture
def lacking(configuration: Configuration, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A Debian called bookworm without an engine; what was installed there, and of which files."""
    installed: list[str] = []

    def ensure_engine(_: object, __: object, packages: Path | None) -> Engine:
        installed.extend(sorted(file.name for file in packages.iterdir()) if packages else ["fetched"])
        return cast(Engine, Images())

    monkeypatch.setattr("labkit.lab.bundles.take_bundle.lacks_engine", lambda: True)
    monkeypatch.setattr("labkit.lab.bundles.take_bundle.debian_release", lambda: "bookworm")
    monkeypatch.setattr("labkit.lab.up_plan.ensure_engine", ensure_engine)
    return installed


def _with_packages(path: Path, debian: str) -> None:
    with writing(path) as writer:
        (writer.folder / PACKAGES).mkdir()
        (writer.folder / PACKAGES / "docker.io_26.1.5+dfsg1-9_amd64.deb").write_bytes(b"deb")
        writer.add(f"{PACKAGES}docker.io_26.1.5+dfsg1-9_amd64.deb", title="docker.io", version="26", licence="")
        writer.finish(small_manifest(debian=debian, images=[]), path)


def _run_until_engine(configuration: Configuration, path: Path) -> str:
    """Run the steps of the packages and of the engine; what was printed."""
    printed = io.StringIO()
    with bundle_in_use(path, None, configuration, Steps(printed)) as in_use:
        plan = UpPlan(
            configuration,
            Catalogue(configuration.data),
            None,
            cast(Any, None),
            makes_node=True,
            bundle=cast(Any, in_use),
        )
        schedule = plan.schedule()
        for name in ("bundle-packages", "engine"):
            assert set(schedule[name].needs) <= {"bundle-packages"}
            schedule[name].run()
    return printed.getvalue()


@pytest.mark.parametrize(
    ("debian", "expected"),
    [("bookworm", ["docker.io_26.1.5+dfsg1-9_amd64.deb"]), ("trixie", ["fetched"]), ("", ["fetched"])],
)
def test_the_engine_s_packages_come_from_a_bundle_for_this_release(
    configuration: Configuration, tmp_path: Path, lacking: list[str], debian: str, expected: list[str]
) -> None:
    _with_packages(tmp_path / "b.tar", debian)
    printed = _run_until_engine(configuration, tmp_path / "b.tar")
    assert lacking == expected
    assert ("for Debian trixie" in printed) is (debian == "trixie")
    assert not (configuration.cache / "packages").exists(), "they are removed once they are installed"


def test_with_an_engine_no_package_is_unpacked(
    configuration: Configuration, tmp_path: Path, lacking: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("labkit.lab.bundles.take_bundle.lacks_engine", lambda: False)
    _with_packages(tmp_path / "b.tar", "bookworm")
    _run_until_engine(configuration, tmp_path / "b.tar")
    assert lacking == ["fetched"]


def test_a_full_disk_is_named_for_packages_too(
    configuration: Configuration, tmp_path: Path, lacking: list[str]
) -> None:
    _with_packages(tmp_path / "b.tar", "bookworm")
    with small_disk(tmp_path / "cache", "4k") as cache:
        (cache / "full").write_bytes(b"x")
        with pytest.raises(LabFailed, match="No space left on device"):
            _run_until_engine(configuration, tmp_path / "b.tar")


@pytest.mark.parametrize(
    ("variable", "value", "manifest", "reason"),
    [
        ("LABKIT_SOURCE", "upstream", {}, "its images are stand-in, and upstream was asked for"),
        ("LABKIT_REGISTRY", "r:5", {"source": "upstream"}, "came from no mirror, and this lab uses r:5"),
        ("LABKIT_REGISTRY", "", {"source": "upstream", "mirror": "r:5"}, "came from r:5, and this lab uses none"),
        ("LABKIT_SOURCE", "stand-in", {"architecture": "s390x"}, "it is for linux/s390x, and this machine is"),
    ],
)
def test_one_that_is_not_for_here_is_refused_if_it_was_named_and_passed_over_if_not(
    configuration: Configuration,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    value: str,
    manifest: dict[str, Any],
    reason: str,
) -> None:
    monkeypatch.setenv(variable, value)
    write_small(Path("labkit-bundle.tar"), small_manifest(**manifest))
    with pytest.raises(BundleRefused, match=reason) as error:
        taken(configuration, Path("labkit-bundle.tar"))
    assert "labkit bundle save" in error.value.remedy
    source, printed = taken(configuration, None)
    assert source is None
    assert reason in printed


def test_one_in_the_working_folder_is_found(configuration: Configuration) -> None:
    write_small(Path("labkit-bundle-any.tar"))
    assert taken(configuration, None)[0] == "stand-in"


def test_the_first_that_fits_is_used(configuration: Configuration) -> None:
    Path("labkit-bundle-a.tar").write_bytes(b"no bundle")
    write_small(Path("labkit-bundle-b.tar"), small_manifest(architecture="s390x"))
    write_small(Path("labkit-bundle-c.tar"))
    source, printed = taken(configuration, None)
    assert source == "stand-in"
    assert "labkit-bundle-a.tar is not used: it is not a bundle" in printed


def test_a_variable_names_one(configuration: Configuration, bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABKIT_BUNDLE", str(bundle))
    assert taken(configuration, None)[0] == "stand-in"
    monkeypatch.setenv("LABKIT_BUNDLE", "nowhere")
    with pytest.raises(BundleRefused, match="there is no such file"):
        taken(configuration, None)


def test_one_that_was_found_gives_way_to_the_labs_own_images(configuration: Configuration) -> None:
    write_small(Path("labkit-bundle.tar"))
    engine = Images()
    engine.by_name["localhost/labkit/debian:lab"] = {SOURCE_LABEL: "upstream", CONTENT_LABEL: "u1"}
    source, printed = taken(configuration, None, engine)
    assert source is None
    assert "is not used: its images are stand-in" in printed
    assert engine.loaded == b""


def test_one_that_was_found_and_is_damaged_is_passed_over(configuration: Configuration) -> None:
    write_small(Path("labkit-bundle.tar"))
    content = Path("labkit-bundle.tar").read_bytes()
    Path("labkit-bundle.tar").write_bytes(content[: content.rindex(b"images.tar.gz\0")])
    source, printed = taken(configuration, None)
    assert source is None
    assert printed.count("is not used: it") == 1
    assert not (configuration.cache / "programs").exists()


def test_one_that_others_may_have_put_there_has_to_be_named(
    configuration: Configuration, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = Path("labkit-bundle.tar")
    write_small(path)
    path.chmod(0o666)
    notes: list[str] = []
    assert path.resolve() not in find_bundles(notes.append)
    assert "others may have put it there" in notes[0]
    path.chmod(0o644)
    assert path.resolve() in find_bundles(notes.append)
    monkeypatch.setattr("os.geteuid", lambda: 12345)
    os.chown(path, 54321, -1) if os.getuid() == 0 else pytest.skip("only root gives files away")
    assert path.resolve() not in find_bundles(notes.append)


def test_without_one_nothing_happens(configuration: Configuration, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labkit.lab.bundles.take_bundle.find_bundles", lambda _: [])
    assert taken(configuration, None) == (None, "")
