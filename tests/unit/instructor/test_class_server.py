"""The class's server: who sees what, and that nobody can disturb it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest import mock

import pytest

from labkit.base.configuration import Configuration
from labkit.base.errors import LabFailed, Misuse
from labkit.base.waiting import wait_until
from labkit.course.course_overview import the_course
from labkit.course.hand import Hand
from labkit.course.handing_in import hand_in
from labkit.course.records import Event, after
from labkit.instructor import class_server
from labkit.instructor.class_handlers import PAGE
from labkit.instructor.class_secrets import class_certificate, class_secrets
from labkit.instructor.class_server import ClassServer, watch_class
from labkit.instructor.flood_limits import Pace
from tests.class_room import KEY, ClassRoom, class_room, with_tls

_LESSON, _EXERCISE = "07-run-as-non-root", "which-cause"


def _document(name: object = "Ann Lee", **changes: object) -> bytes:
    lessons = after({}, Event("checked", _LESSON, datetime.now(UTC), _EXERCISE, verdict="passed"))
    return json.dumps({**json.loads(hand_in(lessons, the_course(), "")), "name": name, **changes}).encode()


@pytest.fixture
def room(tmp_path: Path) -> Iterator[ClassRoom]:
    with class_room(tmp_path) as room:
        yield room


def test_whoever_has_no_token_sees_no_name(room: ClassRoom) -> None:
    assert room.share(_document()) == (204, "")
    for path in ("/", "/board.json", "/class.csv", "/?token=wrong", "/participants/" + KEY, "/nothing"):
        for cookie in ("", f"labkit-class-{room.port}=wrong", f"labkit-class-{room.port}={room.code}"):
            status, content, _ = room.ask("GET", path, Cookie=cookie)
            assert status in (403, 404, 405, 429)
            assert b"Ann" not in content


def test_the_token_is_exchanged_for_a_cookie_that_no_script_reads(room: ClassRoom) -> None:
    status, _, headers = room.ask("GET", f"/?token={room.server.desk.secrets.token}")
    assert (status, headers["Location"]) == (303, "/")
    assert "HttpOnly" in headers["Set-Cookie"]
    assert "SameSite=Lax" in headers["Set-Cookie"]
    status, content, headers = room.ask("GET", "/", Cookie=room.cookie())
    assert (status, b"watch.js" in content) == (200, True)


@pytest.mark.parametrize("path", ["/", "/watch.js", "/watch.css", "/board.json", "/class.csv", "/nothing"])
def test_every_answer_lets_a_browser_load_nothing_from_elsewhere(room: ClassRoom, path: str) -> None:
    _, _, headers = room.ask("GET", path, Cookie=room.cookie())
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert (headers["X-Content-Type-Options"], headers["Referrer-Policy"]) == ("nosniff", "no-referrer")
    assert headers["Cache-Control"] == "no-store"
    assert "Server" not in headers


def test_the_page_loads_nothing_from_elsewhere_and_makes_no_markup_of_text() -> None:
    texts = {file.name: file.read_text(encoding="utf-8") for file in PAGE.iterdir()}
    assert set(texts) == {"watch.html", "watch.js", "watch.css"}
    makes_markup = (
        r"innerHTML|outerHTML|insertAdjacentHTML|createContextualFragment|DOMParser|document\.write|srcdoc|"
        r"\beval\(|new Function|javascript:|https?://|//\w+\.\w+|@import|url\("
    )
    assert [name for name, text in texts.items() if re.search(makes_markup, text)] == []
    assert not re.search(r"<script>|<style|\son\w+=|\sstyle=", texts["watch.html"])


def test_another_sites_name_that_leads_here_is_refused(room: ClassRoom) -> None:
    """DNS rebinding: the browser would send what it has of that name."""
    assert room.ask("GET", "/board.json", Host="evil.example", Cookie=room.cookie())[0] == 421
    assert room.ask("GET", f"/?token={room.server.desk.secrets.token}", Host="evil.example")[0] == 421


def test_what_is_shared_is_seen_replaced_and_forgotten(room: ClassRoom) -> None:
    assert room.share(_document("Ann")) == (204, "")
    assert room.share(_document("Ann Lee")) == (204, "")
    (row,) = room.board()["participants"]
    assert (row["name"], row["passed"], row["lesson"]) == ("Ann Lee", 1, _LESSON)
    assert row["cells"][f"{_LESSON}/{_EXERCISE}"][0] == "passed"
    for status in (204, 404):
        assert room.ask("DELETE", f"/participants/{KEY}", Authorization=f"Bearer {room.code}")[0] == status
    assert room.names() == []


def test_two_of_one_name_are_two(room: ClassRoom) -> None:
    for number in range(3):
        assert room.share(_document("Ann"), f"{number:032x}")[0] == 204
    assert room.names() == ["Ann", "Ann (2)", "Ann (3)"]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),  # As text: the page makes no markup of it.
        ("\x1b]0;owned\x07\x1b[2J", "?]0;owned??[2J"),
        ("Ann\nBo\tCy\x00", "Ann?Bo?Cy?"),
        ("\u202enA", "?nA"),
        ("A" * 10_000, "A" * 79 + "…"),
        ("a" + "\u0301" * 10_000, "a" + "\u0301" * 78 + "…"),
        ("🙋 李", "🙋 李"),
        ("", "(no name)"),
    ],
)
def test_a_name_with_every_sign_there_is_is_one_short_line(room: ClassRoom, name: str, shown: str) -> None:
    assert room.share(_document(name))[0] == 204
    assert room.names() == [shown]
    assert room.share(_document("Bo"), "f" * 32)[0] == 204
    assert "Bo" in room.names()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"null",
        b"[" * 100_000,
        b'{"a":' * 20_000,
        b'{"format":"labkit-hand-in","version":1}',
        {"lessons": {_LESSON: {"opened": "9999-12-31T23:59:59-23:59"}}},
        {"lessons": {_LESSON: 10**400}},
        {"lessons": {"x" * 100_000: {}}},
        {"name": ["Ann"]},
        {"name": {"toString": "x"}},
        {"version": 10**30},
        {"name": "\ud83d"},
        {"format": "labkit-progress"},
        {"hand": {"since": "yesterday", "text": ""}},
        {"hand": {"since": "0001-01-01T00:00:00+23:59", "text": "x"}},
        {"hand": {"since": datetime.now(UTC).isoformat(), "text": "x" * 10_000}},
        {"hand": ["up"]},
    ],
)
def test_damaged_content_is_refused_and_what_came_before_stays(
    room: ClassRoom, body: bytes | dict[str, object]
) -> None:
    assert room.share(_document())[0] == 204
    status, problem = room.share(body if isinstance(body, bytes) else _document(**body))
    assert status == 400
    assert problem
    assert "Traceback" not in problem
    assert room.names() == ["Ann Lee"]


@pytest.mark.parametrize("made", [None, 5, "x", "2026-01-01", "0001-01-01T00:00:00+00:00", "9999-12-31T23:59:59+00:00"])
def test_a_time_that_makes_no_sense_disturbs_nothing(room: ClassRoom, made: object) -> None:
    assert room.share(_document(made=made))[0] == 204
    assert len(room.board()["participants"]) == 1


def test_clocks_that_are_hours_off_are_put_in_order_by_ours(room: ClassRoom) -> None:
    now = datetime.now(UTC)
    for number, (ahead, seconds_ago) in enumerate([(7200, 300), (-7200, 100), (0, 200)]):
        theirs = now + timedelta(seconds=ahead)
        did = theirs - timedelta(seconds=seconds_ago)
        lessons = after({}, Event("checked", _LESSON, did, _EXERCISE, verdict="passed"))
        document = {**json.loads(hand_in(lessons, the_course(), f"P{number}")), "made": theirs.isoformat()}
        assert room.share(json.dumps(document).encode(), f"{number:032x}")[0] == 204
    values = room.board()
    assert [round(row["idle"], -2) for row in values["participants"]] == [300, 100, 200]
    assert [event["number"] for event in values["news"] if "passed" in event["text"]] == [2, 3, 1]


def test_a_time_of_the_future_is_now(room: ClassRoom) -> None:
    later = datetime.now(UTC) + timedelta(days=400)
    lessons = after({}, Event("opened", _LESSON, later))
    hand = Hand(later, "I come from the future")
    assert room.share(hand_in(lessons, the_course(), "Doc", hand).encode())[0] == 204
    (row,) = room.board()["participants"]
    assert row["idle"] <= 5
    assert row["hand"]["seconds"] <= 5


def _refused(room: ClassRoom, head: str, pieces: Iterator[bytes]) -> tuple[int, bytes]:
    """What comes back to a request that is sent until the server has had enough, and how much was sent."""
    sent = 0
    with socket.create_connection(room.own, timeout=30) as connection:
        with contextlib.suppress(OSError):  # Whoever has had enough closes it, at any time.
            connection.sendall(head.encode())
            for piece in pieces:
                connection.sendall(piece)
                sent += len(piece)
            connection.shutdown(socket.SHUT_WR)
        try:
            return sent, connection.recv(4096)
        except OSError:
            return sent, b""


def _head(room: ClassRoom, *lines: str) -> str:
    common = [f"PUT /participants/{KEY} HTTP/1.1", "Host: x", f"Authorization: Bearer {room.code}", *lines]
    return "\r\n".join(common) + "\r\n\r\n"


def test_a_gigabyte_is_refused_before_it_is_sent(room: ClassRoom) -> None:
    def gigabyte() -> Iterator[bytes]:
        for _ in range(1 << 14):
            yield b" " * (1 << 16)

    sent, answer = _refused(room, _head(room, f"Content-Length: {1 << 30}"), gigabyte())
    assert answer.startswith(b"HTTP/1.1 4") or answer == b""
    assert sent < 16 << 20  # What the kernel's buffers hold.
    chunks = (b"10000\r\n" + piece + b"\r\n" for piece in gigabyte())
    sent, _ = _refused(room, _head(room, "Transfer-Encoding: chunked"), chunks)
    assert sent < 16 << 20
    assert room.share(_document())[0] == 204


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01",  # TLS at the door that has none.
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 100_000,
        b"\x00" * 1000,
        b"PUT /participants/../../etc HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"GET /%00%1b[2J HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
    ],
)
def test_what_is_no_http_disturbs_nobody_and_is_printed_nowhere(
    room: ClassRoom, capfd: pytest.CaptureFixture[str], sent: bytes
) -> None:
    _refused(room, "", iter([sent]))
    assert room.share(_document())[0] == 204
    assert capfd.readouterr() == ("", "")


def _is_closed(connection: socket.socket, seconds: float) -> bool:
    connection.settimeout(seconds)
    try:
        while connection.recv(4096):
            pass
    except TimeoutError:
        return False
    except OSError:
        return True
    return True


def test_whoever_dribbles_holds_up_nobody_and_is_cut_off(room: ClassRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(class_server, "_CONNECTION_SECONDS", 0.5)
    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(socket.create_connection(room.own, timeout=30)) for _ in range(60)]
        for connection in slow:
            connection.sendall(_head(room, "Content-Length: 100000").encode()[:40])
        started = time.monotonic()
        assert room.share(_document())[0] == 204
        assert all(_is_closed(connection, 10) for connection in slow)
        assert time.monotonic() - started < 10


def test_of_too_many_connections_the_oldest_of_that_address_are_closed(room: ClassRoom) -> None:
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(socket.create_connection(room.own, timeout=30)) for _ in range(140)]
        assert room.share(_document())[0] == 204
        assert _is_closed(held[0], 10)
        assert not _is_closed(held[-1], 0.05)


def test_a_flood_of_connections_is_dropped_and_ends(room: ClassRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    for server in room.server._servers:
        server._pace = Pace(2.0, 5)  # A busy machine has to be quicker than that.
    statuses = []
    for _ in range(40):
        try:
            statuses.append(room.share(_document())[0])
        except OSError:
            statuses.append(0)
    assert 0 in statuses

    def is_let_in() -> bool:
        with contextlib.suppress(OSError):
            return room.share(_document(), "a" * 32)[0] == 204
        return False

    wait_until("room for others", is_let_in, seconds=10, remedy="see labkit/instructor/flood_limits.py")


def test_guessing_the_code_leads_nowhere_and_disturbs_nobody(room: ClassRoom) -> None:
    statuses = [room.share(b"", code=f"guess-{number}")[0] for number in range(60)]
    assert statuses[:20] == [403] * 20
    assert set(statuses[20:]) <= {403, 429}
    assert 429 in statuses
    assert room.share(_document()) == (204, "")  # From the same address, with the right one.


def test_ten_thousand_guesses_are_few_answers(room: ClassRoom) -> None:
    """The rule alone: over a connection each it would take the test's time."""
    clock = [0.0]
    pace = Pace(0.2, 20, clock=lambda: clock[0])
    allowed = 0
    for _ in range(10_000):
        clock[0] += 0.001
        allowed += pace.allows("192.0.2.7")
    assert allowed in (21, 22)
    assert pace.allows("192.0.2.8")


