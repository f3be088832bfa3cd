"""`labkit explain`."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from labkit import core
from labkit.base.errors import Misuse
from labkit.cli.explain_arguments import ExplainArguments, ExplainCommand, Named, explain_options
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
from labkit.explain import on_demand
from labkit.explain.explanations import explain_manifests, explain_text
from labkit.explain.image_lookup import ImageFinder, connect_engine, connect_registries
from labkit.explain.rows import Explanations

if TYPE_CHECKING:
    from labkit.explain import dockerfiles, pipelines

# A passwd file of 100 MB fits; a longer line is answered as several that are no JSON, for memory must end somewhere.
_LONGEST_LINE = 1 << 28
_EXAMPLES = """
    \b
    labkit explain aspnetapp
        a sample image, or any that the engine has
    labkit explain ./image.tar
        an archive of docker save, or an OCI layout; needs no engine
    labkit explain ghcr.io/me/app:1.2
        its registry is asked, if no engine has it, unless --offline is given
    labkit explain -u 1654:0 debian
        as docker run --user would
    labkit explain -f deploy.yaml -f other/ -R
        every container of these manifests
    helm template . | labkit explain -f -
        what Helm renders; the same with kubectl kustomize .
    labkit explain Dockerfile
        the image that would be built from it
    labkit explain --gate -f deploy.yaml
        exit status 1 if one is refused, runs as root, or is not known
    labkit explain --cluster -A
        a whole cluster: predicted, and as whom its pods run
    labkit explain --batch < cases.jsonl
        one JSON case a line; docs/explain.md has the format
