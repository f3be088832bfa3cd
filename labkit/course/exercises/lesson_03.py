"""Exercises of 03-non-root-by-default."""

from __future__ import annotations

from typing import Any

from labkit.course.exercise import Assessment, Exercise, Wrong, not_right, not_yet, passed
from labkit.course.users import kubelet_refusal
from labkit.course.world import World


def _variable(value: str) -> str:
    """The item of a project file that sets APP_UID."""
    return f'<ContainerEnvironmentVariable Include="APP_UID" Value="{value}"/>'


def _check_three_say(world: World, answer: str) -> Assessment:
    arguments = ("-p:ContainerFamily=noble-chiseled", "-p:ContainerUser=")
    user = str(world.start.publish(*arguments, item=_variable("4242"), name="three-say").config.get("User") or "")
    if answer == user:
        return passed(
            f'Config.User is "{user}": an empty ContainerUser counts as none, and the project\'s APP_UID wins.'
        )
    if answer not in ("", "1654"):
        return not_right(f'Config.User is not "{answer}"; nobody in this publish says that.')
    why = {
        "": "An empty ContainerUser is no ContainerUser to the SDK; only an empty APP_UID is copied.",
        "1654": "1654 is what the base says, twice; one of the two was overwritten by the project before it was read.",
    }
    return not_right(f'Config.User is not "{answer}". {why[answer]}')


_THREE_SAY = Exercise(
    name="three-say",
    kind="predict",
    answers=str,
    hints=(
        "Who is asked first: ContainerUser, APP_UID, or the base's own USER?",
        "ContainerUser decides only where it is not empty. Then the environment of the finished image is looked at.",
        "The project's item replaces the base's value of APP_UID before the SDK copies it.",
    ),
    solution='prediction = "4242"',
    wrong=(
        Wrong('prediction = "1654"', "what the base says"),
        Wrong('prediction = ""', "no ContainerUser to the SDK"),
        Wrong("prediction = 4242", "a text in quotes is expected"),
        Wrong('prediction = "app"', "nobody in this publish"),
    ),
    check=_check_three_say,
)


def _check_orders(world: World, _: Any) -> Assessment:
    image = world.look.image("orders")
    if image is None:
        return not_yet("There is no image orders yet.")
    user, variable = image.user, image.env.get("APP_UID")
    if (user, variable) == ("1654", "1654"):
        return not_yet('Config.User of orders and its APP_UID are both still "1654".')
    if user != "10001":
        return not_right(
            f'Config.User of orders is "{user}"; "10001" was asked for. Its APP_UID is {_in_words(variable)}.'
        )
    if variable != user:
        return not_right(
            f'Config.User is "10001", and APP_UID in the same image is {_in_words(variable)}: '
            "a script or a Dockerfile that builds on it and trusts the variable gets another user."
        )
    ran = world.start.run("orders")
    if ran.cause is not None or ran.exit_status:
        return not_right(f"User and variable agree, but orders does not run: {ran.message or ran.output}")
    return passed(f'Config.User and APP_UID agree on 10001. It says "{ran.output}": passwd has no name for that uid.')


def _in_words(value: str | None) -> str:
    """A variable's value in words."""
    return "not set" if value is None else f'"{value}"'


_ORDERS = Exercise(
    name="orders",
    kind="build",
    hints=(
        "There are two places to change. Which of them follows from the other?",
        "The SDK copies APP_UID into Config.User, and never the other way round. A property sets no variable.",
        "Give lab.publish the item ContainerEnvironmentVariable, with Include APP_UID and Value 10001.",
    ),
    solution="""
lab.publish(item='<ContainerEnvironmentVariable Include="APP_UID" Value="10001"/>', name="orders")
""",
    others=(
        """
lab.publish(
    "-p:ContainerUser=10001",
    item='<ContainerEnvironmentVariable Include="APP_UID" Value="10001"/>',
    name="orders",
)
""",
        """
item = '<ContainerEnvironmentVariable Include="APP_UID"><Value>10001</Value></ContainerEnvironmentVariable>'
lab.publish("-p:ContainerFamily=noble-chiseled", item=item, name="orders")
""",
    ),
    wrong=(
        Wrong('lab.publish("-p:ContainerUser=10001", name="orders")', 'APP_UID in the same image is "1654"'),
        Wrong(
            """
lab.publish(
    "-p:ContainerUser=app",
    item='<ContainerEnvironmentVariable Include="APP_UID" Value="10001"/>',
    name="orders",
)
""",
            'Config.User of orders is "app"',
        ),
        Wrong(
            """
lab.publish(item='<ContainerEnvironmentVariable Include="APP_UID" Value=""/>', name="orders")
""",
            'Its APP_UID is ""',
        ),
        Wrong(
            'lab.publish("-p:ContainerBaseImage=debian", "-p:ContainerUser=10001", name="orders")',
            "APP_UID in the same image is not set",
        ),
    ),
    check=_check_orders,
)


def _check_still_root(world: World, _: Any) -> Assessment:
    image = world.look.image("still-root")
    if image is None or not image.user:
        return not_yet("still-root is still root: its Config.User is empty.")
    refusal = kubelet_refusal(image.user)
    if refusal is not None:
        return not_right(f'Config.User is "{image.user}" now. The kubelet would say: {refusal.message}.')
    hello = world.start.run("still-root")
    if hello.cause is not None or hello.exit_status:
        return not_right(f'Config.User is "{image.user}", but it does not run: {hello.message or hello.output}')
    if not hello.output.startswith("Hello app,"):
        return not_right(
            f'It is not root, and says "{hello.output}"; the base has a user with a name, and that was expected.'
        )
    return passed(f'Config.User is "{image.user}", and it says "{hello.output}".')


