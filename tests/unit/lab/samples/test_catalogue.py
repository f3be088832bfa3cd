"""The catalogue, contracts, build contexts and sources."""

from __future__ import annotations

import json
import re
import tarfile
import time
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest

from labkit.base.configuration import Configuration
from labkit.base.errors import LabFailed, Misuse
from labkit.base.resources import CHECKOUT
from labkit.lab.lab import IMAGES_FOLDER
from labkit.lab.samples.build_contexts import archive, collect, content_hash
from labkit.lab.samples.catalogue import Catalogue, Recipe, bases_first, find, require_recipe
from labkit.lab.samples.contract import Contract, violations
from labkit.lab.samples.image_facts import FileFact, ImageFacts
from labkit.lab.samples.sources import Decision, Source, remembered

CATALOGUE = Catalogue(IMAGES_FOLDER)
WANTED = {"alpine", "debian", "ubuntu", "runtime-deps", "aspnetapp-root", "aspnetapp", "aspnetapp-chiseled"}


def test_the_images_of_the_course_are_there_bases_first() -> None:
    assert WANTED | {"named-user", "uid-out-of-range"} <= set(CATALOGUE)
    seen: set[str] = set()
    for recipe in bases_first(CATALOGUE):
        assert set(recipe.bases) <= seen
        seen.add(recipe.name)
    assert seen == set(CATALOGUE)


@pytest.mark.parametrize("recipe", CATALOGUE.values(), ids=lambda recipe: recipe.name)
def test_a_recipe_asks_for_its_bases_and_for_nothing_else(recipe: Recipe) -> None:
    if recipe.rootfs:
        assert not (recipe.folder / "Dockerfile").exists()
        return
    dockerfile = (recipe.folder / "Dockerfile").read_text(encoding="utf-8")
    arguments = {name.lower().replace("_", "-") for name in re.findall(r"^ARG (\w+)", dockerfile, re.MULTILINE)}
    assert arguments == set(recipe.bases)
    assert ("sampleapp" in dockerfile) == recipe.app


def _planted(folder: Path, name: str, text: str) -> None:
    (folder / name).mkdir()
    (folder / name / "image.toml").write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("summary = ", r"Invalid value .*at end of document"),
        ("summary = 'x'\n\n!", r"Invalid statement \(at line 3, column 1\)"),
        ("summary = 'x'\nrecorded = 2026-11-24", "missing required field `contract`"),
        ("summary = 'x'\n[contract]", "missing required field `recorded`"),
        ("summary = 1\nrecorded = 2026-11-24\n[contract]", "summary: Expected `str`, got `int`"),
        ("summary = 'x'\nrecorded = 'yesterday'\n[contract]", "recorded: Expected `date`, got `str`"),
        # A TOML date with a time is a date to Python too, and would be shown as one.
        ("summary = 'x'\nrecorded = 2026-11-24T10:00:00\n[contract]", "recorded: Expected `date`, got `datetime`"),
        ("summary = 'x'\nrecorded = 2026-11-24\napp = 'yes'\n[contract]", "app: Expected `bool`, got `str`"),
        ("summary = 'x'\nrecorded = 2026-11-24\ncolour = 'red'\n[contract]", "colour: there is no such key"),
        ("summary = 'x'\nrecorded = 2026-11-24\n[contract]\nluck = 1", r"contract\.luck: there is no such key"),
        ("summary = 'x'\nrecorded = 2026-11-24\n[contract]\nusers = 'x'", r"contract\.users: Expected `array`"),
        ("summary = 'x'\nrecorded = 2026-11-24\n[contract]\nusers = ['', 0]", r"contract\.users\[1\]: Expected `str`"),
        ("summary = 'x'\nrecorded = 2026-11-24\n[contract]\nfiles = ['/x']", r"contract\.files: Expected `object`"),
        ("summary = 'x'\nrecorded = 2026-11-24\n[contract.files.x]\nuid = 0", r"contract\.files\[.*missing .*`gid`"),
        (
            "summary = 'x'\nrecorded = 2026-11-24\n[contract.files.x]\nuid = 0\ngid = 0\nmode = '7'\nowner = 'x'",
            r"contract\.files\.x\.owner: there is no such key",
        ),
        ("summary = 'x'\nrecorded = 2026-11-24\n[contract]\ncause = 'timeout'", "contract: timeout is not a refusal"),
        ("summary = 'x'\nrecorded = 2026-11-24\nbases = ['none']\n[contract]", "bases: none is not in the catalogue"),
        ("summary = 'x'\nrecorded = 2026-11-24\nbases = ['planted']\n[contract]", "bases: planted builds on itself"),
    ],
)
def test_a_broken_recipe_names_its_file_and_what_is_wrong_in_it(tmp_path: Path, text: str, why: str) -> None:
    _planted(tmp_path, "planted", text)
    with pytest.raises(LabFailed, match=why) as caught:
        bases_first(Catalogue(tmp_path))
    assert "planted/image.toml" in caught.value.tried
    assert f"git -C {CHECKOUT} checkout -- {tmp_path}/planted/image.toml" in caught.value.remedy


