"""The command line of `labkit explain`: its options, what is named there, and what stands for what."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from labkit import core
from labkit.base.errors import MachineLacks, Misuse, add_packages_command
from labkit.core.identity.model import Versions, read_version
from labkit.explain import on_demand
from labkit.explain.file_kinds import is_dockerfile, is_manifest, may_be_compose, refuse_empty_folder

if TYPE_CHECKING:
    from labkit.core.image_platform import ImagePlatform
    from labkit.explain.dockerfiles import Builder

GATE, _AS_CONFIGURED = "--gate", "configured"
_LEVELS = re.compile(r"[a-z-]+(,[a-z-]+)+|root|refused|unknown|maybe-root|maybe-refused")
_NEWEST = Versions()
_PATH = click.Path(path_type=Path, dir_okay=False)


def complete_images(_: click.Context, __: click.Parameter, begun: str) -> list[CompletionItem]:
    """The lab's sample images that begin so, and files."""
    try:
        from labkit.lab.lab import Lab
    except ModuleNotFoundError:  # The lab's packages are not installed: there are none of its images.
        return [CompletionItem(begun, type="file")]
    names = [CompletionItem(name) for name in Lab().catalogue if name.startswith(begun)]
    return [*names, CompletionItem(begun, type="file")]


_QUESTION = (
    click.argument("images", metavar="[IMAGE]...", nargs=-1, shell_complete=complete_images),
    click.option(
        "-f",
        "--filename",
        "places",
        multiple=True,
        metavar="FILE",
        help="Manifests: a file, a folder, or - for standard input.",
    ),
    click.option("-R", "--recursive", is_flag=True, help="Read the folders' subfolders too."),
    click.option(
        "--build",
        "build_folders",
        is_flag=True,
        help="Build a folder's kustomization or Helm chart first, by kubectl, kustomize or helm, "
        "and read what comes out.",
    ),
    click.option("-u", "--user", help="Override the USER of IMAGE, as docker run --user does."),
    click.option("--group-add", multiple=True, metavar="GROUP", help="Add a group, as docker run --group-add does."),
    click.option(
        "--image-user",
        multiple=True,
        metavar="NAME=USER",
        help="The USER of an image, by any spelling of its name. It overrides the image's own, and needs no engine.",
    ),
    click.option(
        "--archive",
        "archives",
        multiple=True,
        metavar="PATH",
        help="An image archive in which to look up the manifests' images.",
    ),
    click.option(
        "--no-pods",
        "podless",
        multiple=True,
        metavar="KIND",
        help="A kind whose objects run no pods, such as Widget or Widget.example.org.",
    ),
    click.option(
        "--image-env",
        multiple=True,
        metavar="NAME=VARIABLE=VALUE",
        help="A variable that an image sets, for a Dockerfile that is made from it.",
    ),
    click.option(
        "--build-arg",
        "build_args",
        multiple=True,
        metavar="NAME=VALUE",
        help="Set a build argument, as docker build --build-arg does.",
    ),
    click.option("--target", default="", metavar="STAGE", help="Stop at this stage, as docker build --target does."),
    click.option(
        "--all-stages", is_flag=True, help="Print a row for each stage of a Dockerfile. Default: only the last stage."
    ),
    click.option(
        "--builder",
        type=click.Choice(["buildkit", "classic"]),
        default="buildkit",
        help="Whose rules count for Dockerfiles: BuildKit's (the default), or those of the builder before it.",
    ),
    click.option(
        "--namespace-level",
        "levels",
        multiple=True,
        metavar="[NAMESPACE=]LEVEL",
        help="The Pod Security level that a namespace enforces, such as restricted:v1.30; without NAMESPACE, the "
        "default for those whose level the files do not say.",
    ),
    click.option(
        "--offline/--online",
        envvar="LABKIT_OFFLINE",
        help="Ask no registry about images, and no remote engine. Default: --online.",
    ),
    click.option(
        "--platform",
        metavar="OS/ARCH[/VARIANT]",
        help="The platform to look at in multi-platform images. Default: this machine's.",
    ),
    click.option(
        "--cluster",
        is_flag=True,
        help="Explain all workloads and pods of a cluster, by your own kubeconfig. It only reads (get, list).",
    ),
    click.option(
        "--context", metavar="NAME", help="With --cluster: the kubeconfig's context. Default: the current one."
    ),
    click.option(
        "-n",
        "--namespace",
        "namespaces",
        multiple=True,
        help="With --cluster: only this namespace. Default: the context's.",
    ),
    click.option("-A", "--all-namespaces", is_flag=True, help="With --cluster: all namespaces."),
    click.option(
        "--kubernetes",
        metavar="VERSION",
        help="Use the rules of an older cluster, such as 1.33. Default: of --cluster its own, else the newest known.",
    ),
    click.option(
        "--runc",
        metavar="VERSION",
        help="Use the rules of another runc under the engine, such as 1.3. Default: the engine's, or the newest known.",
    ),
    click.option("--batch", is_flag=True, help="Answer JSON lines from standard input."),
)
"""What is asked about, and by whose rules."""