"""
_READ_WHERE_THERE = (Path("labkit-explain.toml"), Path("labkit-explain.lock"))


@click.command(cls=ExplainCommand, epilog=_EXAMPLES)
@explain_options
@json_option
def explain_command(
    as_json: bool,
    gate: str | None,
    config: Path | None,
    baseline: Path | None,
    report: str | None,
    lock: bool,
    fix: bool,
    write_baseline: Path | None,
    **question: Any,
) -> int:
    """Say which user containers run as, who refuses them, and why.

    Nothing is run. IMAGE is a name that the engine or a registry knows, the path of an archive, a Dockerfile or a
    Compose file; any other file is read as a manifest, as with -f. With --gate they may be all files of a commit, as a
    pre-commit hook passes them: templates, patches and what is not a manifest are skipped.
    """
    arguments = ExplainArguments(**question)
    versions = arguments.versions()
    if arguments.batch:
        return answer_batch(iter(partial(sys.stdin.buffer.readline, _LONGEST_LINE), b""), sys.stdout, versions)
    pipeline = _pipeline(gate, config, baseline, write_baseline, report, lock, fix)
    if as_json and report not in (None, "json"):
        raise Misuse("Reading --format", "--json asks for another format", "leave one of them out")
    inquiry = _Inquiry.begin(arguments, versions, pipeline, gate is not None)
    with inquiry.finder as finder:
        explained = inquiry.answers()
        unused = finder.unused_users()
        if pipeline is not None and pipeline.lock:
            return write_lock(pipeline, finder, explained)
        if pipeline is not None and pipeline.fix:
            return print_fix(inquiry.of_files, inquiry.explain_again)
    inquiry.expect_containers(explained)
    verdict = pipeline.judge(explained) if pipeline is not None and pipeline.needs_verdict else None
    printed = pipeline.printed_report(explained, verdict) if pipeline is not None and verdict is not None else None
    print_answers(explained, as_json or report == "json", printed)
    for sentence in () if gate is not None else explained.unjudged:
        echo(sentence, err=True, label="not judged")
    given = {pair.partition("=")[0] for pair in arguments.image_user}
    for name in (name for name in unused if explained.rows and name in given):
        echo(f"--image-user {name}: no container has this image", err=True)
    may_fail = gate is not None and write_baseline is None
    return exit_status(explained, verdict if may_fail else None, bool(inquiry.named.places))


def _pipeline(
    gate: str | None,
    config: Path | None,
    baseline: Path | None,
    write_baseline: Path | None,
    report: str | None,
    lock: bool,
    fix: bool,
) -> pipelines.PipelineOptions | None:
    """What was asked for a pipeline; None for most calls, which load nothing for one."""
    is_asked = any((gate is not None, config, baseline, write_baseline, report is not None, lock, fix))
    if not is_asked and not any(file.exists() for file in _READ_WHERE_THERE):
        return None
    return on_demand.pipelines.PipelineOptions(gate, config, baseline, write_baseline, report, lock, fix)


@dataclass(frozen=True)
class _Inquiry:
    """One call's question, put to those who know.

    Args:
        arguments: of the command line.
        named: what they name, by what it is.
        finder: looks images up.
        levels: what namespaces enforce, the configuration file's first.
        podless: kinds that run no pods, likewise.
        newest: whose rules count.
        gate: whether the files may be those of a commit.
    """

    arguments: ExplainArguments
    named: Named
    finder: ImageFinder
    levels: tuple[str, ...]
    podless: frozenset[str]
    newest: Versions
    gate: bool

    @classmethod
    def begin(
        cls, arguments: ExplainArguments, versions: Versions, pipeline: pipelines.PipelineOptions | None, gate: bool
    ) -> _Inquiry:
        """Put together what was given with what the configuration file says.

        Raises:
            LabError: something that was given makes no sense, or cannot be read.
        """
        users = on_demand.parse_users(arguments.image_user) if arguments.image_user else {}
        levels, podless = tuple(arguments.levels), tuple(arguments.podless)
        locked = pipeline.read_lock() if pipeline is not None else None
        if pipeline is not None:
            users = {**pipeline.configured_users(users), **users}
            levels = (*pipeline.configuration.namespace_levels, *levels)
            podless = (*podless, *pipeline.configuration.no_pods)
        named = Named.sort(arguments.places, arguments.images, arguments.recursive)
        arguments.check_cluster(named, pipeline is not None and pipeline.fix)
        if named == Named() and not arguments.cluster:
            raise Misuse("Explaining", "no image and no manifest is named", "see how\n  labkit explain --help")
        platform, offline = arguments.wanted_platform(), arguments.offline
        verbose = bool(click.get_current_context().find_root().params.get("verbose"))
        architecture = platform.architecture if platform is not None else None
        finder = ImageFinder(
            on_demand.GivenUsers(users) if users else None,
            on_demand.read_archives(arguments.archives, architecture) if arguments.archives else (),
            partial(connect_engine, verbose=verbose, nearby=offline),
            locked,
            partial(connect_registries, platform, offline=offline),
            platform=platform,
            offline=offline,
        )
        return cls(arguments, named, finder, levels, frozenset(podless), versions, gate)

    def answers(self) -> Explanations:
        """The answers to all that was asked."""
        if self.arguments.cluster:
            return self._of_cluster()
        return Explanations.joined([self._of_images(), self.of_files])

    @cached_property
    def versions(self) -> Versions:
        """Whose rules count; where images are asked about, the engine says of which runc it is."""
        versions = self.newest
        if self.named.images and self.arguments.runc is None:
            versions = replace(versions, engine_runc=self.finder.engine_runc() or versions.engine_runc)
        return replace(versions, engine_ids=self.finder.engine_ids()) if self.named.images else versions

    @cached_property
    def of_files(self) -> Explanations:
        """The answers for Dockerfiles, Compose files and manifests, which a patch may change."""
        return Explanations.joined([self._of_builds(), self._of_manifests])

    def explain_again(self, kind: str, file: str, text: str) -> Explanations:
        """The answers for a file's text that a patch has changed."""
        if kind == "Dockerfile" and self._bases is not None:
            question, versions = self._build_question, self.versions
            rows = on_demand.dockerfiles.explain_dockerfile_text(self._bases, text, file, question, versions)
            return Explanations(rows)
        levels = (*self.levels, *on_demand.pipelines.levels_of(self._of_manifests))
        return explain_text(self.finder, text, levels, self.versions)

    def expect_containers(self, explained: Explanations) -> None:
        """Say it if files were named in which there is no container.

        Raises:
            Misuse: there is none.
        """
        if self.named.places or (self.named.files and not self.gate):
            expect_containers([*self.named.places, *self.named.files], explained, self.gate)

    def _of_images(self) -> Explanations:
        user, group_add = self.arguments.user, self.arguments.group_add
        rows = [
            row
            for name in self.named.images
            for row in on_demand.explain_image(
                self.finder, name, user=user, group_add=group_add, levels=self.levels, versions=self.versions
            )
        ]
        return Explanations(rows)

    def _of_builds(self) -> Explanations:
        """The answers for what would be built of Dockerfiles and Compose files."""
        if self._bases is None:
            return Explanations([])
        of_dockerfiles = on_demand.dockerfiles.explain_dockerfiles(
            self._bases, self.named.dockerfiles, self._build_question, self.versions
        )
        # What a hook hands over was not chosen, and most Compose files name images that are not here.
        forgiven = frozenset(self.arguments.images if self.gate else ())
        composed = [
            on_demand.dockerfiles.explain_compose(self.finder, name, self._bases, name in forgiven, self.versions)
            for name in self.named.compose_files
        ]
        return Explanations.joined([of_dockerfiles, *composed]).with_origins(self.finder.origin)

    @cached_property
    def _bases(self) -> dockerfiles.BaseFinder | None:
        """What finds the images that Dockerfiles begin with; None if there is no Dockerfile and no Compose file."""
        if not self.named.dockerfiles and not self.named.compose_files:
            return None
        variables = on_demand.dockerfiles.parse_variables(self.arguments.image_env)
        return on_demand.dockerfiles.BaseFinder(self.finder, variables)

    @cached_property
    def _build_question(self) -> dockerfiles.DockerfileQuestion:
        arguments, platform = self.arguments, self.arguments.wanted_platform()
        build_args = on_demand.dockerfiles.parse_build_args(arguments.build_args)
        built_for = platform.pair if platform is not None else ("linux", core.image_architecture())
        options = on_demand.dockerfiles.BuildOptions(arguments.builder, build_args, arguments.target, built_for)
        return on_demand.dockerfiles.DockerfileQuestion(options, arguments.all_stages)

    @cached_property
    def _of_manifests(self) -> Explanations:
        named = self.named
        return explain_manifests(
            self.finder,
            named.places if self.gate else [*named.places, *named.files],
            recursive=self.arguments.recursive,
            handed=named.files if self.gate else (),
            podless=self.podless,
            levels=self.levels,
            versions=self.versions,
            apart=frozenset(named.compose_files),
            build=self.arguments.build_folders,
        )

    def _of_cluster(self) -> Explanations:
        from labkit.cli.explain_cluster import ask_cluster

        arguments = self.arguments
        kubernetes = self.versions.kubernetes if arguments.kubernetes is not None else None
        return ask_cluster(
            self.finder, arguments.context, arguments.namespaces, arguments.all_namespaces, self.levels, kubernetes
        )
