"""Which links of a built site are broken. Pure, but for `read_site`.

A link inside of the site must lead to a file, and to a place in it where it names one. A link to the outside is looked
at as text alone: no network is needed. What a page loads must be the site's own, so that it reads without a network.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST = re.compile(rf"{_LABEL}(\.{_LABEL})+|localhost")
_UNSOUND = re.compile(r"[\s\\<>\"{}|^`\x00-\x1f]")


@dataclass(frozen=True)
class Page:
    """What matters of a page.

    Args:
        ids: the places that a link can name.
        links: where its links lead, as written.
        loads: what a browser fetches to show it: pictures, styles, scripts.
    """

    ids: frozenset[str] = field(default_factory=frozenset)
    links: tuple[str, ...] = ()
    loads: tuple[str, ...] = ()


@dataclass(frozen=True)
class Broken:
    """A link that leads nowhere.

    Args:
        page: the page that has it, relative to the site.
        target: what is written there.
        reason: what is wrong with it.
    """

    page: str
    target: str
    reason: str

    def __str__(self) -> str:
        return f"{self.page}: {self.target!r} {self.reason}"


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        for name in ("id", "name") if tag == "a" else ("id",):
            if value := known.get(name):
                self.ids.add(value)
        if tag == "a" and known.get("href") is not None:
            self.links.append(known["href"] or "")
        elif tag == "link" and known.get("href") is not None:
            # Next, previous and the like are links; an icon and a style are fetched.
            fetched = {"stylesheet", "icon", "preload", "modulepreload"} & set((known.get("rel") or "").split())
            (self.loads if fetched else self.links).append(known["href"] or "")
        elif known.get("src") is not None:
            self.loads.append(known["src"] or "")


def read_page(text: str) -> Page:
    """What matters of a page, from its HTML."""
    reader = _Reader()
    reader.feed(text)
    reader.close()
    return Page(frozenset(reader.ids), tuple(reader.links), tuple(reader.loads))


def read_site(folder: Path) -> tuple[dict[str, Page], set[str]]:
    """Its pages and all of its files, by their paths in the folder.

    Raises:
        OSError: a file cannot be read.
    """
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    pages = {name: (folder / name).read_text(encoding="utf-8") for name in files if name.endswith(".html")}
    return {name: read_page(text) for name, text in sorted(pages.items())}, files


def broken_links(pages: Mapping[str, Page], files: Set[str]) -> list[Broken]:
    """Every link of the site that leads nowhere, in the order of pages.

    Args:
        pages: of the site, by their paths in it.
        files: all of its files, the pages too.
    """
    broken = []
    for name, page in pages.items():
        for target in page.links:
            if reason := _problem(name, target, pages, files):
                broken.append(Broken(name, target, reason))
        for target in page.loads:
            reason = "" if target.startswith("data:image/") else _problem(name, target, pages, files)
            if not reason and _is_outside(target) and not target.startswith("data:"):
                reason = "is loaded from outside of the site"
            if reason:
                broken.append(Broken(name, target, reason))
    return broken


def _is_outside(target: str) -> bool:
    return bool(re.match(r"[A-Za-z][A-Za-z0-9+.-]*:|//", target))


def _problem(page: str, target: str, pages: Mapping[str, Page], files: Set[str]) -> str:
    return _problem_outside(target) if _is_outside(target) else _problem_inside(page, target, pages, files)


def _problem_inside(page: str, target: str, pages: Mapping[str, Page], files: Set[str]) -> str:
    if not target:
        return "is empty"
    path, _, fragment = target.partition("#")
    path = unquote(path.partition("?")[0])
    if path.startswith("/"):
        return "begins at the root of a server; the site may lie in any folder"
    name = posixpath.normpath(posixpath.join(posixpath.dirname(page), path)) if path else page
    if name not in files:
        name = posixpath.normpath(posixpath.join(name, "index.html"))
    if name not in files:
        return "is not a file of the site"
    if fragment and (name not in pages or unquote(fragment) not in pages[name].ids):
        return f"names no place in {name}"
    return ""


def _problem_outside(target: str) -> str:
    if _UNSOUND.search(target):
        return "has a character that no address may have"
    try:
        parts = urlsplit(target)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        return f"is no address: {error}"
    if parts.scheme == "mailto":
        return "" if re.fullmatch(r"[^@]+@[^@]+", parts.path) else "names no mailbox"
    if parts.scheme not in ("http", "https"):
        return f"begins with {parts.scheme or 'no scheme'}, not with https"
    if parts.username is not None:
        return "holds a user's name"
    return "" if _HOST.fullmatch(host) else f"names no host: {host!r}"
