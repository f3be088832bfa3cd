"""The options of docker's commands that take no value, and the several names of a command.

Source: docker/cli:cli/command and cli/flags.
"""

from __future__ import annotations

from typing import Final


def _split(text: str) -> frozenset[str]:
    return frozenset(text.split())


GLOBAL_ALONE: Final = _split("D debug tls tlsverify v version help h")
RUN_ALONE: Final = _split(
    """d detach i interactive t tty rm init privileged P publish-all read-only no-healthcheck oom-kill-disable q
    quiet sig-proxy disable-content-trust help use-api-socket"""
)
EXEC_ALONE: Final = _split("d detach i interactive t tty privileged help")
BUILD_ALONE: Final = _split(
    "compress disable-content-trust force-rm no-cache pull q quiet rm squash push load check D debug help"
)
INSPECT_ALONE: Final = _split("s size help")
HISTORY_ALONE: Final = _split("H human no-trunc q quiet help")
REMOVE_ALONE: Final = _split("f force no-prune l link v volumes help")
LISTING_ALONE: Final = _split("a all digests no-trunc q quiet tree l latest s size help")
OTHER_ALONE: Final = _split("a all-tags q quiet disable-content-trust p pause no-pause help")

ALIASES: Final = {
    ("container", "run"): "run",
    ("container", "create"): "create",
    ("container", "exec"): "exec",
    ("image", "build"): "build",
    ("builder", "build"): "build",
    ("buildx", "build"): "build",
    ("buildx", "b"): "build",
    ("image", "inspect"): "image inspect",
    ("image", "history"): "history",
    ("image", "save"): "save",
    ("image", "import"): "import",
    ("image", "rm"): "rmi",
    ("image", "remove"): "rmi",
    ("image", "tag"): "tag",
    ("image", "ls"): "images",
    ("image", "list"): "images",
    ("image", "pull"): "pull",
    ("image", "push"): "push",
    ("container", "ls"): "ps",
    ("container", "list"): "ps",
    ("container", "ps"): "ps",
    ("container", "commit"): "commit",
    ("context", "use"): "context use",
    ("network", "create"): "network create",
    ("volume", "create"): "volume create",
    **{("container", verb): verb for verb in ("rm", "remove", "kill", "stop", "pause", "rename", "restart")},
}
"""Two words that mean a command with a name of its own."""
