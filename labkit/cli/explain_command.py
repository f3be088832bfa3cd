"""`labkit explain`."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TextIO

import click
from click.shell_completion import CompletionItem

from labkit import archives as image_archives
from labkit.base.errors import Misuse
from labkit.cli.frame import json_option
from labkit.core.identity.identity_cases import answer_lines
from labkit.core.identity.model import Versions, read_version
from labkit.explain import dockerfiles, pipelines
from labkit.explain.dockerfiles.dockerfile_files import is_dockerfile, may_be_compose
from labkit.explain.explanations import explain_image, explain_manifests, explain_text
from labkit.explain.image_lookup import ImageFinder, connect_engine, parse_users, read_archives
from labkit.explain.manifest_files import is_manifest
from labkit.explain.rows import Explanations

_NEWEST = Versions()
# A passwd file of 100 MB fits; a longer line is answered as several that are no JSON, for memory must end somewhere.
_LONGEST_LINE = 1 << 28
_EXAMPLES = """
    \b
    labkit explain aspnetapp                     a sample image, or any that the engine has
    labkit explain ./image.tar                   an archive of docker save, or an OCI layout; needs no engine
    labkit explain -u 1654:0 debian              as docker run --user would
    labkit explain -f deploy.yaml -f other/ -R   every container of these manifests
    helm template . | labkit explain -f -        what Helm makes; kubectl kustomize . likewise
    labkit explain Dockerfile                    the image that would be built of it
    labkit explain --gate -f deploy.yaml         exit status 1 if one is refused, is root, or not known
    labkit explain --batch < cases.jsonl         one JSON case a line; docs/explain.md has the format
