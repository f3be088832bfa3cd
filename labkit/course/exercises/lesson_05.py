"""Exercises of 05-dockerfile-user."""

from __future__ import annotations

from labkit.core.causes import Cause
from labkit.course.exercise import Exercise, Wrong
from labkit.course.judging import breaks
from labkit.course.judging.assessment import Assessment, not_right, passed
from labkit.course.judging.demands import DemandCheck
from labkit.course.judging.image_demands import may_not_replace, may_write, non_root_by_number, same_program, starts
from labkit.course.judging.judged_image import JudgedImage, image_named
from labkit.course.judging.program_demands import keeps_its_program, no_way_to_root, starts_app
from labkit.course.world import World


def _fails_open_as_given(image: JudgedImage) -> str | None:
    if image.is_edited("fails-open/Dockerfile") or not image.is_built_by("ubuntu", "USER"):
        return None
    return "The image fails-open has no user, so it is root: APP_UID is empty in ubuntu."


_CHECK_FAILS_OPEN = DemandCheck(
    look=image_named("fails-open"),
    ahead=lambda image, pool: image.begin(pool, reads_tree=False),
    as_given=_fails_open_as_given,
    demands=(
        non_root_by_number("a user that a kubelet lets through as non-root", "fails-open/Dockerfile"),
        starts("a container of it must start"),
    ),
    praise=lambda image: f'Config.User is "{image.facts.user}", and a container of it starts.',
)

_FAILS_OPEN = Exercise(
    name="fails-open",
    kind="repair",
    file="fails-open/Dockerfile",
    hints=(
        "What is the value of APP_UID in ubuntu's image? Ask `lab.image` for its environment.",
        "Either the line needs no variable, or the variable needs a value: in the line, in an ENV, from another base.",
        "`${APP_UID:-...}` takes what follows the :- where APP_UID is empty.",
    ),
    solution='''
lab.build("""
    FROM ubuntu
    USER ${APP_UID:-1654}
""", name="fails-open")
''',
    others=(
        '''
lab.build("""
    FROM ubuntu
    USER 5678
""", name="fails-open")
''',
        '''
lab.build("""
    FROM runtime-deps
    USER ${APP_UID:?}
""", name="fails-open")
''',
        # Without a shell.
        '''
lab.build("""
    FROM aspnetapp-chiseled
    USER ${APP_UID:?}
""", name="fails-open")
''',
        '''
lab.build("""
    FROM ubuntu
    ENV APP_UID=4242
    RUN useradd --uid $APP_UID me
    USER $APP_UID:me
""", name="fails-open")
''',
    ),
    wrong=(
        Wrong(
            '''
lab.build("""
    FROM ubuntu
    USER ubuntu
""", name="fails-open")
''',
            "a name",
        ),
        Wrong(
            '''
lab.build("""
    FROM ubuntu
    USER $APP_UID:1654
""", name="fails-open")
''',
            "nothing before the colon",
        ),
        Wrong(
            '''
lab.build("""
    FROM ubuntu
    USER ${APP_UID:-0}
""", name="fails-open")
''',
            "the one of root",
        ),
        Wrong(
            '''
lab.build("""
    FROM ubuntu
    USER 4294967296
""", name="fails-open")
''',
            "none that a kubelet takes",
        ),
        Wrong(
            '''
lab.build("""
    FROM ubuntu
    USER -1
""", name="fails-open")
''',
            "none that a kubelet takes",
        ),
        # A variable of the base's, mistyped: nothing is left of the line.
        Wrong(
            '''
lab.build("""
    FROM runtime-deps
    USER $APP_UDI
""", name="fails-open")
''',
            "did you mean APP_UID?",
        ),
        # For whoever builds on it: the image itself stays as it was.
        Wrong(
            '''
lab.build("""
    FROM ubuntu
    ONBUILD USER 1654
""", name="fails-open")
''',
            "has no user",
        ),
        Wrong(
            '''
lab.build("""
    FROM ubuntu
    LABEL user=1654
""", name="fails-open")
''',
            "has no user",
        ),
    ),
    check=_CHECK_FAILS_OPEN,
)


def _check_after_the_colon(world: World, answer: str) -> Assessment:
    world.start.build("FROM runtime-chiseled\nUSER 1654:web", name="after-the-colon").expect()
    pod = world.start.pod("after-the-colon", pod={"runAsNonRoot": True}, command=["dotnet"], name="after-the-colon")
    if answer == str(pod.cause or "runs"):
        engine = world.start.run("after-the-colon", "dotnet")
        return passed(f"The pod runs, and the group is lost; the engine, which reads all of it, says {engine.cause}.")
    if answer == Cause.UNKNOWN_GROUP:
        return not_right("That is the engine's answer. In the cluster nobody gets to see what follows the colon.")
    if answer == Cause.IMAGE_USER_NOT_NUMERIC:
        return not_right("The kubelet does not say that: what it was given to look at is a number.")
    return not_right(f"The kubelet does not say {answer}. Which part of the user does it get to see?")