def test_whoever_sends_without_a_pause_is_asked_to_wait(room: ClassRoom) -> None:
    statuses = [room.share(_document())[0] for _ in range(30)]
    assert statuses[:10] == [204] * 10
    assert 429 in statuses
    assert room.share(_document("Bo"), "b" * 32)[0] == 204


def test_a_flood_of_made_up_participants_displaces_itself(tmp_path: Path) -> None:
    with class_room(tmp_path) as room:
        shared = room.server.shared
        for number in range(20):
            shared.take(f"{number:032x}", _document(f"P{number}"), f"192.0.2.{number}")
        refused = 0
        for number in range(1000, 2000):
            try:
                shared.take(f"{number:032x}", _document("flood"), "198.51.100.1")
            except LabFailed:
                refused += 1
        assert refused == 1000 - 280
        shared.take("e" * 32, _document("late"), "192.0.2.99")
        names = {participant.name for participant in shared.participants()}
        assert {f"P{number}" for number in range(20)} | {"late"} <= names
        assert len(shared.participants()) == 300


def test_the_class_as_csv_has_no_formula(room: ClassRoom) -> None:
    assert room.share(_document('=HYPERLINK("x")'))[0] == 204
    status, content, headers = room.ask("GET", "/class.csv", Cookie=room.cookie())
    assert status == 200
    assert headers["Content-Disposition"].startswith("attachment")
    head, line = content.decode().splitlines()
    assert head.startswith("name,lesson,passed,of,hints,idle_minutes,away,hand,01-threat-model/")
    assert line.startswith("\"'=HYPERLINK")
    assert line.split(",").count("passed") == 1


