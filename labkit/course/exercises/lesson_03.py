"""Exercises of 03-non-root-by-default."""

from __future__ import annotations

from typing import Any

from labkit.course.exercise import Exercise, Wrong
from labkit.course.judging import breaks
from labkit.course.judging.assessment import Assessment, not_right, passed
from labkit.course.judging.breaks import ImageBreak
from labkit.course.judging.demands import Demand, DemandCheck
from labkit.course.judging.image_demands import non_root_by_number, starts
from labkit.course.judging.judged_image import JudgedImage, image_named
from labkit.course.judging.program_demands import starts_published_app
from labkit.course.world import World
from labkit.show import counted


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
    may_be_empty=True,
    hints=(
        "Who is asked first: ContainerUser, APP_UID, or the base's own USER?",
        "ContainerUser decides only where it is not empty. Then the environment of the finished image is looked at.",
        "The project's item replaces the base's value of APP_UID before the SDK copies it.",
    ),
    solution='prediction = "4242"',
    wrong=(
        Wrong('prediction = "1654"', "what the base says"),
        Wrong('prediction = ""', "no ContainerUser to the SDK"),
        Wrong("prediction = 4242", "a string in quotes is expected"),
        Wrong('prediction = "app"', "nobody in this publish"),
    ),
    check=_check_three_say,
)


def _orders_as_given(image: JudgedImage) -> str | None:
    facts = image.facts_or_none
    is_published = image.world.look.published(image.name) is not None
    if facts is None or not is_published or _given_to_publish(image):
        return None
    return 'Config.User of orders and its APP_UID are both still "1654".'


def _another_user(image: JudgedImage) -> str | None:
    user, variable = image.facts.user, image.facts.env.get("APP_UID")
    if user == "10001":
        return None
    seen = f'Config.User of orders is "{user}"; "10001" was asked for. Its APP_UID is {_in_words(variable)}.'
    given = _given_to_publish(image)
    return (
        f"{seen} The publish was given {given.removeprefix('# with ')}: neither follows from that."
        if user == "1654" and given
        else seen
    )


def _given_to_publish(image: JudgedImage) -> str:
    """What the last publish was given besides the image's name; empty for nothing."""
    published = image.world.look.published(image.name)
    return published.line.partition(f"ContainerRepository={image.name}")[2].strip() if published is not None else ""


def _another_variable(image: JudgedImage) -> str | None:
    variable = image.facts.env.get("APP_UID")
    if variable == image.facts.user:
        return None
    return (
        f'Config.User is "{image.facts.user}", and APP_UID in the same image is {_in_words(variable)}: '
        "a script or a Dockerfile that builds on it and trusts the variable gets another user."
    )


def _in_words(value: str | None) -> str:
    """A variable's value in words."""
    return "not set" if value is None else f'"{value}"'


_CHECK_ORDERS = DemandCheck(
    look=image_named("orders"),
    ahead=lambda image, pool: image.begin(pool, reads_tree=False),
    as_given=_orders_as_given,
    demands=(
        Demand("user", "`Config.User` is `10001`", _another_user, (breaks.ANOTHER_UID, *breaks.NOT_NON_ROOT)),
        Demand(
            "variable",
            "whoever trusts `APP_UID` in that image gets the same user",
            _another_variable,
            (ImageBreak("another APP_UID", ("ENV APP_UID=1654",)), ImageBreak("no APP_UID", ("ENV APP_UID=",))),
        ),
        starts("the app `orders`", prints="Hello"),
        starts_published_app("the app `orders`"),
    ),
    praise=lambda image: (
        f'Config.User and APP_UID agree on 10001. It says "{image.last_line}": passwd has no name for that uid.'
    ),
)