_AFTER_THE_COLON = Exercise(
    name="after-the-colon",
    kind="predict",
    answers=str,
    choices=("runs", "image-runs-as-root", "image-user-not-numeric", "unknown-user", "unknown-group"),
    hints=(
        "Who tells the kubelet what an image's user is, and in which form: as text, or as a number?",
        "The runtime in the node reads the image's user up to the first colon and gives the kubelet that "
        "(containerd/containerd:internal/cri/server/images/image_status.go, getUserFromImage).",
        "So the kubelet sees 1654, a number, and nobody looks `web` up. What is left to refuse?",
    ),
    solution='prediction = "runs"',
    wrong=(
        Wrong('prediction = "unknown-group"', "the engine's answer"),
        Wrong('prediction = "image-user-not-numeric"', "is a number"),
        Wrong('prediction = "image-runs-as-root"', "Which part of the user"),
        Wrong('prediction = "it is refused"', "not one of the five"),
        Wrong("prediction = True", "a string in quotes is expected"),
    ),
    check=_check_after_the_colon,
)


def _notes_as_given(image: JudgedImage) -> str | None:
    if image.is_edited("notes/Dockerfile"):
        return None
    if not image.is_built_by("aspnetapp", "USER root", "RUN mkdir /app/data", "USER 1654"):
        return None
    return "/app/data is still root's: the app, uid 1654, cannot write there."


_NOTES_PROGRAM = "/app/aspnetapp"
_APPS = ("aspnetapp", "aspnetapp-chiseled")


_CHECK_A_FOLDER_TO_WRITE = DemandCheck(
    look=image_named("notes"),
    ahead=JudgedImage.begin,
    as_given=_notes_as_given,
    demands=(
        non_root_by_number("stay non-root by a number", "notes/Dockerfile"),
        may_not_replace("add anything to `/app` itself or to replace its own program", _NOTES_PROGRAM, "/app"),
        same_program("must still start", _NOTES_PROGRAM, *_APPS),
        no_way_to_root("replace its own program", *_APPS, "ubuntu", program=_NOTES_PROGRAM),
        starts("must still start", program=_NOTES_PROGRAM, also=(breaks.ANOTHER_PROGRAM,)),
        starts_app("must still start", _NOTES_PROGRAM, *_APPS),
        keeps_its_program("replace its own program", _NOTES_PROGRAM),
        may_write("keep notes in `/app/data`", "/app/data"),
    ),
    praise=lambda image: (
        f"As uid {image.identity.uid} the app writes to /app/data, and can neither add to /app nor replace its program."
    ),
)


def _notes(*lines: str) -> str:
    text = "\n".join(f"    {line}" for line in ("FROM aspnetapp", *lines))
    return f'lab.build("""\n{text}\n""", name="notes")'


