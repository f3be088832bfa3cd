"""What the class's server answers: the page to whoever has its token, and laptops that have the class's code."""

from __future__ import annotations

import hmac
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tornado import web

from labkit.base.errors import LabError, log_error
from labkit.course.course_overview import Course
from labkit.instructor.class_board import board
from labkit.instructor.class_csv import class_csv
from labkit.instructor.class_secrets import ClassSecrets
from labkit.instructor.flood_limits import Pace, neighbourhood
from labkit.instructor.record_source import RecordSource
from labkit.instructor.shared_records import Crowded, SharedRecords

PAGE = Path(__file__).parent / "page"
_FILES = {"watch.js": "text/javascript", "watch.css": "text/css"}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_KEY = r"(?P<key>[0-9A-Za-z_-]{1,64})"


@dataclass
class ClassDesk:
    """What all handlers share.

    Args:
        course: the lessons and exercises.
        source: where the page's records come from.
        shared: takes what laptops send.
        secrets: who may do what.
        hosts: HOST:PORT of each door, as a browser of ours names it.
        shares: how often a participant may send.
        wrong: how often a neighbourhood may have the wrong code or token before it is not listened to.
    """

    course: Course
    source: RecordSource
    shared: SharedRecords
    secrets: ClassSecrets
    hosts: set[str] = field(default_factory=set)
    shares: Pace = field(default_factory=lambda: Pace(1.0, 10))
    wrong: Pace = field(default_factory=lambda: Pace(0.2, 20))


class ClassHandler(web.RequestHandler):
    """What all of them have in common: headers, and errors without a page of tornado's."""

    def initialize(self, desk: ClassDesk) -> None:
        """Take what the server gives."""
        self.desk = desk

    def set_default_headers(self) -> None:
        """Nothing from elsewhere, nothing kept, and no name of a server's program."""
        self.clear_header("Server")
        for name, value in _HEADERS.items():
            self.set_header(name, value)

    @property
    def neighbours(self) -> str:
        """Where the request comes from."""
        return neighbourhood(self.request.remote_ip or "")

    def require(self, given: str | None, expected: str) -> None:
        """Refuse whoever lacks a secret. Who has it is never slowed down by those of the same address who guess.

        Raises:
            HTTPError: it is wrong, or was wrong too often.
        """
        if given is not None and hmac.compare_digest(given.encode(), expected.encode()):
            return
        if not self.desk.wrong.allows(self.neighbours):
            self.set_header("Retry-After", "60")
            raise web.HTTPError(429, "wrong too often: wait a minute")
        raise web.HTTPError(403, "the code or the token is wrong: ask for the line that is shown in class")

    def write_error(self, status_code: int, **details: Any) -> None:
        """Finish with one sentence."""
        error = details.get("exc_info", (None, None))[1]
        sentence = error.log_message if isinstance(error, web.HTTPError) and error.log_message else self._reason
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps({"problem": sentence}))

    def log_exception(self, typ: Any, value: BaseException | None, tb: Any) -> None:
        """Keep in the lab's log what is a mistake of ours. What somebody has sent is not written anywhere."""
        if value is not None and not isinstance(value, web.HTTPError):
            log_error(value, traceback=True)


class PageHandler(ClassHandler):
    """GET: the page; `?token=` is exchanged for a cookie, so that it is not in the address."""

    def prepare(self) -> None:
        """Refuse a name that is not ours: another site's, which leads a browser here (DNS rebinding)."""
        if self.request.host not in self.desk.hosts:
            raise web.HTTPError(421, "open the address that labkit class watch printed", reason="Misdirected Request")

    @property
    def _cookie(self) -> str:
        return "labkit-class-" + self.request.host.rpartition(":")[2]

    def authenticate(self) -> None:
        """Refuse whoever has no token."""
        self.require(self.get_cookie(self._cookie) or "", self.desk.secrets.token)

    def get(self) -> None:
        """The page itself."""
        token = self.get_query_argument("token", None)
        if token is not None:
            self.require(token, self.desk.secrets.token)
            secure = self.request.protocol == "https"
            self.set_cookie(self._cookie, token, httponly=True, secure=secure, samesite="Lax", path="/")
            self.redirect("/", status=303)
            return
        self.authenticate()
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.finish((PAGE / "watch.html").read_bytes())


class FileHandler(ClassHandler):
    """GET: the page's script and style, which tell nothing."""

    def get(self, name: str) -> None:
        """One of them."""
        self.set_header("Content-Type", f"{_FILES[name]}; charset=utf-8")
        self.finish((PAGE / name).read_bytes())


class BoardHandler(PageHandler):
    """GET: what the page shows, as JSON."""

    def get(self) -> None:
        """The board as it is now."""
        self.authenticate()
        if problem := self.desk.source.problem():
            raise web.HTTPError(503, problem.replace("%", "%%"))
        self.set_header("Content-Type", "application/json")
        values = board(self.desk.source.participants(), self.desk.course, datetime.now(UTC))
        self.finish(json.dumps(values, separators=(",", ":")))


class CsvHandler(PageHandler):
    """GET: the class as CSV."""

    def get(self) -> None:
        """A file with the day in its name."""
        self.authenticate()
        now = datetime.now(UTC)
        self.set_header("Content-Type", "text/csv; charset=utf-8")
        self.set_header("Content-Disposition", f'attachment; filename="class-{now.astimezone():%Y-%m-%d-%H%M}.csv"')
        self.finish(class_csv(self.desk.source.participants(), self.desk.course, now))


class ShareHandler(ClassHandler):
    """PUT: what a laptop shares. DELETE: it shares no more."""

    def prepare(self) -> None:
        """Refuse whoever does not have the class's code, and who sends too often."""
        scheme, _, code = self.request.headers.get("Authorization", "").partition(" ")
        self.require(code if scheme == "Bearer" else "", self.desk.secrets.code)

    def put(self, key: str) -> None:
        """Take it."""
        if not self.desk.shares.allows(key):
            self.set_header("Retry-After", "2")
            raise web.HTTPError(429, "sent too often: wait a moment")
        try:
            self.desk.shared.take(key, self.request.body, self.neighbours)
        except LabError as error:
            status = 429 if isinstance(error, Crowded) else 400
            raise web.HTTPError(status, f"{error.tried}: {error.came_back}".replace("%", "%%")) from None
        self.set_status(204)

    def delete(self, key: str) -> None:
        """Forget this participant."""
        self.set_status(204 if self.desk.shared.forget(key) else 404)
        self.finish()


def class_application(desk: ClassDesk) -> web.Application:
    """All of it, for tornado.

    Args:
        desk: what the handlers share.
    """
    shared = {"desk": desk}
    routes: list[Any] = [
        (r"/", PageHandler, shared),
        (r"/(watch\.js|watch\.css)", FileHandler, shared),
        (r"/board\.json", BoardHandler, shared),
        (r"/class\.csv", CsvHandler, shared),
        (rf"/participants/{_KEY}", ShareHandler, shared),
    ]
    # Requests are logged nowhere: neither who asks, nor what, nor a flood.
    return web.Application(
        routes,
        default_handler_class=NothingHandler,
        default_handler_args=shared,
        log_function=lambda _: None,
    )


class NothingHandler(ClassHandler):
    """Everything else."""

    def prepare(self) -> None:
        """There is no such page."""
        raise web.HTTPError(404, "there is no such page")
