"""Image archives are read whole, to the letter of the layers, and can do nothing to the machine."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import tarfile
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from labkit.archives import archive_files
from labkit.archives.archive import ArchiveUnreadable, ImageContent, read_archive
from labkit.base.errors import Misuse

PASSWD = "root:x:0:0:root:/root:/bin/sh\napp:x:1654:1654::/home/app:/bin/sh\n"
GROUP = "root:x:0:\napp:x:1654:\n"
ENV = ["PATH=/usr/bin", "APP_UID=1654"]
ETC = {"etc": None, "etc/passwd": PASSWD, "etc/group": GROUP}

# What stands at a name in a layer: a text, None for a folder, `("link", target)`, `("hard", target)` or a tar type.
Entry = str | bytes | None | tuple[str, str]
Pairs = list[tuple[str, Entry]]
Files = dict[str, bytes]


def tar(entries: Pairs | Mapping[str, Entry]) -> bytes:
    """A tar with its entries in this order."""
    buffer = io.BytesIO()
    types = {"link": tarfile.SYMTYPE, "hard": tarfile.LNKTYPE, "device": tarfile.CHRTYPE, "pipe": tarfile.FIFOTYPE}
    with tarfile.open(fileobj=buffer, mode="w", encoding="utf-8", errors="surrogateescape") as out:
        for name, entry in entries.items() if isinstance(entries, Mapping) else entries:
            member = tarfile.TarInfo(name)
            data = entry.encode() if isinstance(entry, str) else entry if isinstance(entry, bytes) else b""
            if entry is None:
                member.type = tarfile.DIRTYPE
            elif isinstance(entry, tuple):
                member.type, member.linkname = types[entry[0]], entry[1]
            member.size = len(data)
            out.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def config(user: str = "app", architecture: str = "amd64") -> bytes:
    return json.dumps({"architecture": architecture, "config": {"User": user, "Env": ENV}}).encode()


def saved(*layers: bytes, tags: list[str] | None = None) -> Files:
    """The files of what `docker save` writes."""
    files = {f"{number}/layer.tar": layer for number, layer in enumerate(layers)}
    entry = {"Config": "config.json", "RepoTags": tags or ["app:1"], "Layers": list(files)}
    return {**files, "config.json": config(), "manifest.json": json.dumps([entry]).encode()}


def digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


class Layout:
    """An OCI image layout in the making."""

    def __init__(self) -> None:
        self.files: Files = {"oci-layout": b'{"imageLayoutVersion": "1.0.0"}'}

    def blob(self, data: bytes, **more: Any) -> dict[str, Any]:
        """Add a blob.

        Returns:
            Its descriptor.
        """
        self.files["blobs/" + digest(data).replace(":", "/")] = data
        return {"digest": digest(data), "size": len(data), **more}

    def image(self, *layers: bytes, about: bytes = b"", on: str = "", name: str = "") -> dict[str, Any]:
        """Add an image.

        Returns:
            The descriptor of its manifest, for a platform such as linux/amd64 and by a name.
        """
        parts = {"config": self.blob(about or config()), "layers": [self.blob(layer) for layer in layers]}
        system, _, machine = on.partition("/")
        more = {"platform": {"os": system, "architecture": machine}} if on else {}
        return self.blob(json.dumps(parts).encode(), **more, **named(name))

    def index(self, *entries: dict[str, Any], name: str = "") -> dict[str, Any]:
        """Add an index that is nested."""
        return self.blob(json.dumps({"manifests": entries}).encode(), **named(name))

    def finish(self, *entries: dict[str, Any]) -> Files:
        return {**self.files, "index.json": json.dumps({"manifests": entries}).encode()}


def named(name: str) -> dict[str, Any]:
    return {"annotations": {"org.opencontainers.image.ref.name": name}} if name else {}


def write(folder: Path, files: Files) -> Path:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def put(folder: Path, data: bytes) -> Path:
    file = folder / "image.tar"
    file.write_bytes(data)
    return file


def read(folder: Path, *layers: bytes) -> ImageContent:
    """The one image that these layers make."""
    (image,) = read_archive(put(folder, tar(saved(*layers))))
    return image


@contextmanager
def refused(*parts: str) -> Iterator[None]:
    """The archive is refused by a sentence that says this."""
    with pytest.raises(ArchiveUnreadable) as caught:
        yield
    told = str(caught.value)
    assert isinstance(caught.value, Misuse)
    assert told.startswith("reading the image archive ")
    assert "What to do: " in told
    assert told.replace("\n", "").isprintable()
    for part in parts:
        assert part in told


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("layer", [bytes, gzip.compress])
def test_what_docker_saves_is_read(
    tmp_path: Path, pack: Callable[[bytes], bytes], layer: Callable[[bytes], bytes]
) -> None:
    file = put(tmp_path, pack(tar(saved(layer(tar(ETC)), layer(tar({"srv/app": "x"}))))))
    image = ImageContent("app:1", "app", tuple(ENV), "amd64", PASSWD, GROUP)
    assert read_archive(file) == [image]
    assert read_archive(str(file)) == [image]


def test_all_images_are_read_in_their_order(tmp_path: Path) -> None:
    first, second = saved(tar(ETC), tags=["b:1", "b:2"]), saved(tar({}))
    entries = json.loads(first["manifest.json"]) + json.loads(second["manifest.json"])
    entries[1] |= {"RepoTags": None, "Layers": []}
    images = read_archive(put(tmp_path, tar({**first, "manifest.json": json.dumps(entries).encode()})))
    assert [(image.reference, image.passwd) for image in images] == [("b:1", PASSWD), ("image.tar", None)]


def test_a_layer_that_docker_saved_as_a_link_is_found_within_the_tar(tmp_path: Path) -> None:
    files: dict[str, Entry] = {**saved(tar(ETC), b"")}
    files["1/layer.tar"] = ("link", "../2/layer.tar")
    files["2/layer.tar"] = ("link", "../3/layer.tar")
    files["3/layer.tar"] = tar({"etc/passwd": "of the third"})
    (image,) = read_archive(put(tmp_path, tar(files)))
    assert (image.passwd, image.group) == ("of the third", GROUP)
    for target in ("/etc/hostname", "../../../../../../../etc/hostname", "layer.tar"):
        files["2/layer.tar"] = ("link", target)
        with refused("layer '1/layer.tar' is missing"):
            read_archive(put(tmp_path, tar(files)))


def test_a_layout_is_read_from_a_folder_and_from_a_tar(tmp_path: Path) -> None:
    layout = Layout()
    files = layout.finish(layout.image(gzip.compress(tar(ETC)), name="app:2"), layout.image(tar({})))
    folder = write(tmp_path / "layout", files)
    images = read_archive(folder)
    assert images[0] == ImageContent("app:2", "app", tuple(ENV), "amd64", PASSWD, GROUP)
    assert (images[1].reference, images[1].passwd) == ("layout", None)
    packed = read_archive(put(tmp_path, tar({f"./{name}": data for name, data in files.items()})))
    assert packed[0] == images[0]
    assert packed[1].reference == "image.tar"


def test_the_whole_name_goes_before_the_tag_alone(tmp_path: Path) -> None:
    layout = Layout()
    entry = layout.image(tar(ETC), name="lab")
    entry["annotations"]["io.containerd.image.name"] = "localhost/app:lab"
    assert read_archive(write(tmp_path, layout.finish(entry)))[0].reference == "localhost/app:lab"


def two_platforms(nested: bool) -> Files:
    layout = Layout()
    entries = [
        layout.image(tar({}), about=config("windows"), on="windows/amd64"),
        layout.image(tar({"etc/passwd": "arm"}), about=config("arm", "arm64"), on="linux/arm64"),
        layout.image(tar({}), about=config("proof", ""), on="unknown/unknown"),
        layout.image(tar({"etc/passwd": "amd"}), about=config("amd"), on="linux/amd64"),
    ]
    # An engine that pulled one platform keeps an index that names all.
    absent = {"digest": "sha256:" + 64 * "0", "platform": {"os": "linux", "architecture": "s390x"}}
    if nested:
        return layout.finish(layout.index(absent, *entries, name="app:3"))
    return layout.finish(*[{**entry, **named("app:3")} for entry in [absent, *entries]])


@pytest.mark.parametrize("nested", [True, False])
def test_of_several_platforms_the_wanted_one_is_read(
    tmp_path: Path, nested: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write(tmp_path, two_platforms(nested))

    def told(architecture: str | None) -> tuple[str, str, str, str | None]:
        (image,) = read_archive(folder, architecture=architecture)
        return image.reference, image.user, image.architecture, image.passwd

    amd, arm = ("app:3", "amd", "amd64", "amd"), ("app:3", "arm", "arm64", "arm")
    assert [told("amd64"), told("x86_64"), told("arm64"), told("aarch64")] == [amd, amd, arm, arm]
    assert told("s390x") == arm
    monkeypatch.setattr("platform.machine", lambda: "AMD64")
    assert told(None) == amd
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    assert told(None) == arm


def test_an_attestation_is_no_image(tmp_path: Path) -> None:
    layout = Layout()
    proof, image = layout.image(on="unknown/unknown"), layout.image(tar(ETC), name="app:1")
    files = layout.finish(proof, image)
    assert [image.reference for image in read_archive(write(tmp_path, files))] == ["app:1"]
    assert read_archive(write(tmp_path, layout.finish(proof))) == []
    absent = {"digest": "sha256:" + 64 * "0", "platform": {"os": "linux", "architecture": "amd64"}}
    with refused("none of the manifests"):
        read_archive(write(tmp_path, layout.finish(layout.index(absent, proof))))


def test_an_index_without_platforms_is_told_apart_by_the_configs(tmp_path: Path) -> None:
    layout = Layout()
    arm, amd = (layout.image(about=config(about, about)) for about in ("arm64", "amd64"))
    folder = write(tmp_path, layout.finish(layout.index(arm, amd)))
    assert [read_archive(folder, architecture=architecture)[0].user for architecture in ("amd64", "arm64", "arm")] == [
        "amd64",
        "arm64",
        "arm64",
    ]


def test_an_archive_of_both_forms_is_read_once_and_for_the_wanted_platform(tmp_path: Path) -> None:
    files = {**two_platforms(nested=True), **saved(tar(ETC))}
    file = put(tmp_path, tar(files))
    assert [image.reference for image in read_archive(file, architecture="amd64")] == ["app:1"]
    assert [image.user for image in read_archive(file, architecture="arm64")] == ["arm"]
    assert [image.user for image in read_archive(file, architecture="s390x")] == ["app"]
    damaged = put(tmp_path, tar({**files, "index.json": b"damaged"}))
    assert [image.user for image in read_archive(damaged, architecture="arm64")] == ["app"]


def test_an_image_says_what_it_runs_on(tmp_path: Path) -> None:
    about = b'{"os": "windows", "architecture": "amd64", "config": {"User": "ContainerUser"}}'
    (image,) = read_archive(put(tmp_path, tar({**saved(tar({"Files/a": "x"})), "config.json": about})))
    assert (image.system, image.user, image.passwd) == ("windows", "ContainerUser", None)


def test_an_empty_config_is_no_flaw(tmp_path: Path) -> None:
    for about in (b"{}", b'{"config": null, "architecture": null}', b'{"config": {"Env": null, "User": null}}'):
        (image,) = read_archive(put(tmp_path, tar({**saved(tar({})), "config.json": about})))
        assert image == ImageContent("app:1", "", (), "", None, None)


@pytest.mark.parametrize(
    ("layers", "passwd", "group"),
    [
        ([{}], None, None),
        ([ETC, {"etc/passwd": "new"}], "new", GROUP),
        ([ETC, {"etc/passwd/.keep": "", "etcetera/passwd": "x", "usr/etc/passwd": "x"}], PASSWD, GROUP),
        # Names as other tools write them.
        ([{"./": None, "./etc/": None, "./etc/passwd": "1", "/etc/group": "2"}], "1", "2"),
        ([{"etc//passwd": "1", "usr/../etc/./group": "2"}], "1", "2"),
        ([ETC, {"../etc/passwd": "x", "/../etc/passwd": "x", "a/../../etc/group": "x", "..": "x"}], PASSWD, GROUP),
        # Whiteouts.
        ([ETC, {"etc/.wh.passwd": ""}], None, GROUP),
        ([ETC, {"./etc/.wh.passwd": ""}], None, GROUP),
        ([ETC, {".wh.etc": ""}], None, None),
        ([ETC, {".wh.et": "", "etc/.wh.pass": "", "etc/.wh.": "", ".wh.": "", "etc/.wh...": ""}], PASSWD, GROUP),
        ([ETC, {".wh..wh.plnk": None, ".wh..wh.aufs": ""}], PASSWD, GROUP),
        ([ETC, {"etc/.wh..wh..opq": ""}], None, None),
        ([ETC, {".wh..wh..opq": ""}], None, None),
        ([ETC, {"usr/.wh..wh..opq": "", "usr/etc/.wh.passwd": ""}], PASSWD, GROUP),
        ([ETC, {"etc/.wh.passwd": ""}, {"etc/passwd": "again"}], "again", GROUP),
        # What hides, hides what lower layers have, wherever it stands in its own.
        ([ETC, {"etc/passwd": "new", "etc/.wh..wh..opq": ""}], "new", None),
        ([ETC, {"etc/.wh..wh..opq": "", "etc/passwd": "new"}], "new", None),
        ([ETC, {"etc/passwd": "new", ".wh.etc": ""}], "new", None),
        ([ETC, {"etc/passwd": "new", "etc/.wh.passwd": ""}], "new", GROUP),
        ([ETC, {"etc/passwd": "new", ".wh..wh..opq": ""}], "new", None),
        # Other things at these names.
        ([ETC, {"etc": None}], PASSWD, GROUP),
        ([{"etc/passwd": "x"}, {"etc": None}], "x", None),
        ([ETC, {"etc": "a file"}], None, None),
        ([ETC, {"etc": "a file"}, {"etc": None, "etc/group": "new"}], None, "new"),
        ([ETC, {"etc/passwd": None}], None, GROUP),
        ([ETC, {"etc/passwd": ("device", "")}], None, GROUP),
        ([ETC, {"etc": ("pipe", "")}], None, None),
        ([ETC, {"dev/null": ("device", ""), "run/pipe": ("pipe", ""), "x": ("link", "/../../..")}], PASSWD, GROUP),
        # Links.
        ([ETC, {"etc/passwd": ("link", "group")}], GROUP, GROUP),
        ([ETC, {"etc/passwd": ("link", "/etc/group")}], GROUP, GROUP),
        ([{"usr/lib/passwd": "far"}, {"etc/passwd": ("link", "../usr/lib/passwd")}], "far", None),
        ([{"etc/passwd": ("link", "../usr/lib/passwd")}, {"usr/lib/passwd": "later"}], "later", None),
        ([{"usr/lib/passwd": "far", "etc/passwd": ("link", "../../../usr/lib/passwd")}], "far", None),
        ([{"lib": ("link", "usr/lib"), "usr/lib/p": "far", "etc/passwd": ("link", "/lib/p")}], "far", None),
        ([{"etc": ("link", "usr/etc"), "usr/etc/passwd": "1", "usr/etc/group": "2"}], "1", "2"),
        ([{"etc": ("link", "usr/etc"), "usr/etc": None}, {"etc/passwd": "through"}], "through", None),
        ([{"etc": ("link", "usr/etc"), "usr/etc/passwd": "1"}, {"etc/.wh.passwd": ""}], None, None),
        ([{"etc": ("link", "usr/etc"), "usr/etc/passwd": "1"}, {"etc": None}], None, None),
        ([{"etc": ("link", "/"), "passwd": "root's"}, {"etc/group": "too"}], "root's", "too"),
        ([{"usr/p": "far", "etc/passwd": ("link", "/usr/p")}, {"usr/.wh.p": ""}], None, None),
        ([{"etc/passwd": ("link", "passwd"), "etc/group": ("link", "/proc/1/environ")}], None, None),
        ([{"etc/passwd": ("link", "../" * 40 + "etc/hostname"), "etc/group": ("link", "")}], None, None),
        ([{"etc/passwd": ("link", "a/" * 3000)}], None, None),
        ([{"etc/p": "1", "etc/passwd": ("hard", "etc/p")}, {"etc/.wh.p": ""}], "1", None),
        ([{"etc/p": "1", "etc/passwd": ("hard", "./etc/p"), "etc/group": ("hard", "../etc/p")}], "1", None),
        ([ETC, {"etc/passwd": ("hard", "etc/group")}], GROUP, GROUP),
        ([{"etc/passwd": ("hard", "etc/passwd"), "etc/group": ("hard", "nowhere")}], None, None),
    ],
)
def test_layers_make_the_account_files(
    tmp_path: Path, layers: list[dict[str, Entry]], passwd: str | None, group: str | None
) -> None:
    image = read(tmp_path, *[tar(layer) for layer in layers])
    assert (image.passwd, image.group) == (passwd, group)


@pytest.mark.parametrize(("links", "passwd"), [(8, "end"), (9, None), (40, None)])
def test_links_are_followed_so_far(tmp_path: Path, links: int, passwd: str | None) -> None:
    chain: dict[str, Entry] = {f"etc/{number}": ("link", str(number + 1)) for number in range(1, links)}
    chain |= {"etc/passwd": ("link", "1"), f"etc/{links}": "end"}
    assert read(tmp_path, tar(chain)).passwd == passwd


def test_a_later_entry_of_one_layer_wins(tmp_path: Path) -> None:
    entries: Pairs = [("etc/passwd", "1"), ("etc/passwd", "2"), ("etc/group", "3"), ("etc", ("link", "x"))]
    assert read(tmp_path, tar(entries[:3])).passwd == "2"
    assert read(tmp_path, tar(entries)).group is None


def test_bytes_that_are_no_text_are_kept(tmp_path: Path) -> None:
    passwd = read(tmp_path, tar({"etc/passwd": b"caf\xe9:x:1:1::/:\0\n"})).passwd
    assert passwd is not None
    assert passwd.encode("utf-8", "surrogateescape") == b"caf\xe9:x:1:1::/:\0\n"


def test_a_layer_needs_no_end_mark(tmp_path: Path) -> None:
    """Go's reader, and with it the engines, does without."""
    assert read(tmp_path, tar({"etc/passwd": "x"})[:1024]).passwd == "x"
    assert read(tmp_path, bytes(1024)).passwd is None


