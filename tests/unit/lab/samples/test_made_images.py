"""What lies in an image is looked at once for the same layers; metadata is told anew."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from labkit.adapters.engine import Engine, PathInImage
from labkit.archives import ImageTree
from labkit.archives.tree_entry import TreeEntry
from labkit.base.configuration import Configuration
from labkit.lab.samples.catalogue import Catalogue
from labkit.lab.samples.image_facts import FileFact
from labkit.lab.samples.made_images import MadeImages
from tests.unit.notebook.paper import Recorder

_PASSWD = PathInImage(0, 0, "644", "root:x:0:0::/:\n")


def _inspected(identifier: str, user: str, *layers: str) -> dict[str, Any]:
    return {"Id": identifier, "Config": {"User": user}, "RootFS": {"Layers": list(layers)}}


def test_images_of_the_same_layers_are_looked_into_once(tmp_path: Path) -> None:
    token = str(tmp_path)  # no other test has these layers
    images = {
        "a": _inspected("sha256:1", "1654", token),
        "b": _inspected("sha256:2", "0", token),
        "c": _inspected("sha256:3", "0", token, "another"),
        "empty": _inspected("sha256:4", ""),
    }
    engine = Recorder(
        image=images.get, look_inside=lambda _, paths: {path: _PASSWD if "passwd" in path else None for path in paths}
    )
    configuration = Configuration("paper", tmp_path, tmp_path, tmp_path)
    made = MadeImages(lambda: cast(Engine, engine), configuration, cast(Catalogue, {}))
    assert [made.facts(name).user for name in ("a", "b", "a")] == ["1654", "0", "1654"]
    assert made.facts("b").passwd == _PASSWD.text
    assert len(engine.called("look_inside")) == 1
    made.facts("c")
    assert len(engine.called("look_inside")) == 2
    # Nothing tells one image without layers from another.
    made.facts("empty"), made.facts("empty")
    assert len(engine.called("look_inside")) == 4


def test_files_that_were_seen_in_another_image_are_not_looked_at_again(tmp_path: Path) -> None:
    images = {name: _inspected(f"sha256:{name}", "1654", f"{tmp_path}-{name}") for name in ("a", "b", "c")}
    passwd = TreeEntry("/etc/passwd", "file", digest=str(tmp_path))
    engine = Recorder(
        image=images.get, look_inside=lambda _, paths: {path: _PASSWD if "passwd" in path else None for path in paths}
    )
    configuration = Configuration("paper", tmp_path, tmp_path, tmp_path)
    made = MadeImages(lambda: cast(Engine, engine), configuration, cast(Catalogue, {}))
    same, another = ImageTree([[passwd]]), ImageTree([[replace(passwd, digest="another")]])
    facts = [made.facts(name, cast(Any, images[name]), tree) for name, tree in (("a", same), ("b", same))]
    assert [each.passwd for each in facts] == [_PASSWD.text] * 2
    assert (facts[1].group, facts[1].shell) == (None, False)
    assert len(engine.called("look_inside")) == 1
    made.facts("c", cast(Any, images["c"]), another)
    assert len(engine.called("look_inside")) == 2


def test_the_tag_latest_is_no_other_name(tmp_path: Path) -> None:
    engine = Recorder(image=lambda _: None)
    configuration = Configuration("paper", tmp_path, tmp_path, tmp_path)
    made = MadeImages(lambda: cast(Engine, engine), configuration, cast(Catalogue, {"debian": None}))
    assert made.reference("debian:latest") == made.reference("debian") == configuration.image_reference("debian")


def test_a_files_owner_and_mode_are_shown_in_words() -> None:
    assert repr(FileFact(0, 1654, "1750")) == str(FileFact(0, 1654, "1750")) == "uid 0, gid 1654, mode 1750 (rwxr-x--T)"
