"""What turned out to be so, for the questions that lessons have guessed before the cell that answers them.

It stands here and not in the notebooks, where it would be read before the guess; a test holds both together.
"""

from __future__ import annotations

ANSWERS: dict[str, dict[str, str]] = {
    "00-start-here": {
        "A pod that insists on non-root, an image that runs as root: what will happen?": "the pod is made, and waits",
    },
    "01-threat-model": {
        "A file in /, the password hashes, the app: how many of the three can uid 1654 still get at?": "none",
    },
    "02-root-by-default": {
        "Which of alpine, debian, ubuntu and runtime-deps run as root?": "all four",
        "What does Config.User of debian say?": "nothing at all",
    },
    "03-non-root-by-default": {
        "The base image runs as root. As whom does the published app run?": "app",
        "noble-chiseled was asked for: which tag does the SDK take?": "10.0-noble-chiseled-extra",
        "APP_UID in the project, left empty: as whom does the image run?": "root",
    },
    "04-where-1654-comes-from": {
        'bash -c "echo uid=$APP_UID" at your prompt, without the backslash: what is printed?': "uid=",
    },
    "05-dockerfile-user": {
        "USER $APP_UID on debian, which has no APP_UID: what comes of it?": "there is no user",
    },
    "07-run-as-non-root": {
        "Where will the refusal come from?": "the node",
        "runAsNonRoot: true and runAsUser: 0: which one wins?": "neither: it is refused",
    },
}
"""By lesson and question: the option that is so."""