"""

_GATE, _AS_CONFIGURED = "--gate", "configured"
_LEVELS = re.compile(r"[a-z-]+(,[a-z-]+)+|root|refused|unknown|maybe-root|maybe-refused")
_READ_WHERE_THERE = (Path("labkit-explain.toml"), Path("labkit-explain.lock"))
_PATH = click.Path(path_type=Path, dir_okay=False)


class _ExplainCommand(click.Command):
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
            if argument == _GATE:
                argument += "=" + (left.pop(0) if left and _LEVELS.fullmatch(left[0]) else _AS_CONFIGURED)
            joined.append(argument)
        return super().parse_args(ctx, joined)


def _complete_images(_: click.Context, __: click.Parameter, begun: str) -> list[CompletionItem]:
    try:
        from labkit.lab.lab import Lab
    except ModuleNotFoundError:  # The lab's packages are not installed: there are none of its images.
        return [CompletionItem(begun, type="file")]
    names = [CompletionItem(name) for name in Lab().catalogue if name.startswith(begun)]
    return [*names, CompletionItem(begun, type="file")]


@click.command(cls=_ExplainCommand, epilog=_EXAMPLES)
@click.argument("images", metavar="[IMAGE]...", nargs=-1, shell_complete=_complete_images)
@click.option("-f", "--filename", "places", multiple=True, metavar="FILE", help="Manifests: file, folder, - for stdin.")
@click.option("-R", "--recursive", is_flag=True, help="Read the folders' subfolders too.")
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
@click.option("--kubernetes", metavar="VERSION", help="Rules of an older cluster, such as 1.33.")
@click.option("--runc", metavar="VERSION", help="Rules of another runc under the engine, such as 1.3.")
@click.option("--batch", is_flag=True, help="Answer JSON lines from standard input.")
@click.option(
    _GATE,
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
    kubernetes: str | None,
    runc: str | None,
    batch: bool,
    as_json: bool,
    **pipeline: Any,
) -> int:
    """Say as whom containers will run, who refuses them, and why.

    Nothing is run. IMAGE is a name that the engine knows, the path of an archive, a Dockerfile or a Compose file; any
    other file is read as a manifest, as with -f. With --gate such files may be those of a commit: what is no manifest
    among them, a template or a patch is skipped.
    """
    versions = Versions(
        _version("--kubernetes", kubernetes, _NEWEST.kubernetes), _version("--runc", runc, _NEWEST.engine_runc)
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
    to_build = [name for name in (*places, *images) if is_dockerfile(name)]
    composed = [name for name in (*places, *images) if may_be_compose(name) and dockerfiles.is_compose(name)]
    # What a hook hands over was not chosen, and most Compose files name images that are not here.
    forgiven = frozenset(images if gate else ())
    named = {*to_build, *composed}
    places, images = ([name for name in given if name not in named] for given in (places, images))
    files = [name for name in images if is_manifest(name)]
    names = [name for name in images if name not in files]
    places += [name for name in files if Path(name).is_dir()]
    files = [name for name in files if name not in places]
    if not places and not images and not named:
        raise Misuse("Explaining", "no image and no manifest is named", "see how\n  labkit explain --help")
    connect = partial(connect_engine, verbose=bool(click.get_current_context().find_root().params.get("verbose")))
    with ImageFinder(users, read_archives(archives), connect, locked) as finder:
        if runc is None and names:
            versions = replace(versions, engine_runc=finder.engine_runc() or versions.engine_runc)
        if names:
            versions = replace(versions, engine_ids=finder.engine_ids())
        rows = [
            row
            for name in names
            for row in explain_image(finder, name, user=user, group_add=group_add, levels=levels, versions=versions)
        ]
        built = Explanations([])
        if named:
            platform = ("linux", image_archives.image_architecture())
            arguments = dockerfiles.parse_build_args(build_args)
            options = dockerfiles.BuildOptions(builder, arguments, target, platform)
            bases = dockerfiles.BaseFinder(finder, dockerfiles.parse_variables(image_env))
            question = dockerfiles.DockerfileQuestion(options, all_stages)
            built = Explanations.joined(
                [
                    dockerfiles.explain_dockerfiles(bases, to_build, question, versions),
                    *(
                        dockerfiles.explain_compose(finder, name, bases, name in forgiven, versions)
                        for name in composed
                    ),
                ]
            )
        explained = explain_manifests(
            finder,
            places if gate else [*places, *files],
            recursive=recursive,
            handed=files if gate else (),
            podless=frozenset(podless),
            levels=levels,
            versions=versions,
        )
        unused = finder.unused_users()
        if asked is not None and asked.lock:
            return _lock(asked, finder, Explanations.joined([Explanations(rows), built, explained]))
        if asked is not None and asked.fix:

            def again(kind: str, file: str, text: str) -> Explanations:
                if kind == "Dockerfile":
                    return Explanations(dockerfiles.explain_dockerfile_text(bases, text, file, question, versions))
                return explain_text(finder, text, (*levels, *pipelines.levels_of(explained)), versions)

            return _fix(Explanations.joined([built, explained]), again)
    explained = Explanations.joined([Explanations(rows), built, explained])
    if places or (files and not gate):
        _expect_containers([*places, *files], explained, gate)
    verdict = asked.judge(explained) if asked is not None and asked.needs_verdict else None
    report = asked.printed_report(explained, verdict) if asked is not None and verdict is not None else None
    _print(explained, as_json or pipeline["report"] == "json", report)
    for sentence in () if gate else explained.unjudged:
        _echo(sentence, err=True, label="not judged")
    given = {pair.partition("=")[0] for pair in image_user}
    for name in (name for name in unused if explained.rows and name in given):
        _echo(f"--image-user {name}: no container has this image", err=True)
    return _status(
        explained, verdict if gate and asked is not None and not asked.write_baseline else None, bool(places)
    )


def _expect_containers(places: Sequence[str], explained: Explanations, gate: bool) -> None:
    """Say it if files were named in which there is no container; an empty one is as good as none."""
    if explained.rows or explained.flaws or (gate and explained.unjudged):
        return
    notes = [*explained.notes, *explained.unjudged]
    if not notes and all(Path(place).is_file() for place in places):
        return
    empty = "standard input is empty" if "-" in places else "the folders hold no .yaml, .yml or .json file"
    reason = f"no container is named there: {'; '.join(notes) or empty}"
    raise Misuse(f"Reading {' '.join(places)}", reason, "name other files")


def answer_batch(lines: Iterator[bytes], out: TextIO, versions: Versions = _NEWEST) -> int:
    """Answer JSON lines one after another, in memory that does not grow with their number.

    Returns:
        1 if a line was no case, else 0.
    """
    status = 0
    for answer, was_case in answer_lines(map(_text, lines), versions):
        out.write(answer + "\n")
        status |= not was_case
    out.flush()
    return int(status)


def _text(line: bytes) -> str:
    """A line as text; one that is not UTF-8 begins with a mark that makes it no JSON, instead of passing altered."""
    try:
        return line.decode()
    except UnicodeDecodeError:
        return "\ufffd" + line.decode(errors="replace")


def _lock(asked: pipelines.PipelineOptions, finder: ImageFinder, explained: Explanations) -> int:
    """Write the lock file; the exit status says whether all images are in it."""
    _echo(f"{asked.lock_path}: {asked.write_lock(finder)} images", err=True)
    for note in explained.notes:
        _echo(note, err=True)
    missing = finder.missing()
    for name in missing:
        _echo(name, err=True, label="not known, and not in the lock file")
    return 1 if missing else 0


def _fix(explained: Explanations, again: pipelines.Explain) -> int:
    """Print a patch; the exit status says whether it is all that has to be done."""
    plan = pipelines.plan_fixes(explained, again)
    if sys.stdout.isatty():
        _echo(plan.patch)
    else:  # A tab, too, has to arrive as it is.
        click.echo(plan.patch, nl=False)
    for sentence in (*plan.unfixed, *explained.flaws):
        _echo(sentence, err=True, label="no patch")
    return 1 if plan.unfixed or explained.flaws else 0


def _print(explained: Explanations, as_json: bool, report: str | None = None) -> None:
    notes = explained.notes
    if as_json or report is not None:
        _echo(report if report is not None else json.dumps(explained.to_dicts(), indent=2))
        for note in notes:
            _echo(note, err=True)
    elif explained.rows:
        _echo(f"{explained.table()}\n\n{explained.chains()}")
    elif notes:
        _echo("\n".join(notes), err=True)
    for flaw in explained.flaws:
        _echo(flaw, err=True, label="not read")


def _status(explained: Explanations, verdict: pipelines.GateVerdict | None, all_is_there: bool) -> int:
    """The exit status; a gate says what it minds, and which exceptions it makes."""
    unread = 1 if explained.flaws else 0
    if verdict is None:
        return unread
    for line in verdict.remarks(all_is_there):
        _echo(line, err=True)
    objections = pipelines.lines_of(verdict.objections)
    for objection in objections:
        _echo(objection, err=True, label="gate")
    return 1 if objections else unread


def _echo(text: str, err: bool = False, label: str = "") -> None:
    """Print what may hold names of others: control characters, and half of a character, are spelt out."""
    safe = "".join(
        character if character == "\n" or character.isprintable() else ascii(character)[1:-1] for character in text
    )
    click.echo(click.style(label, fg="red") + ": " + safe if label else safe, err=err)


def _version(option: str, text: str | None, default: tuple[int, int]) -> tuple[int, int]:
    if text is None:
        return default
    version = read_version(text)
    if version is None:
        raise Misuse(f"Reading {option} {text!r}", "it is not a version", f"for example\n  {option} 1.33")
    return version
