"""What an image holds is the same, wherever it is read: in the engine's own store, or as the engine saves it."""

from __future__ import annotations

import io
import os
import struct
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from labkit.adapters.engine import Engine, InspectedImage
from labkit.archives import read_tree
from labkit.core.identity.model import Identity
from labkit.lab.lab import Lab
from labkit.lab.samples.build_contexts import archive_of_dockerfile
from labkit.lab.samples.image_trees import ImageTrees, layer_folders

_REMOVES = """
FROM {debian}
RUN rm -r /usr/share/doc /etc/motd; rm -r /opt && mkdir /opt && touch /opt/new && ln /opt/new /opt/hard
RUN chown 1654:33 /opt/new && chmod 4711 /opt/new && ln -s ../opt/./new /srv/link && mkdir -m 1777 /srv/all
"""
_NAME = "labkit-live-trees"


@pytest.fixture
def removing(engine: Engine, lab: Lab) -> Iterator[InspectedImage]:
    """An image with layers that remove, replace, link and change owners."""
    context = archive_of_dockerfile(_REMOVES.format(debian=lab.reference("debian")))
    engine.build(context, _NAME, arguments={}, labels={})
    image = engine.image(_NAME)
    assert image is not None
    yield image
    engine.remove_name(_NAME)
    engine.remove_stages()


def test_the_store_and_the_archive_tell_the_same(engine: Engine, removing: InspectedImage) -> None:
    folders = layer_folders(removing)
    if not folders or not all(os.access(folder, os.R_OK | os.X_OK) for folder in folders):
        pytest.skip("the engine's store is not open to us")
    saved = read_tree(engine.image_archive(removing["Id"]), {})
    trees = ImageTrees({})
    trees._read_folders(removing)
    stored = trees.known(removing)
    assert stored is not None
    assert stored.under("/") == saved.under("/")
    assert stored.resolve("/srv/link") == saved.resolve("/srv/link")
    assert stored.entry("/etc/motd") is None


def _layer_with_list(mode: int) -> bytes:
    """A layer with a file of this mode, which an access control list opens to uid 4711."""
    # user::rw-, user:4711:r--, group::---, mask::r--, other::---
    entries = [(1, 6, 0xFFFFFFFF), (2, 4, 4711), (4, 0, 0xFFFFFFFF), (0x10, 4, 0xFFFFFFFF), (0x20, 0, 0xFFFFFFFF)]
    acl = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar:
        menu = tarfile.TarInfo("srv/menu")
        menu.mode, menu.size = mode, 5
        menu.pax_headers = {"SCHILY.xattr.system.posix_acl_access": acl.decode("utf-8", "surrogateescape")}
        tar.addfile(menu, io.BytesIO(b"soup\n"))
    return packed.getvalue()


@pytest.fixture
def listed(engine: Engine, lab: Lab, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """An image with the file, and with programs."""
    layer = tmp_path / "layer.tar"
    layer.write_bytes(_layer_with_list(request.param))
    engine.import_rootfs(str(layer), f"{_NAME}-list", labels={}, changes=[])
    dockerfile = f"FROM {_NAME}-list\nCOPY --from={lab.reference('alpine')} /bin /bin\n"
    engine.build(archive_of_dockerfile(dockerfile), _NAME, arguments={}, labels={})
    yield _NAME
    for name in (_NAME, f"{_NAME}-list"):
        engine.remove_name(name)
    engine.remove_stages()


@pytest.mark.parametrize(("listed", "is_open"), [(0o640, True), (0o600, False)], indirect=["listed"], ids=oct)
def test_an_access_list_of_a_layer_opens_a_file_as_far_as_the_mode_lets_it(
    engine: Engine, listed: str, is_open: bool
) -> None:
    """The bits of the group are the list's mask: where they are none, the list gives nobody anything."""
    image = engine.image(listed)
    assert image is not None
    tree = ImageTrees().of(engine, image)
    for uid in (4711, 4712):
        identity = Identity(uid=uid, gid=uid, groups=(uid,), user=None, home="/")
        result = engine.run(listed, ["/bin/cat", "/srv/menu"], user=f"{uid}:{uid}")
        assert (result.stdout == "soup") is tree.may_read(identity, "/srv/menu") is (is_open and uid == 4711), result