_A_FOLDER_TO_WRITE = Exercise(
    name="a-folder-to-write",
    kind="repair",
    file="notes/Dockerfile",
    hints=(
        "Who makes the folder while the image is built, and who wants to write to it later?",
        "Give away one folder, not the one around it: what the app may write should hold nothing that it runs.",
        "Add a `chown` of /app/data, and of nothing else, to the line that makes it.",
    ),
    solution=_notes("USER root", "RUN mkdir /app/data && chown $APP_UID /app/data", "USER $APP_UID"),
    others=(
        _notes("USER root", "RUN mkdir -m 1777 /app/data", "USER ${APP_UID:?}"),
        _notes("USER root", "RUN mkdir -m 770 /app/data && chgrp $APP_UID /app/data", "USER 1654"),
        _notes("USER root", "RUN mkdir /app/data && chown 4242 /app/data", "VOLUME /app/data", "USER 4242"),
        '''
lab.build("""
    FROM debian AS prepared
    RUN mkdir /data
    FROM aspnetapp-chiseled
    COPY --from=prepared --chown=1654 /data /app/data
""", name="notes")
''',
    ),
    wrong=(
        Wrong(_notes("USER root", "RUN mkdir /app/data && chown -R $APP_UID /app", "USER $APP_UID"), "its own program"),
        Wrong(_notes("USER root", "RUN mkdir /app/data && chmod -R 777 /app", "USER $APP_UID"), "its own program"),
        Wrong(_notes("USER root", "RUN mkdir -m 777 /app/data && chmod 1777 /app", "USER $APP_UID"), "put new files"),
        Wrong(_notes("USER root", "RUN mkdir /app/data"), "would be root"),
        Wrong(_notes("USER root", "RUN mkdir /app/data", "USER $APP_UDI"), "has no user"),
        Wrong(_notes("USER root", "RUN mkdir /app/data && chown 1000 /app/data", "USER 1654"), "belongs to 1000:0"),
        Wrong(
            _notes("USER root", "RUN touch /app/data && chown $APP_UID /app/data", "USER $APP_UID"),
            "it is not a folder",
        ),
        Wrong(
            _notes(
                "USER root",
                "RUN mkdir /app/data && chown $APP_UID /app/data",
                "USER $APP_UID",
                'ENTRYPOINT ["sleep", "60"]',
            ),
            "It starts sleep 60",
        ),
        # The app, from where it may be replaced.
        Wrong(
            _notes(
                "USER root",
                "RUN install -d -o $APP_UID /app/data /srv/own",
                "RUN install -o $APP_UID /app/aspnetapp /srv/own/aspnetapp",
                "USER $APP_UID",
                'ENTRYPOINT ["/srv/own/aspnetapp"]',
            ),
            "can replace its own program, /srv/own/aspnetapp",
        ),
        Wrong(
            _notes(
                "USER root",
                "RUN install -d -o $APP_UID /app/data && cp /app/aspnetapp /app/data/aspnetapp",
                "USER $APP_UID",
                'ENTRYPOINT ["sh", "-c", "exec /app/data/aspnetapp"]',
            ),
            "can replace its own program, /app/data/aspnetapp",
        ),
        # What an option stands before, what another program starts, and what a shell reads in.
        *(
            Wrong(
                _notes(
                    "USER root",
                    "RUN install -d -o $APP_UID /app/data && echo exec /app/aspnetapp > /app/data/start "
                    "&& chown $APP_UID /app/data/start",
                    "USER $APP_UID",
                    f"ENTRYPOINT {entrypoint}",
                ),
                "can replace its own program, /app/data/start",
            )
            for entrypoint in (
                '["bash", "-e", "/app/data/start"]',
                '["env", "sh", "/app/data/start"]',
                '["sh", "-c", "cd /; . /app/data/start"]',
            )
        ),
        # Found by its bare name, and looked for where it may be put before it is found.
        Wrong(
            _notes(
                "USER root",
                "RUN install -d -o $APP_UID /app/data",
                "ENV PATH=/app/data:/app:/usr/bin:/bin",
                "USER $APP_UID",
                'ENTRYPOINT ["aspnetapp"]',
            ),
            "put its own aspnetapp into /app/data",
        ),
        # Another program by the app's name.
        Wrong(
            _notes(
                "USER root",
                "RUN install -d -o $APP_UID /app/data && mkdir /opt/app && cp /bin/sleep /opt/app/aspnetapp",
                "USER $APP_UID",
                'ENTRYPOINT ["/opt/app/aspnetapp", "60"]',
            ),
            "and not the app: what is executed there is /opt/app/aspnetapp",
        ),
        Wrong(
            _notes(
                "USER root",
                "RUN install -d -o $APP_UID /app/data && chmod u+s /app/aspnetapp",
                "USER $APP_UID",
            ),
            "gets root's rights, by its setuid",
        ),
        Wrong(_notes("USER root", "RUN mkdir /app/data && true", "USER $APP_UID"), "it may not write there"),
    ),
    check=_CHECK_A_FOLDER_TO_WRITE,
)


def _check_a_free_number(world: World, answer: int) -> Assessment:
    # useradd's own exit status, and what `id` says of whom it has made.
    script = 'useradd --uid="$1" me || exit; id me'
    useradd = world.start.run("ubuntu", ["sh", "-c", script, "sh", str(answer)])
    if useradd.exit_status:
        return not_right(f"useradd refuses: {useradd.output}.")
    if useradd.stderr:
        return not_right(f"useradd makes that user, and warns: {useradd.stderr}")
    return passed(f"useradd is content with it, and id says of that user: {useradd.stdout}.")


_A_FREE_NUMBER = Exercise(
    name="a-free-number",
    kind="choose",
    answers=int,
    hints=(
        "Which numbers has the image given away already? `lab.image` has its users.",
        "useradd reads the range of ordinary users from a file of the image, and grep can read it, too: "
        '`lab.run("ubuntu", "grep ^UID_M /etc/login.defs")`.',
        "Anything from 1001 to 60000 is free there.",
    ),
    solution="uid = 1654",
    others=("uid = 1001", "uid = 60000"),
    wrong=(
        Wrong("uid = 1000", "not unique"),
        Wrong("uid = 500", "outside of the UID_MIN"),
        Wrong("uid = 64198", "outside of the UID_MIN"),
        Wrong("uid = -1", "useradd refuses"),
        Wrong('uid = "1654"', "a whole number is expected"),
    ),
    check=_check_a_free_number,
)

EXERCISES = (_FAILS_OPEN, _AFTER_THE_COLON, _A_FREE_NUMBER, _A_FOLDER_TO_WRITE)
