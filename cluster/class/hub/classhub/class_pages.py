"""The pages and answers that a class adds to the hub: signing in, one's return code, and what participants share."""

from __future__ import annotations

import hmac
import json
import secrets
from pathlib import Path
from typing import Any

from jupyterhub.handlers.base import BaseHandler
from jupyterhub.handlers.login import LoginHandler
from tornado import web

from classhub.desk import HubDesk
from classhub.shared_documents import NotTaken
from classhub.sign_in import INSTRUCTOR
from labkit.instructor.flood_limits import neighbourhood

_STYLE = Path(__file__).parent / "class.css"
_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_TOKEN_HEADER = "X-Class-Token"


class ClassLoginHandler(LoginHandler):  # type: ignore[misc]
    """GET: the form. POST: what was filled in; on success the page with the return code follows."""

    def initialize(self, desk: HubDesk) -> None:
        """Take what all share."""
        self.desk = desk

    @property
    def content_security_policy(self) -> str:
        """Nothing but our own style."""
        return _POLICY

    def _render(self, login_error: str | None = None, sync: bool = False, **_: Any) -> Any:
        """The form, with what was typed into it before, but for secrets."""
        return BaseHandler.render_template(
            self,
            "sign_in.html",
            sync,
            problem=login_error or "",
            code=self.get_body_argument("code", "")[:100],
            typed_name=self.get_body_argument("name", "")[:100],
            attempt=secrets.token_hex(16),
            kind=_kind_of_form(self),
            login_url=self.settings["login_url"],
            xsrf=self.xsrf_token.decode("ascii"),
            style=_style_url(self),
            class_name=self.desk.settings.name,
        )

    def get_next_url(self, user: Any = None, default: str | None = None) -> str:
        """After signing in, the return code; then where they wanted to go."""
        if self.request.method != "POST":
            return str(super().get_next_url(user, default))
        if user is not None and user.name == INSTRUCTOR:
            return f"{self.hub.base_url}admin"
        return f"{self.hub.base_url}welcome"


class WelcomeHandler(BaseHandler):  # type: ignore[misc]
    """GET: the participant's name and return code, and the way to the course."""

    def initialize(self, desk: HubDesk) -> None:
        """Take what all share."""
        self.desk = desk

    @property
    def content_security_policy(self) -> str:
        """Nothing but our own style."""
        return _POLICY

    @web.authenticated
    async def get(self) -> None:
        """The page."""
        user = self.current_user
        if user.name == INSTRUCTOR:
            self.redirect(f"{self.hub.base_url}admin")
            return
        member = self.desk.roster.restore(user.name)
        self.finish(
            await self.render_template(
                "welcome.html",
                shown_name=member.name,
                return_code="" if member.account else self.desk.sign_in.return_code(member.id),
                start_url=f"{self.hub.base_url}spawn",
                logout_url=self.settings["logout_url"],
                keeps_homes=self.desk.settings.has_volumes,
                has_engine=self.desk.settings.has_engine,
                style=_style_url(self),
            )
        )


class StyleHandler(BaseHandler):  # type: ignore[misc]
    """GET: the style of these pages."""

    def get(self) -> None:
        """The file."""
        self.set_header("Content-Type", "text/css; charset=utf-8")
        self.set_header("Cache-Control", "max-age=3600")
        self.finish(_STYLE.read_bytes())


class AnswerHandler(BaseHandler):  # type: ignore[misc]
    """What programs ask: no cookie counts here, and a refusal is one sentence as JSON."""

    _accept_cookie_auth = False
    _accept_token_auth = True

    def initialize(self, desk: HubDesk) -> None:
        """Take what all share."""
        self.desk = desk

    def check_xsrf_cookie(self) -> None:
        """No cookie counts, so none can be misused."""

    def write_error(self, status_code: int, **details: Any) -> None:
        """Finish with one sentence."""
        error = details.get("exc_info", (None, None))[1]
        sentence = error.log_message if isinstance(error, web.HTTPError) and error.log_message else self._reason
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps({"problem": sentence}))


class ShareHandler(AnswerHandler):
    """PUT: what a participant's server shares. DELETE: it shares no more. Who it is, the server's token says."""

    def _participant(self) -> str:
        user = self.current_user
        participant = getattr(user, "name", "")
        if user is None or self.desk.roster.get(participant) is None:
            raise web.HTTPError(403, "this is no participant's server: share from yours in this class")
        return str(participant)

    def put(self) -> None:
        """Take it."""
        participant = self._participant()
        if not self.desk.shares.allows(participant):
            self.set_header("Retry-After", "2")
            raise web.HTTPError(429, "sent too often: wait a moment")
        try:
            self.desk.shared.take(participant, self.request.body)
        except NotTaken as no:
            raise web.HTTPError(400, f"what was shared is not taken: {no}") from None
        self.set_status(204)

    def delete(self) -> None:
        """Forget this participant."""
        self.set_status(204 if self.desk.shared.forget(self._participant()) else 404)
        self.finish()


class RecordsHandler(AnswerHandler):
    """GET: what all share, for the instructor's machine alone. `?since=` a revision that it has seen."""

    def get(self) -> None:
        """The records."""
        given = self.request.headers.get(_TOKEN_HEADER, "")
        if not hmac.compare_digest(given.encode(errors="replace"), self.desk.secrets["instructor-token"].encode()):
            # The API server's proxy stands before us: all come from one place, and the right token counts.
            is_often = not self.desk.wrong.allows(neighbourhood(self.request.remote_ip or ""))
            raise web.HTTPError(429 if is_often else 403, "the instructor's token is missing or wrong")
        try:
            since = int(self.get_query_argument("since", "0"))
        except ValueError:
            raise web.HTTPError(400, "since is no number") from None
        self.set_header("Content-Type", "application/json")
        self.set_header("Cache-Control", "no-store")
        self.finish(json.dumps(self.desk.shared.since(since, self._name_of), separators=(",", ":")))

    def _name_of(self, participant: str) -> str:
        member = self.desk.roster.get(participant)
        return member.name if member else participant


def login_page(desk: HubDesk) -> tuple[str, Any, dict[str, Any]]:
    """The sign-in page, for JupyterHub."""
    return (r"/login", ClassLoginHandler, {"desk": desk})


def class_pages(desk: HubDesk) -> list[tuple[str, Any, dict[str, Any]]]:
    """The other pages and answers, for JupyterHub."""
    shared = {"desk": desk}
    return [
        (r"/welcome", WelcomeHandler, shared),
        (r"/class/style.css", StyleHandler, {}),
        (r"/class/share", ShareHandler, shared),
        (r"/class/records", RecordsHandler, shared),
    ]


def _style_url(handler: BaseHandler) -> str:
    return f"{handler.hub.base_url}class/style.css"


def _kind_of_form(handler: BaseHandler) -> str:
    """Which of the three forms was sent, so that it is open when it comes back."""
    for kind in ("token", "return_code"):
        if handler.get_body_argument(kind, ""):
            return kind
    return "code"
