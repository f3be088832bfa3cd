"""Signing in, sharing, attacks, and what is lost when hub or server go away: nothing."""

from __future__ import annotations

import asyncio
import json
import textwrap
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from labkit.adapters.kube.cluster_writer import ClusterWriter
from labkit.base.errors import LabFailed, NoRight
from labkit.base.waiting import wait_until
from labkit.course.course_overview import the_course
from labkit.instructor.cluster_records import ClusterRecords, hub_reader
from tests.classroom_live.class_player import PlayedRoom, Visitor
from tests.played_class import played_class
from tests.web_participant import WebParticipant

_HAND_IN = next(played_class(1))[1].decode()


class Players:
    """Two participants with servers, Ann and Eve.

    Args:
        runner: in whose loop they act.
        room: their class.
    """

    def __init__(self, runner: asyncio.Runner, room: PlayedRoom) -> None:
        self._ann, self._eve = (Visitor(room, runner, name) for name in ("Ann", "Eve"))
        self.run = self._ann.run
        for visitor in (self._ann, self._eve):
            visitor.start_server()
        self.ann, self.eve = self._ann.web, self._eve.web

    def cell(self, who: WebParticipant, code: str) -> str:
        """What a cell in somebody's server prints."""

        async def cell() -> str:
            async with who.kernel() as kernel:
                return await kernel.run(textwrap.dedent(code))

        return self.run(cell())


@pytest.fixture(scope="module")
def players(runner: asyncio.Runner, room: PlayedRoom) -> Iterator[Players]:
    both = Players(runner, room)
    yield both
    for visitor in (both.ann, both.eve):
        runner.run(visitor.ask_hub("DELETE", f"users/{visitor.id}/server"))
        runner.run(visitor.client.aclose())


# --- signing in ---


def test_whoever_comes_back_is_themselves_and_whoever_takes_their_name_is_not(
    runner: asyncio.Runner, room: PlayedRoom
) -> None:
    async def play() -> None:
        async with (
            WebParticipant(room.address) as ann,
            WebParticipant(room.address) as elsewhere,
            WebParticipant(room.address) as eve,
        ):
            await ann.sign_in(code=room.keys.class_code.upper().replace("-", " "), name="Ann Lee")
            await elsewhere.sign_in(return_code=ann.return_code.upper())
            await eve.sign_in(code=room.keys.class_code, name=ann.shown_name)
            assert (elsewhere.id, elsewhere.shown_name) == (ann.id, ann.shown_name)
            assert eve.id != ann.id
            assert eve.shown_name.startswith(f"{ann.shown_name} (")
            again = await ann.client.get("/hub/welcome")  # By the cookie alone.
            assert ann.return_code in again.text

    runner.run(play())


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("x" * 10_000, "x" * 79 + "…"),
        ("../../etc/passwd {{7*7}} ${HOME}", "../../etc/passwd {{7*7}} ${HOME}"),
        ("a\u202ecod.exe\x1b[2J", "a?cod.exe [2J"),
    ],
    ids=["markup", "10,000 characters", "paths and templates", "bidi and controls"],
)
def test_a_name_is_shown_as_it_is_and_does_nothing(
    runner: asyncio.Runner, room: PlayedRoom, typed: str, shown: str
) -> None:
    async def play() -> None:
        async with WebParticipant(room.address) as visitor:
            await visitor.sign_in(code=room.keys.class_code, name=typed)
            assert visitor.shown_name.startswith(shown)  # A number behind it where the test ran before.
            page = await visitor.client.get("/hub/welcome")
            assert "<script" not in page.text
            assert "default-src 'none'" in page.headers["Content-Security-Policy"]

    runner.run(play())


