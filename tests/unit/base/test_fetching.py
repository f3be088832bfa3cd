"""Why something could not be fetched: a login page, a certificate, no network and a full disk are told apart."""

from __future__ import annotations

import pytest

from labkit.base.errors import LabFailed
from labkit.base.fetching import fetching, fetching_remedy

# As they were printed, shortened.
GO_PAGE = """verifying example.com/y@v1.2.3/go.mod: checksum mismatch
SECURITY ERROR
This download does NOT match an earlier download recorded in go.sum."""
GO_NO_ZIP = "example.com/y@v1.2.3: zip: not a valid zip file"
GO_AWAY = 'y@v1.2.3: Get "http://proxy/y.zip": dial tcp: lookup proxy on 10.1.1.1:53: no such host'
GO_CUT = "reading https://proxy/y.zip: unexpected EOF"
GO_CERTIFICATE = 'Get "https://proxy/y.zip": tls: x509: certificate signed by unknown authority'
APT_PAGE = """E: Failed to fetch http://mirror/dists/trixie/InRelease  Clearsigned file isn't valid, got 'NOSPLIT' \
(does the network require authentication?)"""
APT_AWAY = (
    "E: Failed to fetch http://mirror/x  Could not connect to mirror:80 (10.0.0.1). - connect (111: Connection refused)"
)
APT_CUT = "E: Failed to fetch http://mirror/x.deb  Error reading from server. Remote end closed connection"
APT_NAME = "W: Failed to fetch http://mirror/InRelease  Temporary failure resolving 'mirror'"
FULL = "mkdir /root/.cache/go-build/0a: no space left on device"
TAR_FULL = "tar: rootfs.tar: Cannot write: No space left on device"


@pytest.mark.parametrize(
    ("came_back", "told"),
    [
        (GO_PAGE, "log in"),
        (GO_NO_ZIP, "log in"),
        (APT_PAGE, "log in"),
        (GO_CERTIFICATE, "certificate of its own"),
        (GO_AWAY, "once the network is back"),
        (GO_CUT, "once the network is back"),
        (APT_AWAY, "once the network is back"),
        (APT_CUT, "once the network is back"),
        (APT_NAME, "once the network is back"),
        (FULL, "df -h"),
        (TAR_FULL, "df -h"),
    ],
)
def test_each_reason_has_its_remedy(came_back: str, told: str) -> None:
    with pytest.raises(LabFailed) as failed, fetching():
        raise LabFailed("Fetching", came_back, "look")
    assert told in failed.value.remedy
    assert told in str(failed.value)
    assert "labkit up" in failed.value.remedy


@pytest.mark.parametrize("came_back", ["main.go:3:1: undefined: x", "exit status 1", ""])
def test_what_the_network_is_not_to_blame_for_keeps_its_remedy(came_back: str) -> None:
    assert fetching_remedy(came_back, "look") == "look"
