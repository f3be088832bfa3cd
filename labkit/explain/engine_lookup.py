"""What the engine has of an image: asked over its socket, or else with the packages of the lab."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Self

from labkit.adapters.engine_endpoint import EngineUnreachable, choose_endpoint
from labkit.adapters.engine_socket import EngineSocket, socket_path
from labkit.base.configuration import Configuration
from labkit.base.errors import LabFailed
from labkit.base.log import LOG_VARIABLE, start_logging
from labkit.core.identity.model import Image, KnownImage, home_of

if TYPE_CHECKING:
    from labkit.adapters.engine import Engine

_PASSWD, _GROUP = "/etc/passwd", "/etc/group"
_SHORT_NAME = re.compile(r"[a-z0-9-]+")


class EngineLookup:
    """Looks images up in an engine.

    Args:
        engine: the engine.
        configuration: of the lab whose sample images go by their short names too.
    """

    def __init__(self, engine: Engine | EngineSocket, configuration: Configuration) -> None:
        self._engine = engine
        self._configuration = configuration

    @classmethod
    def connect(cls, *, verbose: bool = False, nearby: bool = False) -> Self:
        """Connect to the engine that the docker command would use, for the lab of the environment.

        Args:
            verbose: whether stderr shows the requests.
            nearby: whether only an engine of this machine is asked.

        Raises:
            EngineUnreachable: nothing answers, or we may not talk to it, or it is elsewhere.
        """
        configuration = Configuration.from_environment()
        if nearby and (endpoint := choose_endpoint()).socket is None:
            remedy = "leave out --offline, or use this machine's own engine"
            raise EngineUnreachable("Connecting to the engine", f"--offline forbids to ask {endpoint}", remedy)
        # Without a lab, as in CI, no folder is made for a log that nobody has asked for.
        if verbose or os.environ.get(LOG_VARIABLE) or configuration.state.is_dir():
            start_logging(configuration.state, verbose=verbose)
        path = socket_path() if configuration.has_engine else None
        if path is not None and (engine := EngineSocket(path, configuration.labels)).answers():
            return cls(engine, configuration)
        from labkit.adapters.engine import reach_engine

        return cls(reach_engine(configuration), configuration)

    def close(self) -> None:
        """Close the connection."""
        self._engine.close()

    def runc_version(self) -> tuple[int, int] | None:
        """Major and minor of the engine's runc, None if the engine does not say."""
        return self._engine.runc_version()

    def mapped_ids(self) -> int | None:
        """How many ids the engine's containers have; None for all."""
        return self._engine.mapped_ids()

    def find(self, name: str) -> KnownImage | None:
        """An image by its name, or by the short name of a sample image; None if the engine has none.

        Raises:
            LabFailed: it is not a name of an image, or the engine has stopped answering.
        """
        inspected = self._engine.image(name)
        if inspected is None and _SHORT_NAME.fullmatch(name):
            name = self._configuration.image_reference(name)
            inspected = self._engine.image(name)
        if inspected is None:
            return None
        config = inspected["Config"]
        user, home = config.get("User") or "", home_of(config.get("Env") or ())
        architecture = str(inspected.get("Architecture") or "")
        env, on_build = tuple(config.get("Env") or ()), _texts(config.get("OnBuild"))
        # Podman has them in another order each time.
        digest = next((text.rpartition("@")[2] for text in sorted(_texts(inspected.get("RepoDigests")))), "")
        if inspected.get("Os") == "windows":
            return KnownImage(Image(user, home=home, is_for_windows=True), digest, env, on_build, architecture)
        try:
            files = self._engine.look_inside(name, [_PASSWD, _GROUP])
        except LabFailed as error:
            note = f"its passwd and group files could not be read: {error.came_back}"
            unread_image = Image(user, home=home, files_known=False)
            return KnownImage(unread_image, digest, env, on_build, architecture, (note,))
        unread = [path for path, file in files.items() if file is not None and file.text is None]
        texts = {path: file.text if file else None for path, file in files.items()}
        image = Image(user, texts[_PASSWD], texts[_GROUP], home, files_known=not unread)
        note = f"{' and '.join(unread)} is a link or too large to be read through the engine"
        return KnownImage(image, digest, env, on_build, architecture, (note,) if unread else ())


def _texts(value: object) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list) else ()
