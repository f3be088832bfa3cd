"""A laptop's half of the class: what is sent, to whom, when, and that nothing waits for it."""

from __future__ import annotations

import contextlib
import json
import shutil
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

import labkit
from labkit.adapters.class_client import ClassClient, require_fingerprint
from labkit.base.configuration import Configuration
from labkit.base.errors import LabFailed, Misuse
from labkit.base.files import write_atomically
from labkit.base.waiting import wait_until
from labkit.cli import main
from labkit.course.hand import Hand, hand_of, hand_path, lower_hand, raise_hand
from labkit.course.progress import Progress, progress_path
from labkit.course.sharing import sender as sender_module
from labkit.course.sharing.sender import Sender, is_sending, keep_sharing, stop_sharing
from labkit.course.sharing.share_consent import (
    ShareConsent,
    agree,
    consent_of,
    new_consent,
    shared_text,
    status_of,
)
from tests.class_room import ClassRoom, class_room, with_tls
from tests.servers import serve, silent, trickle

_LESSON, _EXERCISE = "07-run-as-non-root", "which-cause"


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Configuration:
    """The participant's lab, which the command uses, too."""
    for name in ("STATE", "CACHE", "DATA"):
        monkeypatch.setenv(f"LABKIT_{name}", str(tmp_path / "laptop" / name))
    monkeypatch.setenv("LABKIT_NAME", "labkit-laptop")
    return Configuration.from_environment()


@pytest.fixture
def room(tmp_path: Path) -> Iterator[ClassRoom]:
    with class_room(tmp_path / "instructor") as room:
        yield room


@pytest.fixture
def no_process(monkeypatch: pytest.MonkeyPatch) -> list[Configuration]:
    """The sender's process is not started; who wanted it is kept."""
    started: list[Configuration] = []
    monkeypatch.setattr(sender_module, "start_sender", started.append)
    monkeypatch.setattr("labkit.cli.progress_command.start_sender", started.append)
    monkeypatch.setattr(sender_module, "_FIRST_SECONDS", 0.0)
    return started


def _consent(lab: Configuration, room: ClassRoom, name: str = "Ann") -> ShareConsent:
    consent = new_consent(room.addresses.door, room.addresses.fingerprint, room.code, name)
    agree(lab, consent)
    return consent


def _pass(lab: Configuration, exercise: str = _EXERCISE) -> None:
    Progress.open(progress_path(lab)).checked(_LESSON, exercise, "passed")


