"""Signing in to JupyterHub: the class's own way, and any other authenticator with the class's pages beside it."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Any

from jupyterhub.auth import Authenticator
from tornado import web
from traitlets import default
from traitlets.utils.importstring import import_item

from classhub.class_pages import class_pages, login_page
from classhub.desk import HubDesk, the_desk
from classhub.roster import ClassFull
from classhub.sign_in import INSTRUCTOR, NotLetIn
from labkit.instructor.flood_limits import neighbourhood


class ClassAuthenticator(Authenticator):  # type: ignore[misc]
    """A class code and a name, a return code, or the instructor's token; no account, no mail."""

    @default("allow_all")
    def _allow_all_default(self) -> bool:
        """Whoever `authenticate` names."""
        return True

    @property
    def desk(self) -> HubDesk:
        """What all share."""
        return the_desk()

    async def authenticate(self, handler: web.RequestHandler, data: dict[str, str]) -> dict[str, Any] | None:
        """Who it is.

        Raises:
            HTTPError: nobody, and why.
        """
        sign_in, neighbours = self.desk.sign_in, neighbourhood(handler.request.remote_ip or "")
        try:
            if data.get("token"):
                sign_in.require_instructor(data["token"], neighbours)
                return {"name": INSTRUCTOR, "admin": True}
            if data.get("return_code"):
                return {"name": sign_in.come_back(data["return_code"], neighbours).id, "admin": False}
            code, name, attempt = (data.get(key, "") for key in ("code", "name", "attempt"))
            return {"name": sign_in.join(code, name, attempt[:64], neighbours).id, "admin": False}
        except NotLetIn as no:
            raise web.HTTPError(no.status, no.sentence.replace("%", "%%")) from None

    def get_handlers(self, app: Any) -> list[Any]:
        """The sign-in page and the class's own."""
        return [login_page(self.desk), *class_pages(self.desk)]


def authenticator_named(name: str | type[Authenticator]) -> type[Authenticator]:
    """An authenticator as JupyterHub's settings name it: by a short name, by module and class, or itself."""
    if not isinstance(name, str):
        return name
    short = next(iter(entry_points(group="jupyterhub.authenticators", name=name.lower())), None)
    named: type[Authenticator] = short.load() if short else import_item(name)
    return named


def with_class_pages(other: type[Authenticator]) -> type[Authenticator]:
    """Another authenticator with the class's pages. Its accounts get a participant's id each, which is the user's name.

    Args:
        other: such as `oauthenticator.generic.GenericOAuthenticator`.
    """

    class NamedAuthenticator(other):  # type: ignore[misc]
        """It, for a class."""

        @default("allow_existing_users")
        def _allow_existing_users_default(self) -> bool:
            """JupyterHub's users are the class's ids: whoever has an account of such a name is not let in by it."""
            return False

        async def get_authenticated_user(self, handler: web.RequestHandler, data: Any) -> dict[str, Any] | None:
            """Who it is, by the id of the class."""
            user = await super().get_authenticated_user(handler, data)
            if user is None:
                return None
            return {**user, "name": INSTRUCTOR if user["admin"] else _participant_of(user["name"])}

        def get_handlers(self, app: Any) -> list[Any]:
            """Its own and the class's."""
            return [*super().get_handlers(app), *class_pages(the_desk())]

    return NamedAuthenticator


def _participant_of(account: str) -> str:
    """The id of an account's participant, who is taken in if they are new.

    Raises:
        HTTPError: the class is full.
    """
    try:
        return the_desk().roster.of_account(account).id
    except ClassFull:
        raise web.HTTPError(403, "the class is full: tell your instructor") from None