def test_beyond_loopback_it_speaks_tls_and_the_line_has_the_fingerprint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with class_room(tmp_path, with_tls(monkeypatch)) as room:
        assert room.addresses.page.startswith(f"http://127.0.0.1:{room.port}/?token=")
        assert room.addresses.page_in_room.startswith(f"https://127.0.0.2:{room.port}/?token=")
        assert room.addresses.line == (
            f"labkit progress share 127.0.0.2:{room.port} --fingerprint {room.addresses.fingerprint} --code {room.code}"
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with (
            socket.create_connection(("127.0.0.2", room.port), timeout=30) as raw,
            context.wrap_socket(raw) as secured,
        ):
            request = f"GET /?token={room.server.desk.secrets.token} HTTP/1.1\r\nHost: 127.0.0.2:{room.port}\r\n\r\n"
            secured.sendall(request.encode())
            answer = secured.recv(4096)
        assert answer.startswith(b"HTTP/1.1 303")
        assert b"Secure" in answer
        with socket.create_connection(("127.0.0.2", room.port), timeout=30) as plain:
            plain.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert _is_closed(plain, 10)


def test_whoever_never_begins_with_tls_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(class_server, "_CONNECTION_SECONDS", 0.3)
    with (
        class_room(tmp_path, with_tls(monkeypatch)) as room,
        socket.create_connection(("127.0.0.2", room.port), timeout=30) as silent,
    ):
        assert _is_closed(silent, 10)
        crowd = room.server._servers[1]._crowd
        wait_until("the end", lambda: len(crowd) == 0, seconds=10, remedy="see what tornado calls when one has ended")


def _configuration(folder: Path) -> Configuration:
    return Configuration("labkit-class-test", folder / "state", folder / "cache", folder / "data")


def test_code_token_and_certificate_stay_until_another_class_is_asked_for(tmp_path: Path) -> None:
    configuration = _configuration(tmp_path)
    first = class_secrets(configuration), class_certificate(configuration, "192.0.2.1")
    assert (class_secrets(configuration), class_certificate(configuration, "192.0.2.9")) == first
    for file in (configuration.state / "class").iterdir():
        assert file.name == "certificate.pem" or file.stat().st_mode & 0o077 == 0, file
    other = class_secrets(configuration, new=True), class_certificate(configuration, "192.0.2.1")
    assert other[0].code != first[0].code
    assert other[0].token != first[0].token
    assert other[1].fingerprint != first[1].fingerprint


def test_damaged_secrets_are_made_anew(tmp_path: Path) -> None:
    configuration = _configuration(tmp_path)
    class_secrets(configuration)
    (configuration.state / "class" / "secrets.json").write_text("{", encoding="utf-8")
    assert class_secrets(configuration).code


@pytest.mark.parametrize("listen", ["0.0.0.0", "[::]:5444", "nobody", "127.0.0.1:99999", ""])
def test_an_address_that_is_none_of_this_machines(tmp_path: Path, listen: str) -> None:
    with pytest.raises(Misuse, match="Reading the address"):
        ClassServer(_configuration(tmp_path), the_course(), listen)


def test_a_port_that_is_taken_is_named(tmp_path: Path, room: ClassRoom) -> None:
    with (
        pytest.raises(LabFailed, match=rf"Listening at 127\.0\.0\.1:{room.port}"),
        class_room(tmp_path / "other", f"127.0.0.1:{room.port}"),
    ):
        pass


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_watching_ends_when_it_is_told_to_or_its_terminal_is_closed(number: signal.Signals) -> None:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {ending: signal.signal(ending, signal.SIG_DFL) for ending in numbers}
    server = mock.Mock(spec=ClassServer)
    try:
        watch_class(server, lambda _: os.kill(os.getpid(), number))
    finally:
        for ending, handler in before.items():
            signal.signal(ending, handler)
    server.stop.assert_called_once_with()
