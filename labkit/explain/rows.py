"""What `labkit explain` answers: one row for each container, with the chain of who decided what."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NotRequired, TypedDict

from labkit.core import identity
from labkit.core.admission.api_server import NOT_ASKED, ApiVerdict
from labkit.core.causes import Cause
from labkit.core.identity.model import Answer, IdentityJson, ImageOrigin, VerdictJson
from labkit.show import counted
from labkit.show.table import Table

if TYPE_CHECKING:
    from labkit.explain.seen_in_pods import SeenInPods, SeenJson

SETTINGS_ALONE = "with these settings"
"""The name of a pod that is asked about by an image and settings, and not by a manifest."""
_HEADERS = ("container", "image user", "decided by", "runs as", "verdict", "cause")
_DECIDED_BY = {
    "image": "the image",
    "container": "the container's runAsUser",
    "pod": "the pod's runAsUser",
    "-u": "docker run -u",
    "default": "nobody: the default",
}


@dataclass(frozen=True)
class BuildOutcome:
    """Whether a Dockerfile's build goes through, as far as that is decided without running its commands.

    Args:
        ok: whether it does.
        message: in the builder's words, where it does not.
    """

    ok: bool
    message: str | None = None


class BuildJson(TypedDict):
    """Whether a Dockerfile's build goes through."""

    ok: bool
    message: str | None


class ExplanationJson(TypedDict):
    """A container, as `labkit explain --json` prints it; docs/explain.md has the fields."""

    file: str | None
    kind: str
    name: str
    namespace: str
    container: str
    role: str
    image: str
    image_user: str | None
    image_from: str | None
    image_digest: str | None
    api: VerdictJson
    kubelet: VerdictJson
    runs_as: IdentityJson | None
    because: list[str]
    build: NotRequired[BuildJson]
    run_as_non_root: NotRequired[VerdictJson | None]
    actual: NotRequired[SeenJson]


