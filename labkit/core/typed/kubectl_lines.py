"""Lines that are typed for kubectl, with the lab's images in place of their short names. Pure.

What a file holds is not read here: where the line names files is said, and who runs it reads them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from labkit.core.pods.manifest_images import ImageInPlace, replace_images
from labkit.core.typed.typed_options import TypedOption, read_line

# kubernetes/kubectl:pkg/cmd: the options that take no value, or that need none behind them.
_ALONE = frozenset(
    [
        "h",
        "help",
        "insecure-skip-tls-verify",
        "match-server-version",
        "warnings-as-errors",
        "disable-compression",
        "i",
        "stdin",
        "t",
        "tty",
        "q",
        "quiet",
        "rm",
        "R",
        "recursive",
        "server-side",
        "force-conflicts",
        "force",
        "dry-run",
        "all",
        "A",
        "all-namespaces",
        "w",
        "watch",
        "overwrite",
        "prune",
        "wait",
        "cascade",
        "validate",
        "attach",
        "leave-stdin-open",
        "privileged",
        "expose",
        "command",
        "local",
        "save-config",
        "show-managed-fields",
        "now",
        "ignore-not-found",
        "no-headers",
        "share-processes",
        "copy-to-replace",
        "edit",
    ]
)
_MANIFESTS = frozenset({"apply", "create", "replace", "diff"})
"""The commands that send what a manifest says. Others read no more of a file than names."""
_TAKES_IMAGE = frozenset({"run", "debug", "create"})


@dataclass(frozen=True)
class KubectlLine:
    """A line for kubectl.

    Args:
        argv: what kubectl gets.
        files: the options that name manifests, with where they stand; `-` is standard input.
        recursive: whether folders' own folders count, too.
    """

    argv: tuple[str, ...]
    files: tuple[TypedOption, ...] = ()
    recursive: bool = False

    def with_files(self, files: Sequence[str]) -> tuple[str, ...]:
        """The line with other files, one for each of its own."""
        argv = list(self.argv)
        for option, file in zip(self.files, files, strict=True):
            argv[option.at] = option.before + file
        return tuple(argv)


def read_kubectl_line(argv: Sequence[str], place: Callable[[str], ImageInPlace | None]) -> KubectlLine:
    """What kubectl gets for what was typed.

    Args:
        argv: what was typed behind `kubectl`.
        place: what is to stand in the place of an image; None for what stands there.
    """
    end = argv.index("--") if "--" in argv else len(argv)
    line = read_line(argv[:end], 0, _ALONE)
    command = argv[line.arguments[0]] if line.arguments else ""
    typed = list(argv)
    if command == "set" and [argv[at] for at in line.arguments[1:2]] == ["image"]:
        for at in line.arguments[2:]:
            container, equals, image = typed[at].partition("=")
            if equals and (new := place(image)):
                typed[at] = f"{container}={new.reference}"
    for option in line.values("overrides") if command in _TAKES_IMAGE else ():
        typed[option.at] = option.before + replace_images(option.value, place)
    policy = None
    for option in line.values("image") if command in _TAKES_IMAGE else ():
        if new := place(option.value):
            typed[option.at] = option.before + new.reference
            policy = new.policy
    if policy is not None and command != "create" and not line.values("image-pull-policy"):
        at = line.arguments[0] + 1
        typed[at:at] = [f"--image-pull-policy={policy}"]
    files = tuple(line.values("f", "filename")) if command in _MANIFESTS else ()
    recursive = any(name in ("R", "recursive") for name, _ in line.alone)
    return KubectlLine(tuple(typed), files, recursive)
