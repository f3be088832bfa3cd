"""What turned out to be so, for the questions that lessons have guessed before the cell that answers them.

It stands here and not in the notebooks, where it would be read before the guess; a test holds both together.
"""

from __future__ import annotations

ANSWERS: dict[str, dict[str, str]] = {
    "00-start-here": {
        "A pod that insists on non-root, an image that runs as root: what will happen?": "the pod is made, and waits",
    },
    "02-root-by-default": {
        "Which of alpine, debian, ubuntu and runtime-deps run as root?": "all four",
        "What does Config.User of debian say?": "nothing at all",
    },
    "07-run-as-non-root": {
        "Where will the refusal come from?": "the node",
        "runAsNonRoot: true and runAsUser: 0: which one wins?": "neither: it is refused",
    },
}
"""By lesson and question: the option that is so."""