@dataclass(frozen=True)
class Explanation:
    """As whom one container will run, or who refuses it, and why.

    Args:
        file: the manifest's file, None if it comes from none.
        kind: of the workload; "docker run" for the engine.
        name: of the workload.
        namespace: of the workload.
        container: its name.
        role: init, main or ephemeral.
        image: as the manifest names it.
        image_user: the image's Config.User, None if the image is not known.
        answer: the rules' answer.
        api: whether the API server lets it in at all; nobody asks it about a Dockerfile or `docker run`.
        forgiven: whether no gate minds that its user is not known.
        build: of a Dockerfile; None for anything else.
        non_root: the answer for a pod with runAsNonRoot, of a Dockerfile whose user is known.
        advice: what a gate says where the user is not known; None for the usual.
        never_root: whether its settings forbid root, whoever the image names.
        annotations: of the workload, those that are for this kit.
        origin: where the image was found; None if it is not known, or nobody looked for it.
        seen: what the pods of a cluster show of it; None for what is in no cluster.
    """

    file: str | None
    kind: str
    name: str
    namespace: str
    container: str
    role: str
    image: str
    image_user: str | None
    answer: Answer
    api: ApiVerdict = NOT_ASKED
    forgiven: bool = False
    build: BuildOutcome | None = None
    non_root: Answer | None = None
    advice: str | None = None
    never_root: bool = False
    annotations: Mapping[str, object] = field(default_factory=dict)
    origin: ImageOrigin | None = None
    seen: SeenInPods | None = None

    def to_dict(self) -> ExplanationJson:
        """As JSON-ready values."""
        values: ExplanationJson = {
            "file": self.file,
            "kind": self.kind,
            "name": self.name,
            "namespace": self.namespace,
            "container": self.container,
            "role": self.role,
            "image": self.image,
            "image_user": self.image_user,
            "image_from": self.origin.place if self.origin is not None else None,
            "image_digest": (self.origin.digest or None) if self.origin is not None else None,
            "api": self.api.to_dict(),
            "kubelet": self.answer.kubelet_to_dict(),
            "runs_as": self._identity(),
            "because": list(self.because),
        }
        if self.build is not None:
            values["build"] = {"ok": self.build.ok, "message": self.build.message}
            values["run_as_non_root"] = self.non_root.kubelet_to_dict() if self.non_root is not None else None
        if self.seen is not None:
            values["actual"] = self.seen.to_dict()
        return values

    def _identity(self) -> IdentityJson | None:
        """Who it will be; what depends on an image that is not known is null, and its uid may still be known."""
        answer = self.answer
        if self.api.ok is False:
            return None
        if answer.runs_as is not None or not answer.ok or answer.uid is None:
            return answer.identity_to_dict()
        return {"uid": answer.uid, "gid": answer.gid, "groups": None, "user": None, "home": answer.home}

    @property
    def because(self) -> tuple[str, ...]:
        """Who decided what, the API server first."""
        seen = (f"in the cluster: {self.seen}", *self.seen.differences) if self.seen is not None else ()
        return (*self.api.chain((*self._sentences_on_origin(), *self.answer.because)), *seen)

    def _sentences_on_origin(self) -> tuple[str, ...]:
        """Where the image's user comes from, if it was asked of a registry: nobody has the image here."""
        if self.origin is None or self.origin.place != "registry":
            return ()
        return (f"its registry says what {self.image} is: {self.origin.digest}, USER {self.origin.user or 'empty'}",)

    @property
    def cause(self) -> Cause | None:
        """Why it does not run, from the closed list; None if it does, or if that is not known."""
        return self.api.cause or self.answer.cause

    @property
    def title(self) -> str:
        """Which container it is, in a few words."""
        if self.name == SETTINGS_ALONE:
            return f"{self.kind} of {self.container}"
        role = "" if self.role == "main" else f" ({self.role})"
        name = f"{self.namespace}/{self.name}" if self.seen is not None else self.name
        return " ".join(part for part in (self.kind, name, self.container) if part) + role

    @property
    def verdict(self) -> str:
        """runs, refused by whom, or not known."""
        if self.build is not None and not self.build.ok:
            return "the build stops"
        if self.api.ok is False:
            return "admission refuses" if self.api.cause is Cause.POD_SECURITY else "the API server refuses"
        if self.answer.ok is None:
            return "runs" if self.seen is not None and self.seen.identities else "not known"
        if self.answer.ok:
            return "runs"
        if self.answer.kubelet_refusal is self.answer.refusal:
            return "the kubelet refuses"
        return "the engine refuses" if self.kind in ("docker run", "Compose") else "the runtime refuses"

    @property
    def runs_as(self) -> str:
        """The identity in a few words, empty if it does not run."""
        if self.api.ok is False:
            return ""
        who = self.answer.runs_as
        if self.answer.user_name is not None:
            return f"{self.answer.user_name} of Windows"
        if who is None:
            known = (("uid", self.answer.uid), ("gid", self.answer.gid))
            return ", ".join(f"{name} {number}" for name, number in known if number is not None)
        others = [str(gid) for gid in who.groups if gid != who.gid]
        name = f" ({who.user})" if who.user else ""
        return f"uid {who.uid}{name}, gid {who.gid}" + (f", groups {' '.join(others)}" if others else "")

    @property
    def objection(self) -> str | None:
        """Why a gate must stay shut: it is refused, it is root, or its user is not known; None if it may pass."""
        if self.build is not None and not self.build.ok:
            return f"the build stops: {self.build.message}"
        if self.seen is not None and self.is_seen_as_root:
            return f"runs as root in {self.seen.root_pods} of {self.seen.pods} pods"
        if self.is_refused:
            return f"{self.verdict} ({self.cause})"
        if self.seen is not None and self.seen.refusals:
            refusal = self.seen.refusals[0]
            return f"does not start in {refusal.pods} of {self.seen.pods} pods ({refusal.cause}): {refusal.message}"
        if self.answer.uid == 0:
            return "runs as root"
        if self.answer.is_administrator and self.answer.user_name is not None:
            return f"runs as {self.answer.user_name}, who is to Windows what root is to Linux"
        return None if self.forgiven else self.unknown

    @property
    def is_seen_as_root(self) -> bool:
        """Whether pods of a cluster run it as root, whatever was predicted."""
        return self.seen is not None and self.seen.root_pods > 0

    @property
    def is_refused(self) -> bool:
        """Whether somebody says no to it, be it API server, admission, kubelet, runtime or engine."""
        return self.api.ok is False or self.answer.ok is False

    @property
    def unknown(self) -> str | None:
        """Why it is not known as whom it runs, and what tells it; None if it is known, or refused."""
        answer = self.answer
        if self.is_refused or (answer.ok and (answer.uid is not None or answer.user_name is not None)):
            return None
        if self.build is not None and (self.answer.ok or not self.build.ok):
            return None
        if self.seen is not None and (self.seen.identities or self.seen.refusals):
            return None
        if self.advice is not None:
            return self.advice
        image = self.image or "the image that its operator takes"
        if not self.image:
            return f"its user is not known: {image} is not named there; set runAsUser for it"
        if self.image_user:
            return (
                f"its user {self.image_user} is a name, and its uid is not known without the image's passwd file: "
                f"say the number, --image-user {image}=UID, or have the image here, --archive PATH"
            )
        return f"its user is not known: give it, --image-user {image}=USER, or have the image here, --archive PATH"

    def row(self) -> tuple[str, ...]:
        """The cells of its line in the table."""
        nobody = f"(empty: {identity.ADMINISTRATOR})" if self.answer.is_for_windows else "(empty: root)"
        user = "not known" if self.image_user is None else self.image_user or nobody
        decided_by = _DECIDED_BY[self.answer.decided_by]
        if self.answer.is_for_windows:
            decided_by = decided_by.replace("runAsUser", "runAsUserName")
        if self.kind == "Compose" and self.answer.decided_by == "-u":
            decided_by = "the service's user"
        seen = (str(self.seen),) if self.seen is not None else ()
        return (self.title, user, decided_by, self.runs_as, *seen, self.verdict, str(self.cause or ""))


