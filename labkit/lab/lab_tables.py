"""The lab's tables: how it is, its sample images, and whether these keep their contracts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from labkit.show import counted
from labkit.show.table import Table


def status_table(status: Mapping[str, Any]) -> Table:
    """How the lab is, a thing a line.

    Args:
        status: as `labkit.lab.lab.Lab.status` gives it.
    """
    engine, cluster = status["engine"], status["cluster"]
    made = [image for image in status["images"] if image["source"]]
    sources = sorted({image["source"] for image in made})
    rows = [
        ("lab", status["state"]),
        ("engine", f"{engine['name']} {engine['version'] or ''}".strip() if engine["reachable"] else engine["problem"]),
        ("cluster", f"{cluster['name']}, Kubernetes {cluster['kubernetes']}" if cluster["ready"] else "not running"),
        ("node image", cluster["source"] or "not made yet"),
        ("sample images", f"{len(made)} of {len(status['images'])}, {' and '.join(sources) or 'none made yet'}"),
    ]
    if being_made := status.get("making"):
        rows.insert(1, ("being made" if being_made["at_work"] else "not made", being_made["summary"]))
    if not engine["reachable"]:
        rows.insert(2, ("what to do", engine["remedy"]))
    return Table("", (), rows)


def images_table(images: Sequence[Mapping[str, Any]], notes: bool = False) -> Table:
    """The sample images, one a line.

    Args:
        images: as `labkit.lab.survey` gives them.
        notes: whether to say where stand-ins differ.
    """
    rows = [
        (
            image["name"],
            image["source"] or "not made yet",
            "" if image["user"] is None else image["user"] or "(empty: root)",
            "" if image["uid"] is None else image["uid"],
            {None: "", True: "yes"}.get(image["non_root"], f"no: {image['cause']}"),
            f"{image['size'] / 1e6:.0f} MB" if image["size"] else "",
            {None: "", True: "yes", False: "no"}[image["shell"]],
            image["summary"],
        )
        for image in images
    ]
    differ = [image for image in images if image["note"] and image["source"] == "stand-in"]
    note = f"{counted(len(differ), 'stand-in')} not quite like upstream: labkit images --verbose" if differ else ""
    if notes and differ:
        note = "\n".join(
            ["Stand-ins differ from upstream:", *(f"{image['name']}: {image['note']}." for image in differ)]
        )
    head = ("image", "source", "Config.User", "uid", "passes runAsNonRoot", "size", "shell", "what it is")
    return Table("", head, rows, note)


def contracts_table(verified: Sequence[Mapping[str, Any]]) -> Table:
    """Whether each image keeps its contract, where it breaks it, and since when the contract stands.

    Args:
        verified: as `labkit.lab.survey.verify` gives it.
    """
    rows = [
        (
            image["name"],
            image["source"] or "",
            image["recorded"],
            ("\n".join(image["broken"]) or "keeps its contract") if image["present"] else "not made yet",
        )
        for image in verified
    ]
    return Table("", ("image", "source", "contract of", "verdict"), rows)


def lock_report(locked: Mapping[str, str], upstreams: Sequence[str | None]) -> str:
    """What was locked, where, and of which images there was nothing to lock.

    Args:
        locked: upstream reference -> digest.
        upstreams: the upstream reference of each sample image, None for one that is the kit's own.
    """
    if not locked:
        return "no upstream image is here, and a stand-in has no digest upstream: there is nothing to lock"
    rest = sorted({name for name in upstreams if name} - set(locked))
    lines = [f"{name}@{digest}" for name, digest in locked.items()]
    lines.append("locked in cluster/images.lock: commit it, and everybody pulls these")
    if rest:
        lines.append(f"nothing to lock for a stand-in, or for what is not made yet: {', '.join(rest)}")
    return "\n".join(lines)