def test_an_account_file_may_have_16_mebibytes_and_no_more(tmp_path: Path) -> None:
    large = bytes(16 << 20)
    assert read(tmp_path, gzip.compress(tar({"etc/passwd": large}))).passwd == large.decode()
    larger = gzip.compress(tar({"etc/passwd": large + b"\n"}))
    with refused("its passwd file has 16777217 bytes", "engines refuse it"):
        read(tmp_path, larger)
    assert read(tmp_path, larger, tar({"etc/passwd": "short"})).passwd == "short"


def test_a_larger_one_does_not_fill_the_memory(tmp_path: Path) -> None:
    layer = gzip.compress(tar({"etc/passwd": bytes(64 << 20), "srv/data": bytes(64 << 20)}), compresslevel=1)
    file = put(tmp_path, tar(saved(layer)))
    tracemalloc.start()
    with refused("its passwd file has 67108864 bytes"):
        read_archive(file)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 32 << 20


def without(files: Files, *names: str, **other: bytes) -> Files:
    return {name: data for name, data in files.items() if name not in names} | other


def layout_with(**changes: Any) -> Files:
    """A layout of which the manifest is wrong in one thing."""
    layout = Layout()
    parts = {"config": layout.blob(config()), "layers": [layout.blob(tar(ETC))], **changes}
    return layout.finish(layout.blob(json.dumps(parts).encode()))


