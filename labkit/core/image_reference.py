"""Names of images, as docker shortens them."""

from __future__ import annotations


def full_name(name: str) -> str:
    """A reference with the registry and the folder that docker leaves out."""
    first, slash, _ = name.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return name
    return f"docker.io/{name}" if slash else f"docker.io/library/{name}"