@pytest.mark.timeout(1200, func_only=True)
def test_who_guesses_ten_thousand_times_is_not_let_in_and_the_class_beside_them_is(
    runner: asyncio.Runner, room: PlayedRoom
) -> None:
    async def guess(eve: WebParticipant, numbers: Iterator[int], hidden: dict[str, str], seen: Counter[int]) -> None:
        for number in numbers:
            form = {**hidden, "code": f"guess-{number}", "name": "Eve"}
            seen[(await eve.client.post("/hub/login", data=form)).status_code] += 1

    async def play() -> None:
        numbers, seen, waited = iter(range(10_000)), Counter[int](), list[float]()
        async with WebParticipant(room.address) as eve:
            hidden = await eve.hidden_fields()
            async with asyncio.TaskGroup() as group:
                guessing = [group.create_task(guess(eve, numbers, hidden, seen)) for _ in range(16)]
                while not all(task.done() for task in guessing):
                    started = time.monotonic()
                    async with WebParticipant(room.address) as ann:
                        await ann.sign_in(code=room.keys.class_code, name="Ann")
                    waited.append(time.monotonic() - started)
                    await asyncio.wait(guessing, timeout=20)
        print(f"{seen}; meanwhile Ann was in after at most {max(waited):.2f} s, {len(waited)} times")
        assert sum(seen.values()) == 10_000
        assert seen.keys() <= {403, 429}
        assert seen[403] < 1000, "most guesses were looked at"

    runner.run(play())


def test_the_instructor_sees_all_and_has_no_server(runner: asyncio.Runner, room: PlayedRoom) -> None:
    async def play() -> None:
        async with WebParticipant(room.address) as instructor, WebParticipant(room.address) as eve:
            assert (await eve.send_form(token=room.keys.class_code)).status_code in (403, 429)
            page = await instructor.send_form(token=room.keys.instructor_token)
            assert page.url.path == "/hub/admin"
            assert (await instructor.ask_hub("GET", "users")).status_code == 200
            assert (await instructor.client.get("/hub/spawn")).status_code == 403

    runner.run(play())


# --- sharing ---

_SHARING = """
import json, os, urllib.error, urllib.request
def share(content, token, method="PUT", path="/hub/class/share"):
    url = os.environ["JUPYTERHUB_API_URL"].removesuffix("/hub/api") + path
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        return urllib.request.urlopen(urllib.request.Request(url, content, headers, method=method), timeout=20).status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError as error:
        return type(error).__name__
own = os.environ["JUPYTERHUB_API_TOKEN"]
"""


def test_what_a_server_shares_is_seen_by_the_instructor_alone_under_the_name_of_the_sign_in(
    cluster: ClusterWriter, room: PlayedRoom, players: Players
) -> None:
    asked = f"share({_HAND_IN.encode()!r}, own), share(b'', own, 'GET', '/hub/class/records')"
    code = f"{_SHARING}\nprint(json.dumps([{asked}]))"
    assert json.loads(players.cell(players.ann, code)) == [204, 403]
    records = ClusterRecords(the_course(), hub_reader(cluster, room.settings.name))
    records.refresh()
    assert records.problem() == ""
    (ann,) = [who for who in records.participants() if who.name == players.ann.shown_name]
    assert ann.lessons
    assert json.loads(players.cell(players.ann, f"{_SHARING}\nprint(json.dumps(share(None, own, 'DELETE')))")) == 204
    records.refresh()
    assert players.ann.shown_name not in [who.name for who in records.participants()]


def test_nobody_shares_as_another_or_too_much(players: Players) -> None:
    code = f"""{_SHARING}
import http.client
def announce(size):
    connection = http.client.HTTPConnection(os.environ["JUPYTERHUB_API_URL"].split("/")[2], timeout=20)
    connection.putrequest("PUT", "/hub/class/share")
    connection.putheader("Authorization", f"Bearer {{own}}")
    connection.putheader("Content-Length", str(size))
    connection.endheaders()
    return connection.getresponse().status
print(json.dumps([share(b"{{}}", ""), share(b"{{}}", "f" * 32), share(b"x" * 200_000, own), announce(1 << 30)]))
"""
    assert json.loads(players.cell(players.eve, code)) == [403, 403, 400, 400]


# --- the hub's own answers to an attack; test_attack.py has the cluster's ---


