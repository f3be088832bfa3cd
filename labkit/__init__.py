"""A lab to learn, teach and check who your containers run as.

In a lesson, on a real cluster:

    import labkit
    lab = labkit.open("07-run-as-non-root")
    lab.pod("aspnetapp-root", pod={"runAsNonRoot": True}).expect("image-runs-as-root")

Anywhere, and nothing is run:

    labkit.explain("aspnetapp-root", pod={"runAsNonRoot": True})

This module is all that a notebook imports. Each function imports what it needs when it is called: `import labkit` takes
a hundredth of a second, and `labkit.explain` works where neither Docker's nor Jupyter's packages are installed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

# The folder labkit/explain has the name of a function below. Python binds a folder to its name when it is first
# imported, over whatever has that name; so it is imported here, before the function takes the name for good.
import labkit.explain as _explain_folder  # noqa: F401
from labkit.base.errors import LabError, LabFailed, MachineLacks, Misuse
from labkit.core.causes import REFUSALS, Cause

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from labkit.course.sharing.raised_hand import HandSeen
    from labkit.explain.explorer import Explorer
    from labkit.explain.rows import Explanations
    from labkit.notebook import Lesson
    from labkit.show.picture import Picture
    from labkit.show.table import Table

__all__ = [
    "REFUSALS",
    "Cause",
    "LabError",
    "LabFailed",
    "MachineLacks",
    "Misuse",
    "diagnose",
    "doctor",
    "explain",
    "explorer",
    "open",
    "progress",
    "raise_hand",
    "uid_picture",
    "uid_ranges",
]


def __dir__() -> list[str]:
    return __all__


def open(lesson: str) -> Lesson:
    """Open a lesson: bring up what the lab is missing, and begin with an empty namespace.

    The lesson is a context manager, too: `with labkit.open("07-run-as-non-root") as lab:` closes it at the end.

    Args:
        lesson: the notebook's name without its ending, such as "07-run-as-non-root".

    Raises:
        LabError: what is missing and what to do about it.
    """
    from labkit.notebook import open_lesson

    return open_lesson(lesson)


def explain(
    image: str | None = None,
    *,
    image_user: str | Mapping[str, str] | None = None,
    user: str | None = None,
    group_add: Sequence[str] = (),
    pod: Mapping[str, Any] | None = None,
    container: Mapping[str, Any] | None = None,
    manifest: str | None = None,
    namespace_level: str | None = None,
    dockerfile: str | None = None,
) -> Explanations:
    """As whom will it run, who refuses it, and why; nothing is run.

    Args:
        image: a sample image's name, a reference that the engine has, or the path of an image archive or a Dockerfile.
        image_user: overrides the image's own USER; with a manifest or a Dockerfile, users by image.
        user: as `docker run --user`.
        group_add: as `docker run --group-add`.
        pod: the pod's securityContext; it may hold `hostUsers` too.
        container: the container's securityContext.
        manifest: YAML of any number of workloads, in place of an image.
        dockerfile: the text of a Dockerfile, in place of an image; nothing is built.
        namespace_level: what namespaces enforce of Pod Security: baseline, restricted:v1.30, shop=restricted.

    Raises:
        LabError: there is no such image, or the text is no manifest.
    """
    from labkit.explain import on_demand
    from labkit.explain.explanations import explain_text
    from labkit.explain.image_lookup import ImageFinder

    levels = [namespace_level] if namespace_level is not None else []
    is_one_thing = [image, manifest, dockerfile].count(None) == 2
    if is_one_thing and image is not None and (image_user is None or isinstance(image_user, str)):
        with ImageFinder() as finder:
            if on_demand.is_dockerfile(image):
                dockerfiles = on_demand.dockerfiles
                return dockerfiles.explain_dockerfiles(dockerfiles.BaseFinder(finder, {}), [image])
            return on_demand.explain_image(
                finder,
                image,
                image_user=image_user,
                user=user,
                group_add=group_add,
                pod=pod,
                container=container,
                levels=levels,
            )
    if is_one_thing and image is None and not isinstance(image_user, str):
        with ImageFinder(on_demand.GivenUsers(image_user or {})) as finder:
            if manifest is not None:
                return explain_text(finder, manifest, levels)
            return on_demand.explain_dockerfile_settings(
                finder, dockerfile or "", user=user, group_add=group_add, pod=pod, container=container, levels=levels
            )
    raise Misuse(
        "Explaining",
        "an image is expected, or else a manifest or a Dockerfile",
        'for example\n  labkit.explain("alpine")',
    )


def explorer(lab: Lesson | None = None) -> Explorer:
    """Choose an image, its USER, settings and -u, and see verdict and chain change; for a notebook.

    Args:
        lab: the open lesson, in whose namespace a pod of what is chosen can be made; None for no such button.
    """
    from labkit.notebook.exploring import make_explorer

    return make_explorer(explain, lab)


def progress() -> Table:
    """How far you are: exercises passed, hints, minutes, and with what to go on; from a file of yours.

    Raises:
        LabError: the file cannot be read.
    """
    from labkit.notebook import progress_of_mine

    return progress_of_mine()


def raise_hand(text: str = "", *, down: bool = False) -> HandSeen:
    """Raise your hand, or lower it; your instructor sees it if you share your progress (`labkit progress share`).

    Args:
        text: what it is about, in one line.
        down: whether to lower it.

    Raises:
        LabError: the text cannot be shown on one line, or nothing can be written.
    """
    from labkit.course.sharing.raised_hand import my_hand

    return my_hand(text, down=down)


def doctor(*, all: bool = True) -> Table:
    """Check this machine for what the lab needs; each finding that is not ok comes with a remedy.

    Args:
        all: whether findings that are ok are shown, too; they are counted in any case.
    """
    from labkit.lab import doctor as machine
    from labkit.lab.lab import Lab

    with Lab() as lab:
        return machine.doctor_table(machine.examine(lab), with_ok=all)


def uid_ranges(chosen: Mapping[int, str]) -> Table:
    """The ranges of uids, one a line, and who chose a uid in them.

    Args:
        chosen: who, by uid.

    Raises:
        Misuse: that is no mapping, or one is not a uid.
    """
    from labkit.course.uid_ranges import ranges_table

    return ranges_table(chosen)


def uid_picture(chosen: Mapping[int, str]) -> Picture:
    """The ranges of uids as a chart, with the uids that somebody chose.

    Args:
        chosen: who, by uid.

    Raises:
        Misuse: that is no mapping, or one is not a uid.
    """
    from labkit.course.uid_ranges import ranges_picture

    return ranges_picture(chosen)


def diagnose(lesson: str) -> str:
    """Pods, events and logs of a lesson as text: what to read when a cell has failed.

    Args:
        lesson: the notebook's name without its ending.
    """
    from labkit.notebook import diagnose

    return diagnose(lesson)
