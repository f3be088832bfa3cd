"""What the images' table, their verification and their lock say, on an engine of paper."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import pytest
from click.testing import CliRunner

from labkit.adapters.engine import Engine, PathInImage
from labkit.base.configuration import Configuration
from labkit.cli import main
from labkit.lab import survey as surveys
from labkit.lab.lab import IMAGES_FOLDER, Lab
from labkit.lab.lab_tables import contracts_table, images_table
from labkit.lab.samples.catalogue import Catalogue, Recipe, bases_first
from labkit.lab.samples.contract import refusal_of
from labkit.lab.survey import lock, survey, verify
from labkit.show.steps import Silent

CATALOGUE = Catalogue(IMAGES_FOLDER)
DIGEST = "sha256:" + "a" * 64
PASSWD = "root:x:0:0:root:/root:/bin/sh\ntoor:x:0:0:another root:/root:/bin/sh\napp:x:1654:1654::/home/app:/bin/sh\n"
NAMES = (
    *("alpine", "appliance", "aspnetapp", "aspnetapp-chiseled", "aspnetapp-root", "debian", "gid-zero", "ledger"),
    *("named-root", "named-user", "rce-app", "runtime", "runtime-chiseled", "runtime-deps", "setuid", "stepdown"),
    *("toor", "ubuntu"),
    "uid-out-of-range",
)


class EngineWithImages:
    """Has the images that it is told of, all with the same account files, and counts how often one looks inside."""

    def __init__(self) -> None:
        self.images: dict[str, dict[str, Any]] = {}
        self.looks = 0

    def add(self, name: str, user: str, source: str = "stand-in", upstream: str = "") -> None:
        labels = {"labkit.source": source, **({"labkit.upstream": upstream} if upstream else {})}
        number = f"sha256:{len(self.images):064x}"
        self.images[f"localhost/paper/{name}:lab"] = {
            "Id": number, "Size": 5_000_000, "Config": {"User": user, "Labels": labels}
        }  # fmt: skip

    def image(self, reference: str) -> dict[str, Any] | None:
        return self.images.get(reference)

    def look_inside(self, _: str, paths: Sequence[str]) -> dict[str, PathInImage | None]:
        self.looks += 1
        texts = {"/etc/passwd": PASSWD, "/etc/group": "root:x:0:\n", "/bin/sh": None}
        return {path: PathInImage(0, 0, "755", texts[path]) if path in texts else None for path in paths}


class LabWithImages(Lab):
    """A lab whose engine is of paper."""

    def __init__(self, folder: Path) -> None:
        super().__init__(Configuration("paper", folder / "state", folder / "cache", folder / "data"), Silent())
        self.paper = EngineWithImages()

    def engine(self) -> Engine:
        return cast(Engine, self.paper)


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LabWithImages:
    """A lab that the command uses too, and whose lock file is its own."""
    lab = LabWithImages(tmp_path)
    monkeypatch.setattr("labkit.cli.open_lab.Lab", lambda: lab)
    monkeypatch.setattr(surveys, "LOCK_FILE", tmp_path / "images.lock")
    return lab


def of(rows: Sequence[Mapping[str, Any]], name: str) -> Mapping[str, Any]:
    return next(row for row in rows if row["name"] == name)


# --- the catalogue's own contracts ---


def test_the_catalogue_is_whole() -> None:
    assert tuple(sorted(CATALOGUE)) == NAMES


@pytest.mark.parametrize("recipe", CATALOGUE.values(), ids=lambda recipe: recipe.name)
def test_a_contract_names_the_refusal_that_its_users_meet(recipe: Recipe) -> None:
    assert recipe.contract.users
    assert {refusal_of(user) for user in recipe.contract.users} == {recipe.contract.cause}


@pytest.mark.parametrize("recipe", CATALOGUE.values(), ids=lambda recipe: recipe.name)
def test_only_what_stands_in_for_something_can_differ_from_it(recipe: Recipe) -> None:
    assert not recipe.note or recipe.upstream


def test_the_vulnerable_app_says_so_and_offers_no_port() -> None:
    assert "vulnerable on purpose" in CATALOGUE["rce-app"].summary
    assert "EXPOSE" not in (CATALOGUE["rce-app"].folder / "Dockerfile").read_text(encoding="utf-8").split()
    assert CATALOGUE["rce-app"].contract.env["LABKIT_VULNERABLE_ON_PURPOSE"] == "yes"


# --- the table ---


@pytest.mark.parametrize(
    ("name", "user", "uid", "cause"),
    [
        ("debian", "", 0, "image-runs-as-root"),
        ("toor", "toor", 0, "image-user-not-numeric"),
        ("named-user", "app", 1654, "image-user-not-numeric"),
        ("aspnetapp", "1654", 1654, None),
        ("gid-zero", "1001:0", 1001, None),
        ("uid-out-of-range", "2147483648", None, "image-user-out-of-range"),
    ],
)
def test_the_table_has_the_uid_and_the_cause(
    lab: LabWithImages, name: str, user: str, uid: int | None, cause: str | None
) -> None:
    lab.paper.add(name, user)
    row = of(survey(lab), name)
    assert (row["user"], row["uid"], row["non_root"], row["cause"]) == (user, uid, cause is None, cause)
    assert (row["source"], row["size"], row["shell"]) == ("stand-in", 5_000_000, True)


def test_an_image_that_is_not_made_has_a_row_of_the_same_fields(lab: LabWithImages) -> None:
    lab.paper.add("debian", "")
    rows = survey(lab)
    assert [row["name"] for row in rows] == [recipe.name for recipe in bases_first(lab.catalogue)]
    absent = of(rows, "alpine")
    assert set(absent) == set(of(rows, "debian"))
    assert {absent[key] for key in ("source", "user", "uid", "non_root", "cause", "size", "shell")} == {None}
    assert "not made yet" in str(images_table([absent]))


def test_what_only_a_container_shows_is_looked_at_once(lab: LabWithImages) -> None:
    lab.paper.add("debian", "")
    first = survey(lab)
    assert (survey(lab), lab.paper.looks) == (first, 1)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"files": []}', '{"files": {}, "texts": {}}'])
def test_a_damaged_memory_of_an_image_is_looked_at_anew(lab: LabWithImages, text: str) -> None:
    lab.paper.add("debian", "")
    first = survey(lab)
    (file,) = (lab.configuration.cache / "facts").iterdir()
    file.write_text(text, encoding="utf-8")
    assert (survey(lab), lab.paper.looks) == (first, 2)


def test_notes_about_stand_ins_come_when_asked_for(lab: LabWithImages) -> None:
    lab.paper.add("ubuntu", "")
    lab.paper.add("alpine", "", source="upstream")
    rows = survey(lab)
    short, long = str(images_table(rows)), str(images_table(rows, notes=True))
    assert "1 stand-in not quite like upstream: labkit images --verbose" in short
    assert of(rows, "ubuntu")["note"] not in short
    assert of(rows, "ubuntu")["note"] in long
    assert of(rows, "alpine")["note"] not in long


# --- verify ---


def test_every_image_that_is_here_is_compared_and_the_others_are_named(lab: LabWithImages) -> None:
    lab.paper.add("debian", "1654")
    lab.paper.add("named-root", "root", source="upstream")
    rows = verify(lab)
    assert [row["name"] for row in rows] == [recipe.name for recipe in bases_first(lab.catalogue)]
    assert [row["name"] for row in rows if row["present"]] == ["debian", "named-root"]
    told = "\n".join(of(rows, "debian")["broken"])
    assert "Config.User: \"''\" was promised, '1654' is there" in told
    assert "the kubelet's refusal: 'image-runs-as-root' was promised, 'none' is there" in told
    assert dict(of(rows, "named-root")) | {"broken": []} == of(rows, "named-root")
    assert {row["recorded"] for row in rows} == {recipe.recorded.isoformat() for recipe in CATALOGUE.values()}
    shown = str(contracts_table(rows))
    assert shown.count("not made yet") == len(lab.catalogue) - 2
    assert "keeps its contract" in shown


@pytest.mark.parametrize(("user", "status"), [("root", 0), ("1654", 1)])
def test_the_exit_status_says_whether_one_differs(lab: LabWithImages, user: str, status: int) -> None:
    lab.paper.add("named-root", user)
    assert CliRunner().invoke(main, ["images", "verify"]).exit_code == status
    answer = CliRunner().invoke(main, ["images", "verify", "--json"])
    assert (answer.exit_code, len(json.loads(answer.output))) == (status, len(lab.catalogue))


# --- lock ---


def test_only_what_came_from_upstream_is_locked(lab: LabWithImages, tmp_path: Path) -> None:
    lab.paper.add("alpine", "", source="upstream", upstream=f"mirror:5000/library/alpine@{DIGEST}")
    lab.paper.add("ubuntu", "", upstream=f"mirror:5000/library/ubuntu@{DIGEST}")
    lab.paper.add("toor", "toor", source="upstream")
    lab.paper.add("debian", "", source="upstream", upstream="docker.io/library/debian:13-slim")
    wanted = {CATALOGUE["alpine"].upstream: DIGEST}
    assert lock(lab) == wanted
    assert json.loads((tmp_path / "images.lock").read_text(encoding="utf-8")) == wanted
    answer = CliRunner().invoke(main, ["images", "lock"]).output
    assert f"{CATALOGUE['alpine'].upstream}@{DIGEST}" in answer
    assert f"nothing to lock for a stand-in, or for what is not made yet: {CATALOGUE['debian'].upstream}" in answer
    assert json.loads(CliRunner().invoke(main, ["images", "lock", "--json"]).output) == wanted


def test_stand_ins_have_nothing_to_lock(lab: LabWithImages, tmp_path: Path) -> None:
    lab.paper.add("alpine", "")
    answer = CliRunner().invoke(main, ["images", "lock"])
    assert (answer.exit_code, "there is nothing to lock" in answer.output) == (0, True)
    assert not (tmp_path / "images.lock").exists()


def test_a_lock_file_that_makes_no_sense_is_never_written_over(lab: LabWithImages, tmp_path: Path) -> None:
    lab.paper.add("alpine", "", source="upstream", upstream=f"docker.io/library/alpine@{DIGEST}")
    (tmp_path / "images.lock").write_text("{", encoding="utf-8")
    answer = CliRunner().invoke(main, ["images", "lock"])
    assert answer.exit_code == 1
    assert "restore it, or remove it and lock again" in answer.output
    assert (tmp_path / "images.lock").read_text(encoding="utf-8") == "{"
