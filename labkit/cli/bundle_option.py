"""The option that names a bundle."""

from __future__ import annotations

from pathlib import Path

import click

bundle_option = click.option(
    "--bundle",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Take what is missing from FILE, which `labkit bundle save` has made. Default: LABKIT_BUNDLE, else a file "
    "labkit-bundle* in the working folder, in the checkout or beside it.",
)
