"""`labkit explain`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import click

from labkit import archives as image_archives
from labkit.base.errors import Misuse
from labkit.cli.explain_arguments import (
    GATE,
    ClusterArguments,
    ExplainCommand,
    Named,
    complete_images,
    parse_platform,
    parse_version,
)
from labkit.cli.explain_output import (
    answer_batch,
    echo,
    exit_status,
    expect_containers,
    print_answers,
    print_fix,
    write_lock,
)
from labkit.cli.frame import json_option
from labkit.core.identity.model import Versions
from labkit.explain import dockerfiles, pipelines
from labkit.explain.explanations import explain_image, explain_manifests, explain_text
from labkit.explain.image_lookup import (
    ImageFinder,
    connect_engine,
    connect_registries,
    parse_users,
    read_archives,
)
from labkit.explain.rows import Explanations

_NEWEST = Versions()
# A passwd file of 100 MB fits; a longer line is answered as several that are no JSON, for memory must end somewhere.
_LONGEST_LINE = 1 << 28
_EXAMPLES = """
    \b
    labkit explain aspnetapp                     a sample image, or any that the engine has
    labkit explain ./image.tar                   an archive of docker save, or an OCI layout; needs no engine
    labkit explain ghcr.io/me/app:1.2            asked of its registry, if no engine has it; --offline forbids that
    labkit explain -u 1654:0 debian              as docker run --user would
    labkit explain -f deploy.yaml -f other/ -R   every container of these manifests
    helm template . | labkit explain -f -        what Helm makes; kubectl kustomize . likewise
    labkit explain Dockerfile                    the image that would be built of it
    labkit explain --gate -f deploy.yaml         exit status 1 if one is refused, is root, or not known
    labkit explain --cluster -A                  a whole cluster: predicted, and as whom its pods run
    labkit explain --batch < cases.jsonl         one JSON case a line; docs/explain.md has the format
