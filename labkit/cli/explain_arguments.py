"""How the command line of `labkit explain` is read: what is named there, and what its options stand for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from labkit import archives
from labkit.base.errors import MachineLacks, Misuse, add_packages_command
from labkit.core.identity.model import Versions, read_version
from labkit.explain import dockerfiles
from labkit.explain.dockerfiles.dockerfile_files import is_dockerfile, may_be_compose, refuse_empty_folder
from labkit.explain.image_lookup import ImageFinder
from labkit.explain.manifest_files import is_manifest
from labkit.explain.rows import Explanations

if TYPE_CHECKING:
    from labkit.core.image_platform import ImagePlatform

GATE, _AS_CONFIGURED = "--gate", "configured"
_LEVELS = re.compile(r"[a-z-]+(,[a-z-]+)+|root|refused|unknown|maybe-root|maybe-refused")


@dataclass(frozen=True)
class Named:
    """What the command line names, by what it is.

    Args:
        dockerfiles: by their paths.
        compose_files: likewise.
        places: manifests behind -f, and folders of them.
        files: manifests that stand where images do.
        images: by name, or the paths of archives.
    """

    dockerfiles: Sequence[str] = ()
    compose_files: Sequence[str] = ()
    places: Sequence[str] = ()
    files: Sequence[str] = ()
    images: Sequence[str] = ()

    @classmethod
    def sort(cls, places: Sequence[str], images: Sequence[str], recursive: bool = False) -> Named:
        """Sort what stands behind -f, and what stands where images do; Dockerfiles are picked out of folders."""
        of_folders = [name for name in places if Path(name).is_dir()]
        of_folders += [name for name in images if Path(name).is_dir() and is_manifest(name)]
        for name in of_folders:
            refuse_empty_folder(name)
        picked = [dockerfiles.builder_files(name, recursive) for name in of_folders]
        given = [name for name in (*places, *images) if name not in of_folders]
        to_build = [name for name in given if is_dockerfile(name)]
        composed = [name for name in given if may_be_compose(name) and dockerfiles.is_compose(name)]
        built = {*to_build, *composed}
        left = [name for name in images if name not in built]
        manifests = [name for name in left if is_manifest(name)]
        folders = [name for name in manifests if Path(name).is_dir()]
        return cls(
            (*to_build, *(file for files, _ in picked for file in files)),
            (*composed, *(file for _, files in picked for file in files)),
            (*(name for name in places if name not in built), *folders),
            tuple(name for name in manifests if name not in folders),
            tuple(name for name in left if name not in manifests),
        )


@dataclass(frozen=True)
class ClusterArguments:
    """The options that speak of a cluster.

    Args:
        is_asked: whether a cluster is asked about.
        context: None for the current one.
        namespaces: none for that of the context.
        is_all: whether all namespaces are asked about.
    """

    is_asked: bool
    context: str | None
    namespaces: Sequence[str]
    is_all: bool

    def check(self, named: Named, fix: bool) -> None:
        """See that nothing contradicts.

        Raises:
            Misuse: something does.
            MachineLacks: what speaks to a cluster is not installed.
        """
        example = "for example\n  labkit explain --cluster --context NAME -n NAMESPACE"
        if not self.is_asked:
            if self.context is not None or self.namespaces or self.is_all:
                raise Misuse("Reading --context, -n and -A", "they are for a cluster", example)
            return
        if named != Named():
            raise Misuse("Explaining a cluster", "files or images are named as well", "ask about them by themselves")
        if fix:
            raise Misuse("Explaining a cluster", "--fix changes files, and there are none", "leave --fix out")
        if self.namespaces and self.is_all:
            raise Misuse("Explaining a cluster", "-A means all namespaces, -n some", "leave one of them out")
        if find_spec("lightkube") is None or find_spec("httpx2") is None:
            raise MachineLacks(
                "Explaining a cluster",
                "the Python packages that speak to one are not installed",
                f"add them\n  {add_packages_command()}",
            )

    def explain(self, finder: ImageFinder, levels: Sequence[str], versions: Versions | None) -> Explanations:
        """As whom the cluster's containers run.

        Args:
            finder: looks images up.
            levels: what namespaces enforce, as --namespace-level.
            versions: whose rules count; None for those of the cluster.

        Raises:
            LabError: the cluster cannot be read.
        """
        from labkit.cli.explain_cluster import ask_cluster

        kubernetes = versions.kubernetes if versions is not None else None
        return ask_cluster(finder, self.context, self.namespaces, self.is_all, levels, kubernetes)


class ExplainCommand(click.Command):
    """A command with `--gate`, behind which files may stand as well as a list of levels.

    A hook's entry ends with --gate, and what follows are the files of a commit: only what reads as levels is taken for
    them.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Give --gate its value before click takes the next argument for it."""
        joined, left = [], list(args)
        while left:
            argument = left.pop(0)
            if argument == "--":
                joined += [argument, *left]
                break
            if argument == GATE:
                argument += "=" + (left.pop(0) if left and _LEVELS.fullmatch(left[0]) else _AS_CONFIGURED)
            joined.append(argument)
        return super().parse_args(ctx, joined)


def complete_images(_: click.Context, __: click.Parameter, begun: str) -> list[CompletionItem]:
    """The lab's sample images that begin so, and files."""
    try:
        from labkit.lab.lab import Lab
    except ModuleNotFoundError:  # The lab's packages are not installed: there are none of its images.
        return [CompletionItem(begun, type="file")]
    names = [CompletionItem(name) for name in Lab().catalogue if name.startswith(begun)]
    return [*names, CompletionItem(begun, type="file")]


def parse_version(option: str, text: str | None, default: tuple[int, int]) -> tuple[int, int]:
    """The version that an option names, or the default.

    Raises:
        Misuse: it is not a version.
    """
    if text is None:
        return default
    version = read_version(text)
    if version is None:
        raise Misuse(f"Reading {option} {text!r}", "it is not a version", f"for example\n  {option} 1.33")
    return version


def parse_platform(text: str) -> ImagePlatform:
    """The platform that --platform names.

    Raises:
        Misuse: it is none.
    """
    platform = archives.parse_platform(text)
    if platform is None:
        raise Misuse(
            f"Reading --platform {text!r}", "it is not OS/ARCH[/VARIANT]", "for example\n  --platform linux/arm64"
        )
    return platform