class _Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def _labkit(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(main, ["progress", *arguments], input=stdin)


def test_what_is_sent_is_what_export_would_write(
    lab: Configuration, room: ClassRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    Progress.open(progress_path(lab)).checked(_LESSON, _EXERCISE, "not right", "contradiction")
    raise_hand(lab, "why?")
    exported = _labkit("export", "--name", "Ann", "-")
    assert exported.exit_code == 0, exported.output
    kept: list[bytes] = []
    take = room.server.shared.take

    def keep(key: str, content: bytes, neighbours: str) -> None:
        kept.append(content)
        take(key, content, neighbours)

    monkeypatch.setattr(room.server.shared, "take", keep)
    Sender(lab).step(_consent(lab, room))
    sent, written = json.loads(kept[0]), json.loads(exported.stdout)
    assert {**sent, "made": ""} == {**written, "made": ""}
    assert sent["hand"]["text"] == "why?"
    assert sent["lessons"][_LESSON]["exercises"][_EXERCISE]["diagnosis"] == "contradiction"
    (row,) = room.board()["participants"]
    assert (row["name"], row["hand"]["text"]) == ("Ann", "why?")


def test_what_has_changed_is_sent_at_the_next_look_and_the_same_only_now_and_then(
    lab: Configuration, room: ClassRoom
) -> None:
    clock = _Clock()
    sending, consent = Sender(lab, clock), _consent(lab, room)
    sending.step(consent)
    first = status_of(lab).delivered
    assert first is not None
    _pass(lab)
    clock.now += 1
    sending.step(consent)
    assert room.board()["participants"][0]["passed"] == 1
    raise_hand(lab)
    sending.step(consent)
    assert room.board()["participants"][0]["hand"] is not None
    room.server.shared.forget(consent.key)  # As after a restart of the instructor's machine.
    clock.now += 10
    sending.step(consent)
    assert room.names() == []
    clock.now += 11
    sending.step(consent)
    assert room.names() == ["Ann"]


def test_offline_it_waits_and_arrives_later(lab: Configuration, room: ClassRoom) -> None:
    clock = _Clock()
    sending = Sender(lab, clock)
    away = new_consent("127.0.0.1:1", "", room.code, "Ann")
    agree(lab, away)
    for _ in range(3):
        sending.step(away)
        assert "refused" in status_of(lab).problem
        clock.now += 1
        sending.step(away)  # Too early: nothing is tried.
        clock.now += 8
    _pass(lab)
    consent = _consent(lab, room)
    sending.step(consent)
    assert status_of(lab).problem == ""
    assert room.board()["participants"][0]["passed"] == 1


def test_a_laptop_that_was_closed_for_hours_goes_on(lab: Configuration, room: ClassRoom) -> None:
    clock = _Clock()
    sending, consent = Sender(lab, clock), _consent(lab, room)
    sending.step(consent)
    clock.now += 5 * 3600
    _pass(lab)
    sending.step(consent)
    assert room.board()["participants"][0]["passed"] == 1


def test_a_damaged_progress_file_is_a_problem_and_no_end(lab: Configuration, room: ClassRoom) -> None:
    sending, consent = Sender(lab, _Clock()), _consent(lab, room)
    progress_path(lab).parent.mkdir(parents=True, exist_ok=True)
    progress_path(lab).write_text("<script>", encoding="utf-8")
    sending.step(consent)
    assert "not JSON" in status_of(lab).problem
    assert room.names() == []


def test_the_wrong_code_is_told_and_nothing_arrives(lab: Configuration, room: ClassRoom) -> None:
    consent = new_consent(room.addresses.door, "", "not-the-code", "Ann")
    agree(lab, consent)
    Sender(lab, _Clock()).step(consent)
    assert "the code or the token is wrong" in status_of(lab).problem
    assert room.names() == []


def test_by_tls_it_goes_to_the_machine_of_that_fingerprint_alone(
    lab: Configuration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with class_room(tmp_path / "instructor", with_tls(monkeypatch)) as room:
        consent = _consent(lab, room)
        Sender(lab, _Clock()).step(consent)
        assert room.names() == ["Ann"]
        short = new_consent(room.addresses.door, room.addresses.fingerprint[:27], room.code, "Bo")
        agree(lab, short)
        Sender(lab, _Clock()).step(short)
        assert room.names() == ["Ann", "Bo"]
        other = new_consent(room.addresses.door, "sha256:" + "0" * 64, room.code, "Cy")
        agree(lab, other)
        Sender(lab, _Clock()).step(other)
        assert "another fingerprint" in status_of(lab).problem
        assert "nothing was sent" in status_of(lab).problem
        assert room.names() == ["Ann", "Bo"]


@pytest.mark.parametrize("answer", [silent, trickle])
def test_whoever_answers_slowly_or_never_ends_the_attempt_and_nothing_else(answer: object) -> None:
    with serve(answer) as address:  # type: ignore[arg-type]
        host, _, port = address.rpartition(":")
        client = ClassClient(host, int(port), "", seconds=0.3)
        started = time.monotonic()
        with contextlib.suppress(LabFailed):
            client.ask("PUT", "/participants/x", "code", b"x")
        assert time.monotonic() - started < 10


def test_a_handshake_that_never_comes_ends_too() -> None:
    with serve(silent) as address:
        host, _, port = address.rpartition(":")
        with pytest.raises(LabFailed, match="Asking the class"):
            ClassClient(host, int(port), "sha256:" + "0" * 64, seconds=0.3).look()


@pytest.mark.parametrize("text", ["", "sha256:", "sha256:12", "md5:" + "0" * 64, "sha256:" + "g" * 64, "0" * 64])
def test_a_fingerprint_that_is_none(text: str) -> None:
    with pytest.raises(Misuse, match="Reading the fingerprint"):
        require_fingerprint(text, "x")


def test_a_check_waits_for_nobody(lab: Configuration) -> None:
    """The instructor's machine does not answer; recording takes as long as ever, because nothing is sent by it."""
    with serve(silent) as address:
        agree(lab, new_consent(address, "", "code", "Ann"))
        stop = threading.Event()
        thread = threading.Thread(target=Sender(lab).run, args=(stop,), daemon=True)
        thread.start()
        wait_until("the attempt", thread.is_alive, seconds=10, remedy="x")
        started = time.monotonic()
        _pass(lab)
        assert time.monotonic() - started < 2
        stop.set()


def test_the_sender_ends_when_the_consent_does(
    lab: Configuration, room: ClassRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender_module, "_LOOK_SECONDS", 0.01)
    consent = _consent(lab, room)
    thread = threading.Thread(target=sender_module.run_sender, args=(lab,), daemon=True)
    thread.start()
    wait_until("the first attempt", lambda: status_of(lab).delivered, seconds=10, remedy="x")
    assert is_sending(lab)
    assert not sender_module.run_sender(lab)  # A second one ends at once.
    over = ShareConsent(consent.address, "", consent.code, "Ann", consent.key, datetime.now(UTC) - timedelta(seconds=1))
    agree(lab, over)
    thread.join(10)
    assert not thread.is_alive()
    assert consent_of(lab) is None


def test_what_clean_has_removed_stays_removed(lab: Configuration, room: ClassRoom) -> None:
    consent = _consent(lab, room)
    shutil.rmtree(lab.state)
    Sender(lab, _Clock()).step(consent)
    assert not lab.state.exists()


def test_stopping_takes_the_participant_off_the_page(lab: Configuration, room: ClassRoom) -> None:
    Sender(lab, _Clock()).step(_consent(lab, room))
    assert room.names() == ["Ann"]
    done = _labkit("share", "--stop", "--json")
    assert json.loads(done.stdout) == {"stopped": True, "forgotten": True}
    assert room.names() == []
    assert consent_of(lab) is None
    assert json.loads(_labkit("share", "--stop", "--json").stdout) == {"stopped": False}


def test_stopping_needs_no_answer(lab: Configuration) -> None:
    agree(lab, new_consent("127.0.0.1:1", "", "code", "Ann"))
    assert stop_sharing(lab) == (True, False)
    assert consent_of(lab) is None


def test_what_would_be_sent_is_shown_and_without_an_answer_nothing_is(
    lab: Configuration, room: ClassRoom, no_process: list[Configuration]
) -> None:
    _pass(lab)
    done = _labkit("share", room.addresses.door, "--code", room.code, "--name", "Ann Lee")
    assert done.exit_code == 2
    assert '"name":"Ann Lee"' in done.stderr
    assert _EXERCISE in done.stderr
    assert "--yes" in done.stderr
    assert (consent_of(lab), no_process, room.names()) == (None, [], [])


@pytest.mark.parametrize(("reply", "is_shared"), [("y\n", True), ("n\n", False)])
def test_it_is_asked(
    lab: Configuration,
    room: ClassRoom,
    no_process: list[Configuration],
    monkeypatch: pytest.MonkeyPatch,
    reply: str,
    is_shared: bool,
) -> None:
    monkeypatch.setattr("labkit.cli.progress_command._is_terminal", lambda: True)
    done = _labkit("share", room.addresses.door, "--code", room.code, stdin=f"Ann\n{reply}")
    assert done.exit_code == (0 if is_shared else 2), done.output
    assert (consent_of(lab) is not None) == is_shared == bool(no_process)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["127.0.0.1", "--code", "x"], "not of the form HOST:PORT"),
        (["127.0.0.1:99999", "--code", "x"], "not of the form HOST:PORT"),
        (["192.0.2.1:5444", "--code", "x"], "the fingerprint of the instructor's machine is missing"),
        (["192.0.2.1:5444", "--code", "x", "--fingerprint", "sha256:12"], "Reading the fingerprint"),
        (["127.0.0.1:5444"], "the class's code is missing"),
        (["127.0.0.1:5444", "--code", "a b\x1b"], "the class's code is missing"),
        (["127.0.0.1:5444", "--code", "x", "--name", "A" * 10_000], "the name cannot be used"),
        (["127.0.0.1:5444", "--code", "x", "--name", "A\x1b[2J"], "the name cannot be used"),
        (["127.0.0.1:1", "--code", "x", "--name", "Ann"], "Asking the class at 127.0.0.1:1"),
    ],
)
def test_a_line_that_makes_no_sense_says_so_and_shares_nothing(
    lab: Configuration, no_process: list[Configuration], arguments: list[str], sentence: str
) -> None:
    done = _labkit("share", *(["--name", ""] if "--name" not in arguments else []), *arguments, "--yes")
    assert done.exit_code in (1, 2)
    assert sentence in done.stderr
    assert "Traceback" not in done.output
    assert (consent_of(lab), no_process) == (None, [])


