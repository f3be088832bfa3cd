"""Sharing from a participant's server in a class on a cluster: by the hub, which says who they are."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from labkit.base.configuration import Configuration
from labkit.base.errors import Misuse
from labkit.cli import main
from labkit.course.sharing import sender as sender_module
from labkit.course.sharing.sender import Sender, stop_sharing
from labkit.course.sharing.share_consent import agree, consent_of, hub_consent, status_of

TOKEN = "the-servers-own-token"


@dataclass
class ListeningHub:
    """A hub that keeps what it is asked.

    Args:
        address: HOST:PORT.
        status: what it answers with.
        asked: method, path, credentials and content of each request.
    """

    address: str
    status: int = 204
    asked: list[tuple[str, str, str, bytes]] = field(default_factory=list)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[ListeningHub]:
    listening = ListeningHub("")

    class Handler(BaseHTTPRequestHandler):
        """Takes all."""

        def do_PUT(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            listening.asked.append((self.command, self.path, self.headers["Authorization"], content))
            self.send_response(listening.status)
            self.end_headers()

        do_DELETE = do_PUT

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        listening.address = f"127.0.0.1:{server.server_address[1]}"
        monkeypatch.setenv("JUPYTERHUB_API_URL", f"http://{listening.address}/hub/api")
        monkeypatch.setenv("JUPYTERHUB_API_TOKEN", TOKEN)
        yield listening
        server.shutdown()
        thread.join()


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Configuration:
    for name in ("STATE", "CACHE", "DATA"):
        monkeypatch.setenv(f"LABKIT_{name}", str(tmp_path / name))
    monkeypatch.setattr("labkit.cli.progress_command.start_sender", lambda _: None)
    monkeypatch.setattr(sender_module, "start_sender", lambda _: None)
    monkeypatch.setattr(sender_module, "_FIRST_SECONDS", 0.0)
    return Configuration.from_environment()


def _share(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["progress", "share", *arguments])


def test_the_servers_token_says_who_shares_and_is_written_nowhere(lab: Configuration, hub: ListeningHub) -> None:
    consent = hub_consent()
    agree(lab, consent)
    Sender(lab).step(consent)
    ((method, path, credentials, content),) = hub.asked
    assert (method, path, credentials) == ("PUT", "/hub/class/share", f"Bearer {TOKEN}")
    assert json.loads(content)["format"] == "labkit-hand-in"
    assert status_of(lab).problem == ""
    written = [file.read_text(encoding="utf-8") for file in lab.state.rglob("*") if file.is_file()]
    assert written
    assert not [text for text in written if TOKEN in text]


def test_stopping_has_the_hub_forget(lab: Configuration, hub: ListeningHub) -> None:
    agree(lab, hub_consent())
    assert stop_sharing(lab) == (True, True)
    assert [(method, path) for method, path, *_ in hub.asked] == [("DELETE", "/hub/class/share")]


def test_the_command_shows_what_is_sent_and_asks(lab: Configuration, hub: ListeningHub) -> None:
    asked = _share("--class")
    assert asked.exit_code == 2
    assert "labkit-hand-in" in asked.output
    assert "The hub adds the name that you signed in with" in asked.output
    assert consent_of(lab) is None
    agreed = _share("--class", "--yes")
    assert agreed.exit_code == 0, agreed.output
    assert f"shared with   {hub.address}" in agreed.output
    assert "as            the name that you signed in with" in agreed.output


def test_an_address_and_the_class_are_not_both_given(lab: Configuration, hub: ListeningHub) -> None:
    assert _share("--class", "192.0.2.1:5444").exit_code == 2
    assert hub.asked == []


@pytest.mark.parametrize(
    ("url", "token"),
    [
        ("", TOKEN),
        ("http://hub:8081/hub/api", ""),
        ("ftp://hub/", TOKEN),
        ("http:///hub", TOKEN),
        ("not an address", TOKEN),
    ],
)
def test_elsewhere_there_is_no_such_class(
    lab: Configuration, monkeypatch: pytest.MonkeyPatch, url: str, token: str
) -> None:
    monkeypatch.setenv("JUPYTERHUB_API_URL", url)
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", token)
    with pytest.raises(Misuse, match="not a server of a class"):
        hub_consent()
    assert _share("--class", "--yes").exit_code == 2


def test_a_hub_that_refuses_is_told(lab: Configuration, hub: ListeningHub) -> None:
    hub.status = 403
    agree(lab, consent := hub_consent())
    Sender(lab).step(consent)
    assert status_of(lab).problem == "it answers 403"
