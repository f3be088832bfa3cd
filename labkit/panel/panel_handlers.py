"""The panel's part of the Jupyter server: what the lab and the course are, and a few actions.

Every request needs what all of Jupyter's own need: the token, or the cookie that it was exchanged for; and a POST by
cookie the XSRF token, which another site cannot know (jupyter_server:jupyter_server/base/handlers.py).
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import TYPE_CHECKING

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from jupyter_server.utils import url_path_join
from tornado import web

from labkit.base.errors import DeadlineExceeded, LabError, Misuse
from labkit.base.resources import kit_version

if TYPE_CHECKING:
    from labkit.panel.panel_state import PanelState

FORMAT = 1
"""The format of the answers; extension/src/server.ts reads this one alone."""

_LOOK_SECONDS, _ACT_SECONDS = 8.0, 60.0
_LOOKS = ("course", "live")
_MOST_BODY_BYTES = 4096
_LESSON = r"(?P<lesson>[a-z0-9-]{1,80})"


Answered = Mapping[str, object]
"""What a method of the state gives: JSON-ready values, each of a shape of its own there."""


class Questions:
    """Asks in threads, so that the server goes on meanwhile; whoever asks the same again waits for the same answer.

    The threads end with the process: an engine that hangs keeps no server from stopping.

    Args:
        make_state: makes what is asked, in the first thread that needs it.
    """

    def __init__(self, make_state: Callable[[], PanelState]) -> None:
        self._make_state = make_state
        self._state: PanelState | None = None
        self._is_made: Future[None] = Future()
        self._making, self._looking = threading.Lock(), threading.Lock()
        self._running: dict[tuple[str | bool, ...], Future[Answered]] = {}

    async def ask(self, question: str, *arguments: str | bool) -> Answered:
        """Call a method of the state in a thread, and wait for what it gives.

        Args:
            question: the method's name.
            arguments: for it.

        Raises:
            DeadlineExceeded: there was no answer in time; the thread goes on. A look's time begins when what it looks
                with is loaded, which takes a busy machine some seconds.
        """
        key = (question, *arguments)
        if (future := self._running.get(key)) is None:
            future = self._running[key] = Future()
            future.add_done_callback(lambda _: self._running.pop(key, None))
            threading.Thread(target=self._answer, args=(future, question, arguments), daemon=True).start()
        answer, is_made = asyncio.wrap_future(future), asyncio.wrap_future(self._is_made)
        await asyncio.wait((answer, is_made), timeout=_ACT_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        seconds = _LOOK_SECONDS if question in _LOOKS else _ACT_SECONDS
        try:
            return await asyncio.wait_for(asyncio.shield(answer), seconds)
        except TimeoutError:
            came_back = f"timed out: no answer after {seconds:g} s; the lab, or this machine, is busy or hangs"
            raise DeadlineExceeded("Asking the lab", came_back, "look at it\n  labkit doctor") from None

    def _answer(self, future: Future[Answered], question: str, arguments: tuple[str | bool, ...]) -> None:
        try:
            with self._making:
                if self._state is None:
                    self._state = self._make_state()
                    self._is_made.set_result(None)
            method: Callable[..., Answered] = getattr(self._state, question)
            # Looks share the connections of one lab.
            with self._looking if question in _LOOKS else contextlib.nullcontext():
                future.set_result(method(*arguments))
        except BaseException as error:
            future.set_exception(error)


class PanelHandler(APIHandler):
    """What all of the panel's handlers share."""

    auth_resource = "labkit"

    def initialize(self, questions: Questions) -> None:
        """Take what the server extension gives."""
        self.questions = questions

    async def answer(self, question: str, *arguments: str | bool) -> None:
        """Finish with what the state says, or with the three sentences of its error."""
        try:
            answer = await self.questions.ask(question, *arguments)
        except LabError as error:
            self.set_status(400 if isinstance(error, Misuse) else 504 if isinstance(error, DeadlineExceeded) else 503)
            answer = {"problem": error.to_dict()}
        self.set_header("Cache-Control", "no-store")
        self.finish({"format": FORMAT, "kit": kit_version(), **answer})


class CourseHandler(PanelHandler):
    """GET: the lessons, progress, the lab."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        await self.answer("course")


class PodsHandler(PanelHandler):
    """GET: a lesson's pods and containers."""

    @web.authenticated
    @authorized
    async def get(self, lesson: str) -> None:
        await self.answer("live", lesson)


class ActionHandler(PanelHandler):
    """POST: reset or restore a lesson, or say that its notebook has come to the front."""

    @web.authenticated
    @authorized
    async def post(self, lesson: str, action: str) -> None:
        await self.answer(action, lesson)


class HandHandler(PanelHandler):
    """POST: raise the participant's hand, or lower it."""

    @web.authenticated
    @authorized
    async def post(self) -> None:
        body = self.get_json_body() if len(self.request.body) <= _MOST_BODY_BYTES else None
        text, down = (body.get("text", ""), body.get("down")) if isinstance(body, dict) else (None, None)
        if not isinstance(text, str) or not isinstance(down, bool):
            raise web.HTTPError(400, "the body does not say whether the hand goes up")
        await self.answer("hand", text, down)


class HintHandler(PanelHandler):
    """POST: the next hint of an exercise, which is recorded as read."""

    @web.authenticated
    @authorized
    async def post(self, lesson: str) -> None:
        body = self.get_json_body() if len(self.request.body) <= _MOST_BODY_BYTES else None
        exercise = body.get("exercise") if isinstance(body, dict) else None
        if not isinstance(exercise, str):
            raise web.HTTPError(400, "the body names no exercise")
        await self.answer("hint", lesson, exercise)


def panel_handlers(
    base_url: str, make_state: Callable[[], PanelState]
) -> list[tuple[str, type[PanelHandler], dict[str, Questions]]]:
    """The handlers with their addresses.

    Args:
        base_url: of the server.
        make_state: makes what they ask.
    """
    questions = Questions(make_state)
    routes: list[tuple[str, type[PanelHandler]]] = [
        (r"course", CourseHandler),
        (r"hand", HandHandler),
        (rf"lessons/{_LESSON}/pods", PodsHandler),
        (rf"lessons/{_LESSON}/(?P<action>reset|restore|front)", ActionHandler),
        (rf"lessons/{_LESSON}/hint", HintHandler),
    ]
    return [(url_path_join(base_url, "labkit", path), handler, {"questions": questions}) for path, handler in routes]
