"""What a bundle holds, as a table."""

from __future__ import annotations

from labkit.lab.bundles.bundle_manifest import IMAGES, PACKAGES, PROGRAMS, BundledImage, BundleManifest, Part
from labkit.show.table import Table


def bundle_table(manifest: BundleManifest, note: str = "") -> Table:
    """The content of a bundle with versions, licences and sizes; an image's size is that in the engine.

    Args:
        manifest: of the bundle.
        note: below the table.
    """
    rows: list[tuple[str, str, str, str, str]] = []
    for part in manifest.parts:
        rows.append((_kind(part), part.title, part.version, megabytes(part.size), part.licence))
        if part.name == IMAGES:
            rows += [_image_row(image) for image in manifest.images]
    title = f"for {manifest.system}/{manifest.architecture}, labkit {manifest.kit}, Kubernetes {manifest.kubernetes}"
    title += f", images {manifest.source}" if manifest.images else ""
    title += f", Python {manifest.python}" if manifest.python else ""
    title += f", Debian {manifest.debian}" if manifest.debian else ""
    return Table(title, ("part", "what it is", "version", "size", "licence"), rows, note)


def _image_row(image: BundledImage) -> tuple[str, str, str, str, str]:
    return ("  image", image.name, image.version, f"({megabytes(image.size)})", image.licence)


def _kind(part: Part) -> str:
    if part.name == IMAGES:
        return "images"
    if part.name.startswith(PACKAGES):
        return "package"
    return "program" if part.name.startswith(PROGRAMS) else "wheel"


def megabytes(size: int) -> str:
    """A size in bytes, as one reads it."""
    return f"{size / 1e6:.0f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"