_PIPELINE = (
    click.option(
        GATE,
        metavar="[LEVELS]",
        help="Fail, with exit status 1, if a container is refused, runs as root, or its user is not known, or if an "
        "object may run pods that were not seen. LEVELS, separated by commas, are what fails: root, maybe-root, "
        "refused, maybe-refused; unknown is both maybes.",
    ),
    click.option(
        "--config",
        type=_PATH,
        help="The configuration file. Default: labkit-explain.toml, if this folder has one.",
    ),
    click.option("--baseline", type=_PATH, help="Fail only on findings that are not in this file. Only with --gate."),
    click.option(
        "--format",
        "report",
        type=click.Choice(["text", "json", "sarif", "junit", "github"]),
        help="A table (the default), the same JSON as --json, SARIF 2.1.0, JUnit's XML, or GitHub Actions annotations.",
    ),
    click.option(
        "--lock",
        is_flag=True,
        help="Write labkit-explain.lock: what is known of the images, for machines that lack them.",
    ),
    click.option(
        "--fix", is_flag=True, help="Print a patch, for git apply, that makes refused and root containers pass."
    ),
    click.option("--write-baseline", type=_PATH, help="Write the present findings into this file, as a baseline."),
)
"""What pipelines need; most calls have none of these."""


def explain_options(command: Callable[..., int]) -> Callable[..., int]:
    """Give a command all options of `labkit explain`, in the order of its help."""
    for option in reversed((*_QUESTION, *_PIPELINE)):
        command = option(command)
    return command


@dataclass(frozen=True)
class ExplainArguments:
    """What the options say of the question, named as `labkit explain --help` explains them."""

    images: Sequence[str]
    places: Sequence[str]
    recursive: bool
    build_folders: bool
    user: str | None
    group_add: Sequence[str]
    image_user: Sequence[str]
    archives: Sequence[str]
    podless: Sequence[str]
    image_env: Sequence[str]
    build_args: Sequence[str]
    target: str
    all_stages: bool
    builder: Builder
    levels: Sequence[str]
    offline: bool
    platform: str | None
    cluster: bool
    context: str | None
    namespaces: Sequence[str]
    all_namespaces: bool
    kubernetes: str | None
    runc: str | None
    batch: bool

    def versions(self) -> Versions:
        """Whose rules count: the newest, but for those that are named.

        Raises:
            Misuse: one is not a version.
        """
        return Versions(
            _parse_version("--kubernetes", self.kubernetes, _NEWEST.kubernetes),
            _parse_version("--runc", self.runc, _NEWEST.engine_runc),
        )

    def wanted_platform(self) -> ImagePlatform | None:
        """What images are wanted for, None for this machine.

        Raises:
            Misuse: it is not a platform.
        """
        return _parse_platform(self.platform) if self.platform is not None else None

    def check_cluster(self, named: Named, fix: bool) -> None:
        """See that nothing contradicts the options that speak of a cluster.

        Raises:
            Misuse: something does.
            MachineLacks: what speaks to a cluster is not installed.
        """
        example = "for example\n  labkit explain --cluster --context NAME -n NAMESPACE"
        if not self.cluster:
            if self.context is not None or self.namespaces or self.all_namespaces:
                raise Misuse("Reading --context, -n and -A", "they need --cluster", example)
            return
        if named != Named():
            raise Misuse("Explaining a cluster", "files or images are named as well", "ask about them by themselves")
        if fix:
            raise Misuse("Explaining a cluster", "--fix changes files, and there are none", "leave --fix out")
        if self.namespaces and self.all_namespaces:
            raise Misuse("Explaining a cluster", "-A means all namespaces, -n some", "leave one of them out")
        if find_spec("lightkube") is None or find_spec("httpx2") is None:
            raise MachineLacks(
                "Explaining a cluster",
                "the Python packages that speak to one are not installed",
                f"add them\n  {add_packages_command()}",
            )


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
        picked = [on_demand.dockerfiles.builder_files(name, recursive) for name in of_folders]
        given = [name for name in (*places, *images) if name not in of_folders]
        to_build = [name for name in given if is_dockerfile(name)]
        composed = [name for name in given if may_be_compose(name) and on_demand.dockerfiles.is_compose(name)]
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


def _parse_version(option: str, text: str | None, default: tuple[int, int]) -> tuple[int, int]:
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


def _parse_platform(text: str) -> ImagePlatform:
    """The platform that --platform names.

    Raises:
        Misuse: it is none.
    """
    platform = core.ImagePlatform.parse(text)
    if platform is None:
        raise Misuse(
            f"Reading --platform {text!r}", "it is not OS/ARCH[/VARIANT]", "for example\n  --platform linux/arm64"
        )
    return platform