def test_the_command_says_how_it_stands(lab: Configuration, room: ClassRoom, no_process: list[Configuration]) -> None:
    assert json.loads(_labkit("share", "--json").stdout) == {"shared": False}
    done = _labkit("share", room.addresses.door, "--code", room.code, "--name", "Ann", "--yes")
    assert done.exit_code == 0, done.output
    assert f"shared with   {room.addresses.door}" in done.stdout
    told = json.loads(_labkit("share", "--json").stdout)
    assert (told["shared"], told["name"], told["delivered"]) == (True, "Ann", None)
    for name in ("consent.json", "status.json"):
        assert (lab.state / "share" / name).stat().st_mode & 0o077 == 0


def test_damaged_files_of_sharing_are_as_none(lab: Configuration, room: ClassRoom) -> None:
    _consent(lab, room)
    for name in ("consent.json", "status.json", "hand.json"):
        (lab.state / "share" / name).write_text("{", encoding="utf-8")
    assert (consent_of(lab), hand_of(lab)) == (None, None)
    assert status_of(lab).problem == ""


def test_keeping_on_starts_a_sender_where_none_runs_and_stops_nobody(
    lab: Configuration, room: ClassRoom, no_process: list[Configuration], monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_sharing(lab)
    assert no_process == []
    _consent(lab, room)
    keep_sharing(lab)
    assert no_process == [lab]
    monkeypatch.setattr(sender_module, "is_sending", lambda _: True)
    keep_sharing(lab)
    assert no_process == [lab]

    def fails(_: Configuration) -> bool:
        raise OSError("no space")

    monkeypatch.setattr(sender_module, "is_sending", fails)
    keep_sharing(lab)


def test_a_hand_is_raised_changed_and_lowered(lab: Configuration, no_process: list[Configuration]) -> None:
    assert "nobody sees it" in str(labkit.raise_hand("my pod is refused"))
    first = hand_of(lab)
    assert first is not None
    assert labkit.raise_hand("no, it runs").hand is not None
    second = hand_of(lab)
    assert second is not None
    assert (second.text, second.since) == ("no, it runs", first.since)
    assert str(labkit.raise_hand(down=True)) == "Your hand is down."
    assert hand_of(lab) is None
    assert not lower_hand(lab)


def test_a_hand_of_another_day_is_down(lab: Configuration) -> None:
    long_ago = Hand(datetime.now(UTC) - timedelta(hours=13), "yesterday")
    write_atomically(hand_path(lab), json.dumps(long_ago.to_dict()))
    assert hand_of(lab) is None
    assert raise_hand(lab, "today").since > long_ago.since + timedelta(hours=12)


def test_the_command_raises_and_lowers_the_same_hand(
    lab: Configuration, room: ClassRoom, no_process: list[Configuration]
) -> None:
    _consent(lab, room)
    told = json.loads(_labkit("hand", "why?", "--json").stdout)
    assert (told["up"], told["text"], told["shared_with"]) == (True, "why?", room.addresses.door)
    assert json.loads(_labkit("hand", "--down", "--json").stdout)["up"] is False


@pytest.mark.parametrize("text", ["x" * 201, "a\nb", "\x1b[2J", "\u202ex"])
def test_a_hand_says_one_line_that_can_be_shown(lab: Configuration, text: str) -> None:
    with pytest.raises(Misuse, match="Raising your hand"):
        labkit.raise_hand(text)
    assert hand_of(lab) is None


@pytest.mark.parametrize("text", [5, None, ["help"]])
def test_a_hand_that_is_no_text(lab: Configuration, text: object) -> None:
    with pytest.raises(Misuse, match="is not text"):
        labkit.raise_hand(text)  # type: ignore[arg-type]


def test_a_whole_morning_in_a_process_of_its_own(lab: Configuration, room: ClassRoom) -> None:
    """The real sender: it starts, sends, sees a check within seconds, and ends when it is told to."""
    done = _labkit("share", room.addresses.door, "--code", room.code, "--name", "Ann", "--yes", "--json")
    assert done.exit_code == 0, done.output
    wait_until("the first", lambda: room.names() == ["Ann"], seconds=30, remedy="read sender.log")
    _pass(lab)
    checked = time.monotonic()
    wait_until("the check", lambda: room.board()["participants"][0]["passed"] == 1, seconds=30, remedy="sender.log")
    assert time.monotonic() - checked < 10
    assert is_sending(lab)
    assert json.loads(_labkit("share", "--stop", "--json").stdout)["stopped"] is True
    assert room.names() == []
    wait_until("its end", lambda: not is_sending(lab), seconds=10, remedy="read sender.log")
    assert (lab.state / "share" / "sender.log").read_text(encoding="utf-8") == ""


def test_the_text_is_limited_to_the_course(lab: Configuration) -> None:
    Progress.open(progress_path(lab)).checked("99-elsewhere", "x", "passed")
    assert "99-elsewhere" not in shared_text(lab, "Ann")


@pytest.mark.parametrize(("hours", "is_over"), [(-13, True), (-11, False), (0.4, False), (24, True)])
def test_sharing_lasts_no_longer_than_was_agreed_to_when_the_clock_is_set_back(hours: float, is_over: bool) -> None:
    """Or forward; a clock that is corrected by some minutes changes nothing.

    Args:
        hours: how long after now, by the clock of now, it was agreed to.
        is_over: whether it has ended.
    """
    consent = new_consent("127.0.0.1:5444", "", "code", "Ann")
    assert msgspec.structs.replace(consent, until=consent.until + timedelta(hours=hours)).is_over is is_over