def config_of(text: str) -> Files:
    return {**saved(tar(ETC)), "config.json": text.encode()}


def list_of(text: str) -> Files:
    return {**saved(tar(ETC)), "manifest.json": text.encode()}


WHOLE = saved(tar(ETC))
ZSTD = b"\x28\xb5\x2f\xfd" + bytes(100)


@pytest.mark.parametrize(
    ("files", "parts"),
    [
        ({}, ("neither the manifest.json", "oci-layout")),
        ({"index.json": b"{}"}, ("neither the manifest.json",)),
        ({"x": b""}, ("neither the manifest.json",)),
        (without(WHOLE, "config.json"), ("the config 'config.json' is missing", "at 'manifest.json'")),
        (without(WHOLE, "0/layer.tar"), ("the layer '0/layer.tar' is missing",)),
        (list_of('[{"Layers": []}]'), ("the config '' is missing",)),
        ({**list_of('[{"Layers": []}]'), "../x": config()}, ("the config '' is missing",)),
        (list_of('[{"Config": "/etc/passwd"}]'), ("the config 'etc/passwd' is missing",)),
        (list_of('[{"Config": "../../etc/passwd"}]'), ("the config '' is missing",)),
        (list_of('[{"Config": "config.json", "Layers": ["../etc/passwd"]}]'), ("the layer '' is missing",)),
        (list_of('[{"Config": "config.json", "Layers": "0"}]'), ("Layers in it is a JSON str, not a list",)),
        (list_of('[{"Config": "config.json", "RepoTags": [1]}]'), ("an entry of RepoTags", "a JSON int, not a str")),
        (list_of("[[]]"), ("a JSON list, not a dict",)),
        (list_of("{}"), ("a JSON dict, not a list",)),
        (list_of("["), ("the list is not JSON", "at 'manifest.json'")),
        (list_of("[" * 100_000), ("recursion",)),
        (config_of("\x1b[31m{"), ("the config is not JSON", "at 'config.json'")),
        (config_of("9" * 5000), ("the config is not JSON",)),
        (config_of("[]"), ("config in it is a JSON list, not a dict",)),
        (config_of('{"config": "x"}'), ("config in it is a JSON str, not a dict",)),
        (config_of('{"config": {"User": 1000}}'), ("User in it is a JSON int, not a str",)),
        (config_of('{"config": {"Env": [null, 1]}}'), ("an entry of Env",)),
        (config_of('{"architecture": true}'), ("architecture in it is a JSON bool",)),
        ({**WHOLE, "config.json": b"\xff\xfe\xfd"}, ("the config is not JSON",)),
        ({**WHOLE, "config.json": b" " * (16 << 20) + b"{}"}, ("the config is larger than 16777216 bytes",)),
        ({**WHOLE, "0/layer.tar": ZSTD}, ("zstd layers cannot be read by this Python", "docker save", "skopeo copy")),
        ({**WHOLE, "0/layer.tar": b""}, ("it is not a tar archive, plain or gzip", "at '0/layer.tar'")),
        ({**WHOLE, "0/layer.tar": b"BZh9" + bytes(600)}, ("it is not a tar archive, plain or gzip",)),
        ({**WHOLE, "0/layer.tar": gzip.compress(b"not a tar archive")}, ("it is not a tar archive, plain or gzip",)),
        ({**WHOLE, "0/layer.tar": gzip.compress(tar(ETC))[:-3]}, ("gzip data is truncated", "at '0/layer.tar'")),
        ({**WHOLE, "0/layer.tar": gzip.compress(tar(ETC))[:60]}, ("gzip data is truncated or damaged",)),
        ({**WHOLE, "0/layer.tar": gzip.compress(tar(ETC)) + b"x"}, ("gzip data is truncated or damaged",)),
        ({**WHOLE, "0/layer.tar": tar(ETC)[:1030]}, ("is truncated or damaged",)),
        ({**WHOLE, "0/layer.tar": tar(ETC)[:1600]}, ("is truncated or damaged",)),
        ({**WHOLE, "0/layer.tar": tar(ETC)[:512] + b"x" * 512}, ("its tar is truncated or damaged",)),
        (layout_with(config={"digest": "sha256:../../etc/passwd"}), ("a digest of a wrong form",)),
        (layout_with(config={"digest": "sha256:" + 64 * "A"}), ("a digest of a wrong form",)),
        (layout_with(config={"digest": "sha256:" + 64 * "a" + "\n"}), ("a digest of a wrong form",)),
        (layout_with(config={"digest": "../x:" + 64 * "a"}), ("a digest of a wrong form",)),
        (layout_with(config={"digest": 7}), ("digest in it is a JSON int",)),
        (layout_with(config=None), ("a digest of a wrong form, ''",)),
        (layout_with(config={"digest": "sha256:" + 64 * "a"}), ("the config 'blobs/sha256/aaaa", "is missing")),
        (layout_with(layers=[{"digest": "sha256:" + 64 * "a"}]), ("the layer 'blobs/sha256/aaaa", "is missing")),
        (layout_with(layers=["x"]), ("an entry of layers in it is a JSON str",)),
        (Layout().finish({"digest": "sha256:" + 64 * "a"}), ("none of the manifests", "is there")),
        (Layout().finish({"digest": "sha256"}), ("a digest of a wrong form, 'sha256'", "at 'index.json'")),
        (Layout().finish({"platform": []}), ("platform in it is a JSON list",)),
        ({**Layout().files, "index.json": b"{"}, ("the index is not JSON",)),
    ],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_flaw_is_named(tmp_path: Path, files: Files, parts: tuple[str, ...], pack: Callable[[bytes], bytes]) -> None:
    file = put(tmp_path, pack(tar(files)))
    with refused(*parts):
        read_archive(file)


def test_an_index_that_names_itself_comes_to_an_end(tmp_path: Path) -> None:
    """Nobody checks that a blob has its digest."""
    layout = Layout()
    entry = {"digest": "sha256:" + 64 * "a"}
    layout.files["blobs/sha256/" + 64 * "a"] = json.dumps({"manifests": [entry, entry]}).encode()
    with refused():
        read_archive(write(tmp_path, layout.finish(entry)))


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    whole = tar(saved(tar(ETC)))
    for data, part in [
        (b"", "not a tar archive"),
        (b"not a tar archive", "not a tar archive"),
        (ZSTD, "zstd"),
        (whole[:-10240], "truncated"),
        (whole[: whole.index(b"manifest.json") + 600], "truncated"),
        (gzip.compress(whole)[:-100], "truncated"),
        (b"\x1f\x8b" + bytes(100), "gzip data"),
    ]:
        with refused(part):
            read_archive(put(tmp_path, data))
    with refused("no such file"):
        read_archive(tmp_path / "absent.tar")
    with refused():
        read_archive(tmp_path / "image.tar" / "in-it")
    with refused():
        read_archive("a\0b")
    with refused("oci-layout"):
        read_archive(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with refused("neither a file nor a folder"):
        read_archive(tmp_path / "pipe")
    (tmp_path / "endless").symlink_to("endless")
    with refused():
        read_archive(tmp_path / "endless")


def test_an_archive_that_may_not_be_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbid(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    file = put(tmp_path, b"")
    monkeypatch.setattr(Path, "open", forbid)
    with refused("Permission denied", "you may read it"):
        read_archive(file)


@pytest.mark.parametrize("victim", ["blob", "index.json", "oci-layout", "blobs"])
def test_links_that_leave_a_layout_are_not_followed(tmp_path: Path, victim: str) -> None:
    layout = Layout()
    folder = write(tmp_path / "layout", layout.finish(layout.image(tar(ETC))))
    path = folder / ("blobs/" + digest(tar(ETC)).replace(":", "/") if victim == "blob" else victim)
    assert read_archive(folder)[0].passwd == PASSWD
    path.rename(tmp_path / "outside")
    path.symlink_to(tmp_path / "outside")
    with refused():
        read_archive(folder)
    path.unlink()
    (tmp_path / "outside").rename(folder / "inside")
    path.symlink_to(folder / "inside")
    assert read_archive(folder)[0].passwd == PASSWD


def header(size: int, kind: bytes = tarfile.REGTYPE, name: str = "etc/passwd") -> bytes:
    """The header of a member alone, of any size and type."""
    member = tarfile.TarInfo(name)
    member.size, member.type = size, kind
    return member.tobuf(tarfile.GNU_FORMAT)


@pytest.mark.parametrize("size", [-1, -511, -512, -513, -1024, -(1 << 40), 1 << 40, 1 << 63, 1 << 80])
@pytest.mark.parametrize("kind", [tarfile.REGTYPE, tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.SYMTYPE, b"Z"])
def test_sizes_that_lie_lead_nowhere(tmp_path: Path, size: int, kind: bytes) -> None:
    layer = tar({"a": "b"})[:1024] + header(size, kind) + tar(ETC)
    for data in (layer, gzip.compress(layer)):
        try:
            read(tmp_path, data)
        except ArchiveUnreadable as error:
            assert "0/layer.tar" in str(error)
        try:
            read_archive(put(tmp_path, data))
        except ArchiveUnreadable:
            continue


def test_a_header_cannot_fill_the_memory(tmp_path: Path) -> None:
    many = b"".join(header(1 << 20, tarfile.XGLTYPE) + bytes(1 << 20) for _ in range(3))
    for layer in (header(1 << 30, tarfile.XHDTYPE) + bytes(1 << 22), many):
        with refused("a header of its tar is damaged, or larger than engines accept"):
            read(tmp_path, gzip.compress(layer))


def test_a_tar_of_too_many_files_is_no_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive_files, "_FILES", 3)
    assert read(tmp_path, tar(ETC)).passwd == PASSWD
    with refused("more than 3 files"):
        read(tmp_path, tar(ETC), tar({}))


def snapshot(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """All that is in a folder, with its times."""
    files = {}
    for path in folder.rglob("*"):
        stat = path.lstat()
        files[str(path)] = (stat.st_mode, stat.st_mtime_ns, path.read_bytes() if path.is_file() else b"")
    return files


def test_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layer: Pairs = [
        ("/etc/passwd", PASSWD),
        (f"{tmp_path}/absolute", "x"),
        ("../climbed", "x"),
        ("out", ("link", str(tmp_path))),
        ("out/through", "x"),
        ("hard", ("hard", f"{tmp_path}/image.tar")),
        ("device", ("device", "")),
        ("etc/group", ("link", f"../../../../..{tmp_path}/secret")),
    ]
    (tmp_path / "secret").write_text("of the machine", encoding="utf-8")
    files: dict[str, Entry] = {**saved(tar(layer)), "../up": "x", "/tmp/x": "x", "out": ("link", "/")}
    put(tmp_path, tar(files))
    layout = Layout()
    write(tmp_path / "layout", layout.finish(layout.image(gzip.compress(tar(layer)))))
    monkeypatch.chdir(tmp_path)
    before = snapshot(tmp_path)
    for path in ("image.tar", "layout"):
        (image,) = read_archive(path)
        assert (image.passwd, image.group) == (PASSWD, None)
    assert snapshot(tmp_path) == before


def attempt(folder: Path, data: bytes) -> None:
    """Read what may be anything; only one exception may come of it."""
    file = put(folder, data)
    before = snapshot(folder)
    try:
        images = read_archive(file)
    except ArchiveUnreadable as error:
        assert error.tried and error.came_back and error.remedy
    else:
        assert all(isinstance(image, ImageContent) for image in images)
    assert snapshot(folder) == before


ANY = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@ANY
@given(data=st.binary(max_size=2000), pack=st.sampled_from([bytes, gzip.compress]))
@example(data=bytes(512), pack=bytes)
def test_any_bytes_are_read_or_refused(tmp_path: Path, data: bytes, pack: Callable[[bytes], bytes]) -> None:
    for content in (data, b"\x1f\x8b\x08\0" + data, tar({**WHOLE, "0/layer.tar": data})):
        attempt(tmp_path, pack(content))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("config.json"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["Config", "Layers", "config",
        "Env", "User", "manifests", "digest", "annotations", "platform"]), inner, max_size=4),
)  # fmt: skip


@ANY
@given(name=st.sampled_from(["manifest.json", "config.json", "index.json"]), value=VALUES)
def test_any_json_is_read_or_refused(tmp_path: Path, name: str, value: object) -> None:
    files = {**WHOLE, **Layout().files, name: json.dumps(value).encode()}
    attempt(tmp_path, tar(files if name != "index.json" else without(files, "manifest.json")))


@ANY
@given(data=st.data())
def test_any_damage_is_survived(tmp_path: Path, data: st.DataObject) -> None:
    """A tar with long names and all kinds of members, of which some bytes of headers are changed."""
    member = tarfile.TarInfo("long/" * 60)
    member.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "comment": "é"}
    entries: Pairs = [("a", ("link", "b" * 150)), ("etc/passwd", PASSWD), ("x" * 300, "x"), ("d", ("device", ""))]
    layer = bytearray(member.tobuf(tarfile.PAX_FORMAT) + tar(entries))
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(layer) - 1))
        layer[at] = data.draw(st.sampled_from([0, 0x20, 0x30, 0x37, 0x80, 0xFF, *b"xgLKSVZ15=\n"]))
    # With its sums made right again, what is damaged gets as far as it can.
    for start in range(0, len(layer), 512):
        if layer[start + 257 : start + 262] == b"ustar":
            layer[start + 148 : start + 156] = b" " * 8
            layer[start + 148 : start + 156] = b"%06o\0 " % sum(layer[start : start + 512])
    attempt(tmp_path, tar({**WHOLE, "0/layer.tar": bytes(layer)}))
    attempt(tmp_path, bytes(layer))
