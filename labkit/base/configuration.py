"""Names and places: what the lab is called and where its files lie."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field, replace
from pathlib import Path

import platformdirs

from labkit.base.errors import MachineLacks, Misuse

LABEL = "labkit.lab"
"""The label on everything the kit makes; its value is the lab's name."""

LESSON_LABEL = "labkit.lesson"
"""The label on what a lesson makes; its value is the lesson's name."""

SANDBOX_VARIABLE = "LABKIT_SANDBOX"
"""The variable that names the namespace of a participant of a class on a shared cluster."""

IMAGES_VARIABLE = "LABKIT_IMAGES"
"""The variable that says what stands before the sample images' short names there."""

ENGINE_VARIABLE = "LABKIT_ENGINE"
"""The variable that is `none` where a class gives its participants no engine."""

FACTS_VARIABLE = "LABKIT_FACTS"
"""The variable that names the file with what was written down of the sample images."""

_NAME = re.compile(r"[a-z]([a-z0-9-]{0,28}[a-z0-9])?")


@dataclass(frozen=True)
class Sandbox:
    """What a participant of a class on a shared cluster has in place of a cluster of their own.

    Args:
        namespace: the one in which their pods live; it is there already, and stays.
        images: what stands before the sample images' short names, as in `registry.example/labkit`; empty for what the
            lab's name gives.
        has_engine: whether there is one, such as podman in the participant's pod.
        facts: the file with what was written down of the sample images, for where there is none.
    """

    namespace: str
    images: str = ""
    has_engine: bool = True
    facts: Path = Path("/opt/labkit-facts/images.json")


@dataclass(frozen=True)
class Configuration:
    """One lab's name and folders. Two labs with different names share nothing but the cache.

    Args:
        name: names the cluster, prefixes the images, is the value of every label.
        state: what belongs to this lab: kubeconfig, lock, decisions, logs.
        cache: what any lab can use again: programs that were built, root file systems.
        data: what belongs to the participant and survives the lab: progress, worksheets.
        sandbox: what a class on a shared cluster gives to this participant; None for a lab of one's own.
    """

    name: str
    state: Path
    cache: Path
    data: Path
    sandbox: Sandbox | None = field(default=None, kw_only=True)

    @classmethod
    def from_environment(cls) -> Configuration:
        """Read LABKIT_NAME, LABKIT_STATE, LABKIT_CACHE and LABKIT_DATA; the default folders are the XDG ones.

        A class on a cluster sets LABKIT_SANDBOX, LABKIT_IMAGES and LABKIT_ENGINE in its participants' pods.

        Raises:
            Misuse: the name cannot be the name of a cluster.
            MachineLacks: there is no home folder for the default ones to lie in.
        """
        name = os.environ.get("LABKIT_NAME", "labkit")
        if not _NAME.fullmatch(name):
            raise Misuse(
                "Reading LABKIT_NAME",
                f"{name!r} cannot name a cluster",
                "use at most 30 lower-case letters, digits and hyphens, beginning with a letter",
            )
        try:
            state = os.environ.get("LABKIT_STATE") or platformdirs.user_state_path("labkit") / name
            cache = os.environ.get("LABKIT_CACHE") or platformdirs.user_cache_path("labkit")
            data = os.environ.get("LABKIT_DATA") or platformdirs.user_data_path("labkit") / name
        except RuntimeError as error:  # No HOME, and a user without a line in /etc/passwd.
            remedy = "say where yours is\n  export HOME=/path/of/a/folder"
            raise MachineLacks("Choosing the lab's folders", "this user has no home folder", remedy) from error
        return cls(name, Path(state), Path(cache), Path(data), sandbox=_sandbox())

    @property
    def kubeconfig(self) -> Path:
        """The kit's own kubeconfig (mode 0600); the user's is never read or written."""
        return self.state / "kubeconfig"

    def kubectl_variables(self, kubeconfig: Path) -> dict[str, str]:
        """What has kubectl speak with the lab's cluster, and keep what it learns of it in the lab's folder.

        Without KUBECACHEDIR it would lie in the user's ~/.kube, where `labkit clean` has no business.
        """
        return {"KUBECONFIG": str(kubeconfig), "KUBECACHEDIR": str(self.state / "kubectl-cache")}

    @property
    def labels(self) -> dict[str, str]:
        """What everything carries that the lab makes."""
        return {LABEL: self.name}

    @property
    def has_engine(self) -> bool:
        """Whether there is an engine: always in a lab of one's own, and where a class gives its participants one."""
        return self.sandbox is None or self.sandbox.has_engine

    def image_reference(self, short_name: str) -> str:
        """The full reference of a sample image.

        `localhost/` keeps a missing image from ever being looked for on a public registry,
        where anyone could own the name; a tag other than latest lets the kubelet use what was loaded.
        """
        prefix = self.sandbox.images if self.sandbox is not None else ""
        return f"{prefix or f'localhost/{self.name}'}/{short_name}:lab"


def _sandbox() -> Sandbox | None:
    """What a class has given to this pod."""
    if not (namespace := os.environ.get(SANDBOX_VARIABLE)):
        return None
    sandbox = Sandbox(namespace, os.environ.get(IMAGES_VARIABLE, ""), os.environ.get(ENGINE_VARIABLE) != "none")
    facts = os.environ.get(FACTS_VARIABLE)
    return replace(sandbox, facts=Path(facts)) if facts else sandbox