def test_a_recipe_that_is_no_text_or_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "planted").mkdir()
    (tmp_path / "planted" / "image.toml").write_bytes(b"summary = '\xff'")
    with pytest.raises(LabFailed, match=r"planted/image\.toml: .*can't decode"):
        Catalogue(tmp_path)["planted"]


def test_a_broken_recipe_stops_nothing_but_what_needs_it(tmp_path: Path) -> None:
    _planted(tmp_path, "broken", "summary = ")
    _planted(tmp_path, "whole", "summary = 'x'\nrecorded = 2026-11-24\n[contract]")
    catalogue = Catalogue(tmp_path)
    assert list(catalogue) == ["broken", "whole"]
    assert require_recipe(catalogue, "broken") == "broken"
    assert find(catalogue, "whole").summary == "x"
    with pytest.raises(Misuse, match="did you mean whole"):
        find(catalogue, "whol")
    with pytest.raises(LabFailed, match=r"broken/image\.toml"):
        find(catalogue, "broken")
    with pytest.raises(LabFailed, match=r"broken/image\.toml"):
        bases_first(catalogue)


def test_an_unknown_image_has_near_ones() -> None:
    with pytest.raises(Misuse, match="did you mean alpine"):
        find(CATALOGUE, "alpin")
    with pytest.raises(Misuse, match="labkit images"):
        find(CATALOGUE, "xyzzy")
    with pytest.raises(Misuse, match="the lab's own is debian, without registry and tag"):
        find(CATALOGUE, "docker.io/library/debian:12")


_FACTS = ImageFacts(
    "image", "1654", {"APP_UID": "1654"}, (), (), ("8080/tcp",), "", "root:x:0:0::/:\napp:x:1654:1654::/:", "", False, 1
)


@pytest.mark.parametrize(
    "contract",
    [
        Contract(users=("", "0")),
        Contract(shell=True),
        Contract(env={"APP_UID": "1"}),
        Contract(env={"NONE": ""}),
        Contract(ports=("80/tcp",)),
        Contract(passwd_first="x"),
        Contract(passwd_first_matches="x"),
        Contract(passwd_last="x"),
        Contract(passwd_has=("x",)),
        Contract(passwd_has_name=("x",)),
        Contract(passwd_lines=1),
        Contract(files={"/app": FileFact(0, 0, "755")}),
    ],
)
def test_a_broken_promise_is_told_with_both_sides(contract: Contract) -> None:
    told = violations(contract, _FACTS)
    assert len(told) == 1
    assert "was promised" in told[0]
    assert "is there" in told[0]
    assert violations(Contract(), replace(_FACTS, passwd=None)) == []


def test_a_context_is_the_same_bytes_each_time_and_its_hash_sees_every_change(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch", encoding="utf-8")
    (tmp_path / "run").write_text("x", encoding="utf-8")
    (tmp_path / "image.toml").write_text("", encoding="utf-8")
    files = collect(tmp_path)
    assert list(files) == ["Dockerfile", "run"]
    first, hashed = archive(files), content_hash(files)
    (tmp_path / "run").touch()
    assert (archive(files), content_hash(files)) == (first, hashed)
    hashes = {hashed, content_hash(files, "base")}
    (tmp_path / "run").chmod(0o755)
    hashes.add(content_hash(files))
    (tmp_path / "run").write_text("y", encoding="utf-8")
    hashes |= {content_hash(files), content_hash({"Dockerfile": files["Dockerfile"], "other": files["run"]})}
    assert len(hashes) == 5
    with tarfile.open(fileobj=BytesIO(archive(files))) as opened:
        members = {member.name: member for member in opened}
    assert (members["run"].mode, members["run"].uid, members["run"].mtime) == (0o755, 0, 0)


def _configuration(folder: Path) -> Configuration:
    return Configuration("lab", folder, folder, folder)


def test_a_decision_is_remembered_for_half_a_day(tmp_path: Path) -> None:
    for decided, known in ((time.time(), True), (time.time() - 13 * 3600, False), (time.time() + 3600, False)):
        text = json.dumps({"source": "upstream", "mirror": "", "why": "x", "decided": decided})
        (tmp_path / "source.json").write_text(text, encoding="utf-8")
        assert (remembered(_configuration(tmp_path)) is not None) == known


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"source": "moon"}', '{"source": 1, "mirror": 2}'])
def test_a_decision_that_makes_no_sense_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "source.json").write_text(text, encoding="utf-8")
    assert remembered(_configuration(tmp_path)) is None


def test_a_mirror_stands_in_for_every_registry() -> None:
    decision = Decision(Source.UPSTREAM, "mirror:5000/", "", 0)
    assert decision.reference("docker.io/library/alpine:3") == "mirror:5000/library/alpine:3"
    assert replace(decision, mirror="").reference("docker.io/library/alpine:3") == "docker.io/library/alpine:3"