@dataclass(frozen=True, repr=False)
class Explanations:
    """The answers, with notes and with what could not be read.

    Args:
        rows: one for each container.
        notes: what was skipped or not found.
        flaws: what could not be read.
        unjudged: what may run pods that were not seen, and what to do about each.
    """

    rows: Sequence[Explanation]
    notes: Sequence[str] = field(default_factory=tuple)
    flaws: Sequence[str] = field(default_factory=tuple)
    unjudged: Sequence[str] = field(default_factory=tuple)

    @classmethod
    def joined(cls, parts: Sequence[Explanations]) -> Explanations:
        """Several as one, in their order."""
        return cls(
            [row for part in parts for row in part.rows],
            [note for part in parts for note in part.notes],
            [flaw for part in parts for flaw in part.flaws],
            [sentence for part in parts for sentence in part.unjudged],
        )

    def with_origins(self, origin: Callable[[str], ImageOrigin | None]) -> Explanations:
        """The same, with where each image was found.

        Args:
            origin: gives it by the image's name.
        """
        return replace(self, rows=[replace(row, origin=origin(row.image)) for row in self.rows])

    def __iter__(self) -> Iterator[Explanation]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Explanation:
        return self.rows[index]

    def to_dicts(self) -> list[ExplanationJson]:
        """As JSON-ready values, one for each container."""
        return [row.to_dict() for row in self.rows]

    def objections(self) -> list[str]:
        """Why a gate would stay shut, a line each: what is refused, root or not known, and what was not judged."""
        return [*(f"{row.title}: {row.objection}" for row in self.rows if row.objection), *self.unjudged]

    def gate(self) -> Table:
        """The same as a table, for whoever reads it."""
        objections = self.objections()
        note = f"the gate has {counted(len(objections), 'objection')}" if objections else "the gate has no objection"
        rows = [(row.title, row.objection) for row in self.rows if row.objection]
        return Table("", ("container", "objection"), [*rows, *(("not judged", text) for text in self.unjudged)], note)

    def table(self) -> Table:
        """One line for each container, the notes below."""
        in_cluster = any(row.seen is not None for row in self.rows)
        headers = (*_HEADERS[:4], "in the cluster", *_HEADERS[4:]) if in_cluster else _HEADERS
        return Table("", headers, [row.row() for row in self.rows], "\n".join(self.notes))

    def chains(self) -> Table:
        """Who decided what, for each container."""
        return Table("", (), [(row.title, "\n".join(row.because)) for row in self.rows])

    def printed(self, room: int | None) -> str:
        """The tables as they are printed, without colours: the containers, and the chain of each.

        Args:
            room: the width of the terminal; None for as wide as they are.
        """
        return f"{self.table().text(room)}\n\n{self.chains().text(room)}"

    def unread(self) -> str:
        """What could not be read or judged, a line each."""
        unjudged = [f"not judged: {sentence}" for sentence in self.unjudged]
        return "\n".join([*unjudged, *(f"not read: {flaw}" for flaw in self.flaws)])

    def __str__(self) -> str:
        return "\n\n".join(part for part in (str(self.table()), str(self.chains()), self.unread()) if part)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        unread = f"<pre>{html.escape(self.unread())}</pre>" if self.unread() else ""
        return self.table()._repr_html_() + self.chains()._repr_html_() + unread
