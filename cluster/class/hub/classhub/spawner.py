"""KubeSpawner for a class: before a server comes its sandbox, of the same objects as everywhere else."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from aiohttp import ClientError
from jupyterhub.spawner import Spawner
from kubernetes_asyncio import client, utils
from kubespawner import KubeSpawner
from tornado import web

from classhub.desk import the_desk
from classhub.sandbox_making import Refused, make_all
from classhub.sign_in import INSTRUCTOR
from labkit.lab.classroom.sandbox import sandbox_objects


@dataclass(frozen=True)
class ApiMaker:
    """Makes objects through the API server.

    Args:
        api: the connection to it.
        seconds: how long a request may take.
    """

    api: client.ApiClient
    seconds: float

    async def create(self, manifest: dict[str, Any]) -> None:
        """Create an object, or raise Refused."""
        try:
            await utils.create_from_dict(self.api, manifest, _request_timeout=self.seconds)
        except utils.FailToCreateError as error:
            cause = error.api_exceptions[0]
            raise Refused(cause.status or 0, _message(cause)) from error
        except (ClientError, TimeoutError) as error:
            raise Refused(0, f"the API server does not answer: {error or type(error).__name__}") from error

    async def is_there(self, manifest: dict[str, Any]) -> bool:
        """Whether there is an object of that kind and name; no where nothing can be learned of it."""
        metadata = manifest["metadata"]
        group, _, version = manifest["apiVersion"].rpartition("/")
        # The names by which kubernetes_asyncio has them, as in its own create_from_dict.
        family = "".join(part.capitalize() for part in (group.removesuffix(".k8s.io") or "core").split("."))
        kind = re.sub(r"(?<!^)(?=[A-Z])", "_", manifest["kind"]).lower()
        functions = getattr(client, f"{family}{version.capitalize()}Api")(self.api)
        place = (metadata["namespace"],) if "namespace" in metadata else ()
        read = getattr(functions, f"read_namespaced_{kind}" if place else f"read_{kind}")
        try:
            await read(metadata["name"], *place, _request_timeout=self.seconds)
        except (client.ApiException, ClientError, TimeoutError):
            return False
        return True


class ClassSpawner(KubeSpawner):  # type: ignore[misc]
    """A server alone in its namespace, and a namespace for its lessons beside it."""

    async def _ensure_namespace(self) -> None:
        """KubeSpawner makes the namespace here, and nothing else; we make all of the sandbox.

        Raises:
            HTTPError: the cluster does not take it.
        """
        settings = the_desk().settings
        if settings.prepared:
            return
        try:
            made = await make_all(
                sandbox_objects(settings, self.user.name), ApiMaker(self.api.api_client, self.k8s_api_request_timeout)
            )
        except Refused as error:
            self.log.error("Making the sandbox of %s: %s", self.user.name, error.message)
            sentence = f"your place in the cluster cannot be made: {error.message}. Tell your instructor."
            raise web.HTTPError(503, sentence.replace("%", "%%")) from error
        self.log.info("The sandbox of %s is there (%d objects made)", self.user.name, made)


def refuse_the_instructor(spawner: Spawner) -> None:
    """The instructor has no server: they have a name on the instructor's page only as a participant.

    Raises:
        HTTPError: it is the instructor.
    """
    if spawner.user.name == INSTRUCTOR:
        raise web.HTTPError(403, "the instructor has no server: sign in with the class's code in a private window")


def _message(error: client.ApiException) -> str:
    """What the API server says of a refusal, without the whole answer."""
    try:
        return str(json.loads(error.body)["message"])
    except (ValueError, KeyError, TypeError):
        return str(error.reason or error.status)
