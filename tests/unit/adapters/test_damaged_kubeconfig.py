"""A kubeconfig of the kit's that is damaged ends in a sentence; `labkit up` writes it again from the node."""

from __future__ import annotations

from pathlib import Path

import pytest

from labkit.adapters.kube import Kube
from labkit.base.errors import LabFailed

_NO_USER = "clusters: [{name: a, cluster: {server: x}}]\ncontexts: [{name: c, context: {cluster: a, user: b}}]\n"


@pytest.mark.parametrize(
    "content",
    [b"", b"\0\0", b"\xff\xfe", b"[1, 2]", b"clusters: 7", b"{", b"null", b"current-context: c\n" + _NO_USER.encode()],
)
def test_it_ends_in_a_sentence(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "kubeconfig"
    file.write_bytes(content)
    with pytest.raises(LabFailed, match=r"(?s)Reading the lab's kubeconfig.*labkit up"):
        Kube(file, "lab").close()