_STILL_ROOT = Exercise(
    name="still-root",
    kind="repair",
    hints=(
        "Read all lines of what lab.publish shows. Does the SDK know all that it was given?",
        "What is misspelt is ignored, so the empty APP_UID decides. Either spell it right, or do without the item.",
        "-p:ContainerUser=1654, or no item at all: the base says 1654 itself.",
    ),
    solution="""
lab.publish(
    "-p:ContainerFamily=noble-chiseled",
    "-p:ContainerUser=1654",
    item='<ContainerEnvironmentVariable Include="APP_UID" Value=""/>',
    name="still-root",
)
""",
    others=(
        'lab.publish("-p:ContainerFamily=noble-chiseled", name="still-root")',
        """
lab.publish(
    "-p:ContainerFamily=noble-chiseled",
    item='<ContainerEnvironmentVariable Include="APP_UID" Value="1654"/>',
    name="still-root",
)
""",
    ),
    wrong=(
        Wrong(
            """
lab.publish(
    "-p:ContainerFamily=noble-chiseled",
    "-p:ContainerUser=app",
    item='<ContainerEnvironmentVariable Include="APP_UID" Value=""/>',
    name="still-root",
)
""",
            "non-numeric user (app)",
        ),
        Wrong(
            """
lab.publish("-p:ContainerFamily=noble-chiseled", "-p:ContainerUser=root", name="still-root")
""",
            "non-numeric user (root)",
        ),
        Wrong(
            """
lab.publish("-p:ContainerFamily=noble-chiseled", "-p:ContainerUser=4242", name="still-root")
""",
            "Hello ,",
        ),
        Wrong(
            """
lab.publish("-p:ContainerBaseImage=appliance", "-p:ContainerUser=1654", name="still-root")
""",
            "it does not run",
        ),
    ),
    check=_check_still_root,
)

_PUBLISHES: tuple[tuple[str, ...], ...] = (
    (),
    ("-p:ContainerFamily=noble-chiseled",),
    ("-p:ContainerBaseImage=appliance",),
    ("-p:ContainerBaseImage=alpine",),
    ("-p:ContainerBaseImage=runtime-chiseled", "-p:ContainerUser=app"),
)
"""The publishes of the notebook's table, in its order."""
_DECIDERS = ("project", "variable", "base", "nobody")


def _check_who_decided(world: World, answer: list[Any]) -> Assessment:
    if len(answer) != len(_PUBLISHES):
        return not_right(f"The list has {len(answer)} words; the table has {len(_PUBLISHES)} lines.")
    for number, (arguments, guess) in enumerate(zip(_PUBLISHES, answer, strict=True), 1):
        if guess not in _DECIDERS:
            return not_right(f"{guess!r}, the word for line {number}, is not one of {', '.join(_DECIDERS)}.")
        decider, evidence = _decided(world, arguments)
        if guess != decider:
            return not_right(f"Line {number} is not {guess!r}. {evidence}")
    return passed(
        "The project goes first, then APP_UID of the finished image, then the base's USER; else it is nobody."
    )


def _decided(world: World, arguments: tuple[str, ...]) -> tuple[str, str]:
    """Who decided the user of a publish, found by publishing it again with another APP_UID, and what was seen."""
    config = world.start.publish(*arguments, name="who-decided").config
    user = str(config.get("User") or "")
    other = str(world.start.publish(*arguments, item=_variable("4242"), name="who-decided").config.get("User") or "")
    has_variable = any(entry.startswith("APP_UID=") for entry in config.get("Env") or [])
    seen = (
        f'Config.User is "{user}", the environment has {"an" if has_variable else "no"} APP_UID; '
        f'with an APP_UID of 4242 from the project Config.User is "{other}".'
    )
    if other == user:
        return "project", seen
    if has_variable:
        return "variable", seen
    return "base" if user else "nobody", seen


_WHO_DECIDED = Exercise(
    name="who-decided",
    kind="choose",
    answers=list,
    hints=(
        "The SDK asks three in turn. Which, and who is asked first?",
        "Two of the bases have no APP_UID: `lab.image(name).env`. A base that has one is not asked for its USER.",
        "Line 2 is the trap: the base says USER 1654 and APP_UID=1654. Lesson text: what happened to its USER "
        "when APP_UID was empty?",
    ),
    solution='decided = ["variable", "variable", "base", "nobody", "project"]',
    wrong=(
        Wrong('decided = ["base", "variable", "base", "nobody", "project"]', "Line 1 is not 'base'"),
        Wrong('decided = ["variable", "base", "base", "nobody", "project"]', "Line 2 is not 'base'"),
        Wrong('decided = ["variable", "variable", "variable", "nobody", "project"]', "the environment has no APP_UID"),
        Wrong('decided = ["variable", "variable", "base", "base", "project"]', 'Config.User is ""'),
        Wrong('decided = ["variable", "variable", "base", "nobody", "variable"]', "Line 5 is not 'variable'"),
        Wrong('decided = ["variable", "base"]', "the table has 5 lines"),
        Wrong('decided = ["variable", "variable", "base", "root", "project"]', "is not one of project"),
    ),
    check=_check_who_decided,
)

EXERCISES = (_THREE_SAY, _ORDERS, _STILL_ROOT, _WHO_DECIDED)