_ORDERS = Exercise(
    name="orders",
    kind="build",
    file="orders/hello.csproj",
    hints=(
        "There are two places to change. Which of them follows from the other?",
        "The SDK copies APP_UID into Config.User, and never the other way round. A property sets no variable.",
        'In an ItemGroup of orders/hello.csproj put `<ContainerEnvironmentVariable Include="APP_UID" Value="10001"/>`.',
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
        # By a Dockerfile on top, and by a shell that starts nothing else.
        '''
lab.publish(name="orders")
lab.build("""
FROM orders
ENV APP_UID=10001
USER $APP_UID
ENTRYPOINT exec dotnet /app/hello.dll
""", name="orders")
''',
    ),
    wrong=(
        Wrong('lab.publish("-p:ContainerUser=10001", name="orders")', 'APP_UID in the same image is "1654"'),
        # A property of that name is nothing to the SDK; the variable is an item.
        Wrong('lab.publish("-p:APP_UID=10001", name="orders")', "neither follows from that"),
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
        # It prints what the app would, and is not the app.
        Wrong(
            '''
lab.build("""
FROM debian
ENV APP_UID=10001
USER 10001
CMD ["echo", "Hello 10001, using Linux on X64"]
""", name="orders")
''',
            "not the program that lab.publish puts there",
        ),
        Wrong(
            """
lab.publish(item='<ContainerEnvironmentVariable Include="APP_UID" Value="10001"/>', name="orders")
lab.build('FROM orders\\nENTRYPOINT ["sh", "-c", "dotnet /app/hello.dll >/dev/null; echo Hello"]', name="orders")
""",
            "not the program that lab.publish puts there",
        ),
        Wrong(
            """
lab.publish(name="orders")
lab.build("FROM orders\\nLABEL team=blue", name="orders")
""",
            '"10001" was asked for',
        ),
    ),
    check=_CHECK_ORDERS,
)


# As the untouched cell gives it: the property is misspelt.
_STILL_ROOT_GIVEN = (
    f"-p:ContainerFamily=noble-chiseled -p:ContainerUsr=1654  # with {_variable('')} in an ItemGroup of hello.csproj"
)


def _still_root_as_given(image: JudgedImage) -> str | None:
    if image.facts_or_none is None or _given_to_publish(image) != _STILL_ROOT_GIVEN:
        return None
    return "still-root is still root: its Config.User is empty."


_CHECK_STILL_ROOT = DemandCheck(
    look=image_named("still-root"),
    ahead=lambda image, pool: image.begin(pool, reads_tree=False),
    as_given=_still_root_as_given,
    demands=(
        non_root_by_number("the kubelet would take it for non-root"),
        starts("it greets `app`", prints="Hello app,", also=(breaks.ANOTHER_UID,)),
        starts_published_app("it greets `app`"),
    ),
    praise=lambda image: f'Config.User is "{image.facts.user}", and it says "{image.last_line}".',
)

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
            'Config.User is "app", a name',
        ),
        Wrong(
            """
lab.publish("-p:ContainerFamily=noble-chiseled", "-p:ContainerUser=root", name="still-root")
""",
            "the app would be root",
        ),
        Wrong(
            """
lab.publish("-p:ContainerFamily=noble-chiseled", "-p:ContainerUser=4242", name="still-root")
""",
            "not 'Hello app,'",
        ),
        Wrong(
            """
lab.publish("-p:ContainerBaseImage=appliance", "-p:ContainerUser=1654", name="still-root")
""",
            "does not start",
        ),
        Wrong(
            '''
lab.build("""
FROM runtime-deps
USER 1654
ENTRYPOINT ["echo", "Hello app, using Linux on X64"]
""", name="still-root")
''',
            "not the program that lab.publish puts there",
        ),
        # Another way to stay root.
        Wrong('lab.publish("-p:ContainerBaseImage=debian", name="still-root")', "has no user"),
    ),
    check=_CHECK_STILL_ROOT,
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
        return not_right(f"The list has {counted(len(answer), 'word')}; the table has {len(_PUBLISHES)} lines.")
    for number, (arguments, guess) in enumerate(zip(_PUBLISHES, answer, strict=True), 1):
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
    choices=_DECIDERS,
    in_order=True,
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
        Wrong('decided = ["variable", "variable", "base", "root", "project"]', "is not one of the four: project"),
    ),
    check=_check_who_decided,
)

EXERCISES = (_THREE_SAY, _STILL_ROOT, _ORDERS, _WHO_DECIDED)