def test_a_cookie_gives_nothing_of_anothers(players: Players) -> None:
    async def play() -> dict[str, int]:
        eve, ann = players.eve, players.ann.id
        answers = {
            "page": await eve.client.get(f"/user/{ann}/lab"),
            "api": await eve.client.get(f"/user/{ann}/api/contents"),
            "user": await eve.ask_hub("GET", f"users/{ann}"),
            "users": await eve.ask_hub("GET", "users"),
            "stop": await eve.ask_hub("DELETE", f"users/{ann}/server"),
            "token": await eve.ask_hub("POST", f"users/{ann}/tokens", json={}),
            "admin": await eve.client.get("/hub/admin"),
            "routes": await eve.ask_hub("GET", "proxy"),
            "shutdown": await eve.ask_hub("POST", "shutdown", json={}),
        }
        return {name: response.status_code for name, response in answers.items()}

    statuses = players.run(play())
    assert {name: status for name, status in statuses.items() if status not in (403, 404)} == {}


def test_an_instructor_without_the_right_reads_no_records(cluster: ClusterWriter, room: PlayedRoom) -> None:
    path = "hub/class/records"
    with pytest.raises((NoRight, LabFailed)):
        cluster.ask_service(room.settings.name, "hub:8081", path, {}, {"X-Class-Token": "guess"})


# --- what goes away comes back ---


def _hubs(cluster: ClusterWriter, room: PlayedRoom) -> list[str]:
    """The pods of the hub that are ready; none while the API server does not answer."""
    try:
        pods = list(cluster.list(f"api/v1/namespaces/{room.settings.name}/pods", "app=hub"))
    except LabFailed:
        return []
    return [
        pod["metadata"]["name"]
        for pod in pods
        if not pod["metadata"].get("deletionTimestamp")
        and ("Ready", "True") in {(state["type"], state["status"]) for state in pod["status"].get("conditions", ())}
    ]


def test_a_killed_hub_loses_no_server_and_nobody(cluster: ClusterWriter, room: PlayedRoom, players: Players) -> None:
    (before,) = _hubs(cluster, room)

    async def play() -> None:
        async with players.ann.kernel() as kernel:
            await kernel.run("kept = 6 * 7")
            cluster.delete(f"api/v1/namespaces/{room.settings.name}/pods/{before}", grace_seconds=0)
            assert await kernel.run("print(kept)") == "42\n"
            wait_until(
                "another hub",
                lambda: _hubs(cluster, room),
                seconds=180,
                remedy="look at it",
                is_there=lambda pods: any(pod != before for pod in pods),
                interval=0.5,
            )
            assert await kernel.run("print(kept)") == "42\n"
        welcome = await players.ann.client.get("/hub/welcome")
        assert players.ann.return_code in welcome.text
        assert players.ann.shown_name in welcome.text
        assert (await players.ann.state())["servers"][""]["ready"]

    players.run(play())


def test_a_server_that_is_gone_comes_back_with_its_files(
    cluster: ClusterWriter, room: PlayedRoom, players: Players
) -> None:
    if not room.settings.has_volumes:
        pytest.fail("this cluster has no volumes: what it loses is said on the welcome page and by labkit class doctor")
    mark = f"mark-{time.time_ns()}"
    players.cell(players.eve, f"open('/home/participant/{mark}', 'w').write('here')")
    namespace = room.settings.server_namespace(players.eve.id)
    (pod,) = cluster.list(f"api/v1/namespaces/{namespace}/pods")
    cluster.delete(f"api/v1/namespaces/{namespace}/pods/{pod['metadata']['name']}", grace_seconds=0)

    async def until_noticed() -> None:
        deadline = time.monotonic() + 120
        while not (state := await players.eve.state()) or state.get("servers"):
            assert time.monotonic() < deadline, "the hub does not notice that the server's pod is gone"
            await asyncio.sleep(0.5)

    players.run(until_noticed())
    players.run(players.eve.start_server())
    assert players.cell(players.eve, f"print(open('/home/participant/{mark}').read())") == "here\n"