"""

_READ_WHERE_THERE = (Path("labkit-explain.toml"), Path("labkit-explain.lock"))
_PATH = click.Path(path_type=Path, dir_okay=False)


@dataclass(frozen=True)
class _Builds:
    """Answers for what would be built of Dockerfiles and Compose files."""

    finder: ImageFinder
    bases: dockerfiles.BaseFinder
    question: dockerfiles.DockerfileQuestion
    versions: Versions

    def explain(self, named: Named, forgiven: frozenset[str]) -> Explanations:
        of_dockerfiles = dockerfiles.explain_dockerfiles(self.bases, named.dockerfiles, self.question, self.versions)
        composed = [
            dockerfiles.explain_compose(self.finder, name, self.bases, name in forgiven, self.versions)
            for name in named.compose_files
        ]
        return Explanations.joined([of_dockerfiles, *composed]).with_origins(self.finder.origin)

    def explain_text(self, file: str, text: str) -> Explanations:
        return Explanations(dockerfiles.explain_dockerfile_text(self.bases, text, file, self.question, self.versions))


@click.command(cls=ExplainCommand, epilog=_EXAMPLES)
@click.argument("images", metavar="[IMAGE]...", nargs=-1, shell_complete=complete_images)
@click.option("-f", "--filename", "places", multiple=True, metavar="FILE", help="Manifests: file, folder, - for stdin.")
@click.option("-R", "--recursive", is_flag=True, help="Read the folders' subfolders too.")
@click.option(
    "--build",
    "build_folders",
    is_flag=True,
    help="Build a folder's kustomization or Helm chart first, by kubectl, kustomize or helm, and read what comes out.",
)
@click.option("-u", "--user", help="As docker run --user.")
@click.option("--group-add", multiple=True, metavar="GROUP", help="As docker run --group-add.")
@click.option(
    "--image-user",
    multiple=True,
    metavar="NAME=USER",
    help="The USER of an image, by any spelling of its name: overrides its own, needs no engine.",
)
@click.option("--archive", "archives", multiple=True, metavar="PATH", help="Look manifests' images up in it as well.")
@click.option(
    "--no-pods",
    "podless",
    multiple=True,
    metavar="KIND",
    help="A kind whose objects run no pods, such as Widget or Widget.example.org.",
)
@click.option(
    "--image-env",
    multiple=True,
    metavar="NAME=VARIABLE=VALUE",
    help="A variable that an image sets, for a Dockerfile that is made from it.",
)
@click.option("--build-arg", "build_args", multiple=True, metavar="NAME=VALUE", help="As docker build --build-arg.")
@click.option("--target", default="", metavar="STAGE", help="As docker build --target.")
@click.option("--all-stages", is_flag=True, help="A row for each stage of a Dockerfile.")
@click.option(
    "--builder",
    type=click.Choice(["buildkit", "classic"]),
    default="buildkit",
    help="Whose rules for Dockerfiles: BuildKit's, or those of the engine's builder before it.",
)
@click.option(
    "--namespace-level",
    "levels",
    multiple=True,
    metavar="[NAMESPACE=]LEVEL",
    help="What a namespace enforces (baseline, restricted:v1.30), or all of which the files hold no level.",
)
@click.option(
    "--offline/--online",
    envvar="LABKIT_OFFLINE",
    help="Ask no registry about images, and no engine elsewhere; --online is the default.",
)
@click.option(
    "--platform",
    metavar="OS/ARCH[/VARIANT]",
    help="Of images that are made for several; the default is this machine's.",
)
@click.option(
    "--cluster",
    is_flag=True,
    help="All workloads and pods of a cluster, by your own kubeconfig; only reads (get, list).",
)
@click.option("--context", metavar="NAME", help="With --cluster: the kubeconfig's context. The default is its current.")
@click.option("-n", "--namespace", "namespaces", multiple=True, help="With --cluster: the default is the context's.")
@click.option("-A", "--all-namespaces", is_flag=True, help="With --cluster: all namespaces.")
@click.option("--kubernetes", metavar="VERSION", help="Rules of an older cluster, such as 1.33.")
@click.option("--runc", metavar="VERSION", help="Rules of another runc under the engine, such as 1.3.")
@click.option("--batch", is_flag=True, help="Answer JSON lines from standard input.")
@click.option(
    GATE,
    metavar="[LEVELS]",
    help="Exit status 1 if a container is refused, is root or its user not known, or an object may run unseen pods. "
    "LEVELS are those of root, maybe-root, refused, maybe-refused that shut it, with commas; unknown is both maybes.",
)
@click.option("--config", type=_PATH, help="The default is labkit-explain.toml in this folder, if it is there.")
@click.option("--baseline", type=_PATH, help="A gate minds only what is not in this file.")
@click.option(
    "--format",
    "report",
    type=click.Choice(["text", "json", "sarif", "junit", "github"]),
    help="A table (the default), JSON as of --json, SARIF 2.1.0, JUnit's XML, or annotations of GitHub Actions.",
)
@click.option(
    "--lock", is_flag=True, help="Write labkit-explain.lock: what is known of the images, for where they are not."
)
@click.option("--fix", is_flag=True, help="Print the patch with which refused and root containers pass, for git apply.")
@click.option("--write-baseline", type=_PATH, help="Write into this file what there is, and mind none of it.")
@json_option
def explain_command(
    images: Sequence[str],
    places: Sequence[str],
    recursive: bool,
    build_folders: bool,
    user: str | None,
    group_add: Sequence[str],
    image_user: Sequence[str],
    archives: Sequence[str],
    podless: Sequence[str],
    image_env: Sequence[str],
    build_args: Sequence[str],
    target: str,
    all_stages: bool,
    builder: dockerfiles.Builder,
    levels: Sequence[str],
    offline: bool,
    platform: str | None,
    cluster: bool,
    context: str | None,
    namespaces: Sequence[str],
    all_namespaces: bool,
    kubernetes: str | None,
    runc: str | None,
    batch: bool,
    as_json: bool,
    **pipeline: Any,
) -> int:
    """Say as whom containers will run, who refuses them, and why.

    Nothing is run. IMAGE is a name that the engine or a registry knows, the path of an archive, a Dockerfile or a
    Compose file; any other file is read as a manifest, as with -f. With --gate such files may be those of a commit:
    what is no manifest among them, a template or a patch is skipped.
    """
    versions = Versions(
        parse_version("--kubernetes", kubernetes, _NEWEST.kubernetes),
        parse_version("--runc", runc, _NEWEST.engine_runc),
    )
    if batch:
        return answer_batch(iter(partial(sys.stdin.buffer.readline, _LONGEST_LINE), b""), sys.stdout, versions)
    # Most calls ask for nothing of a pipeline, and load nothing for one.
    is_asked = any(value not in (None, False) for value in pipeline.values()) or any(
        file.exists() for file in _READ_WHERE_THERE
    )
    asked = pipelines.PipelineOptions(**pipeline) if is_asked else None
    if as_json and pipeline["report"] not in (None, "json"):
        raise Misuse("Reading --format", "--json asks for another", "leave one of them out")
    gate, users = pipeline["gate"] is not None, parse_users(image_user)
    locked = asked.read_lock() if asked is not None else None
    if asked is not None:
        users = {**asked.configured_users(users), **users}
        levels = (*asked.configuration.namespace_levels, *levels)
        podless = (*podless, *asked.configuration.no_pods)
    # What a hook hands over was not chosen, and most Compose files name images that are not here.
    forgiven = frozenset(images if gate else ())
    named = Named.sort(places, images, recursive)
    in_cluster = ClusterArguments(cluster, context, namespaces, all_namespaces)
    in_cluster.check(named, bool(pipeline["fix"]))
    if named == Named() and not cluster:
        raise Misuse("Explaining", "no image and no manifest is named", "see how\n  labkit explain --help")
    places, files = named.places, named.files
    verbose = bool(click.get_current_context().find_root().params.get("verbose"))
    wanted = parse_platform(platform) if platform is not None else None
    finder = ImageFinder(
        users,
        read_archives(archives) if wanted is None else read_archives(archives, wanted.architecture),
        partial(connect_engine, verbose=verbose, nearby=offline),
        locked,
        partial(connect_registries, wanted, offline=offline),
        platform=wanted,
        offline=offline,
    )
    with finder:
        if runc is None and named.images:
            versions = replace(versions, engine_runc=finder.engine_runc() or versions.engine_runc)
        if named.images:
            versions = replace(versions, engine_ids=finder.engine_ids())
        rows = [
            row
            for name in named.images
            for row in explain_image(finder, name, user=user, group_add=group_add, levels=levels, versions=versions)
        ]
        builds = None
        if named.dockerfiles or named.compose_files:
            built_for = wanted.pair if wanted is not None else ("linux", image_archives.image_architecture())
            options = dockerfiles.BuildOptions(builder, dockerfiles.parse_build_args(build_args), target, built_for)
            bases = dockerfiles.BaseFinder(finder, dockerfiles.parse_variables(image_env))
            question = dockerfiles.DockerfileQuestion(options, all_stages)
            builds = _Builds(finder, bases, question, versions)
        built = builds.explain(named, forgiven) if builds is not None else Explanations([])
        of_manifests = explain_manifests(
            finder,
            places if gate else [*places, *files],
            recursive=recursive,
            handed=files if gate else (),
            podless=frozenset(podless),
            levels=levels,
            versions=versions,
            apart=frozenset(named.compose_files),
            build=build_folders,
        )
        explained = Explanations.joined([Explanations(rows), built, of_manifests])
        if cluster:
            explained = in_cluster.explain(finder, levels, versions if kubernetes is not None else None)
        unused = finder.unused_users()
        if asked is not None and asked.lock:
            return write_lock(asked, finder, explained)
        if asked is not None and asked.fix:

            def explain_again(kind: str, file: str, text: str) -> Explanations:
                if builds is not None and kind == "Dockerfile":
                    return builds.explain_text(file, text)
                return explain_text(finder, text, (*levels, *pipelines.levels_of(of_manifests)), versions)

            return print_fix(Explanations.joined([built, of_manifests]), explain_again)
    if places or (files and not gate):
        expect_containers([*places, *files], explained, gate)
    verdict = asked.judge(explained) if asked is not None and asked.needs_verdict else None
    report = asked.printed_report(explained, verdict) if asked is not None and verdict is not None else None
    print_answers(explained, as_json or pipeline["report"] == "json", report)
    for sentence in () if gate else explained.unjudged:
        echo(sentence, err=True, label="not judged")
    given = {pair.partition("=")[0] for pair in image_user}
    for name in (name for name in unused if explained.rows and name in given):
        echo(f"--image-user {name}: no container has this image", err=True)
    return exit_status(
        explained, verdict if gate and asked is not None and not asked.write_baseline else None, bool(places)
    )
