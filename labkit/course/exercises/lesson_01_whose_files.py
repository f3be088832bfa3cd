"""The exercise whose-files of 01-threat-model."""

from __future__ import annotations

from labkit.course.exercise import Exercise, Wrong
from labkit.course.judging import breaks
from labkit.course.judging.breaks import ImageBreak
from labkit.course.judging.demands import DemandCheck
from labkit.course.judging.image_demands import may_not_replace, not_root, same_program, starts
from labkit.course.judging.judged_image import JudgedImage, image_named
from labkit.course.judging.program_demands import keeps_its_program, no_way_to_root, starts_app

_PROGRAM = "/app/rce-app"


def _whose_files_as_given(image: JudgedImage) -> str | None:
    if image.is_edited("our-app/Dockerfile"):
        return None
    if not image.is_built_by("rce-app", "RUN chown -R 1654 /app", "USER 1654"):
        return None
    return "The app runs as uid 1654, and the attacker still replaces it: the files are 1654's own."


_ENDS = ImageBreak("another program that ends", ('ENTRYPOINT ["/bin/true"]',))
_NOT_THE_APP = (_ENDS, breaks.ANOTHER_PROGRAM)

_CHECK_WHOSE_FILES = DemandCheck(
    look=image_named("our-app"),
    ahead=JudgedImage.begin,
    as_given=_whose_files_as_given,
    demands=(
        not_root("as a user who is not root"),
        same_program("must start as before", _PROGRAM, "rce-app"),
        starts("must start as before", program=_PROGRAM, also=_NOT_THE_APP),
        starts_app("must start as before", _PROGRAM, "rce-app", also=_NOT_THE_APP),
        may_not_replace("must not be able to replace its program", _PROGRAM),
        keeps_its_program("must not be able to replace its program", _PROGRAM),
        no_way_to_root("must not be able to replace its program", "rce-app", program=_PROGRAM),
    ),
    praise=lambda image: f"The app starts as uid {image.identity.uid}, and uid {image.identity.uid} cannot replace it.",
)

WHOSE_FILES = Exercise(
    name="whose-files",
    kind="repair",
    file="our-app/Dockerfile",
    hints=(
        "Whose are the files in /app, and as whom does the app run? What may an owner do with the mode of a file?",
        "The app needs to read and to start its files, not to own them. In rce-app they are root's.",
        "Two lines are enough: FROM rce-app, and a USER that is neither root nor the owner.",
    ),
    solution='''
lab.build("""
FROM rce-app
USER 1654
""", name="our-app")
''',
    others=(
        # By a shell, and by its whole path.
        '''
lab.build("""
FROM rce-app
USER 4242:4242
ENTRYPOINT exec /app/rce-app
""", name="our-app")
''',
        '''
lab.build("""
FROM rce-app
RUN chown -R 1654 /app
USER 4242
""", name="our-app")
''',
        # Without a shell, which an attacker would like to have.
        '''
lab.build("""
FROM runtime-chiseled
ENV LABKIT_VULNERABLE_ON_PURPOSE=yes
WORKDIR /app
COPY --from=rce-app /app/rce-app /app/rce-app
ENTRYPOINT ["./rce-app"]
""", name="our-app")
''',
    ),
    wrong=(
        Wrong('lab.build("FROM rce-app", name="our-app")', "runs as root"),
        Wrong(
            '''
lab.build("""
FROM rce-app
RUN chown -R 1654 /app && chmod -R a-w /app
USER 1654
""", name="our-app")
''',
            "replace its own program",
        ),
        Wrong(
            '''
lab.build("""
FROM rce-app
RUN chmod a-x /app/rce-app
USER 1654
""", name="our-app")
''',
            "does not start",
        ),
        Wrong(
            '''
lab.build("""
FROM runtime-deps
COPY --from=rce-app /app/rce-app /app/rce-app
USER 1654
""", name="our-app")
''',
            "so the app does not run",
        ),
        Wrong(
            '''
lab.build("""
FROM rce-app
RUN chmod u+s /bin/cp
USER 1654
""", name="our-app")
''',
            "gets root's rights",
        ),
        Wrong(
            '''
lab.build("""
FROM rce-app
RUN chmod 666 /etc/passwd
USER 1654
""", name="our-app")
''',
            "has closed to it: /etc/passwd",
        ),
        # The program, from where it may be replaced; and another one by its name.
        Wrong(
            '''
lab.build("""
FROM rce-app
RUN install -d -o 1654 /srv/own && install -o 1654 /app/rce-app /srv/own/rce-app
WORKDIR /srv/own
USER 1654
""", name="our-app")
''',
            "replace its own program, /srv/own/rce-app",
        ),
        Wrong(
            '''
lab.build("""
FROM rce-app
USER 1654
ENTRYPOINT ["bash", "-c", "exec -a ./rce-app sleep 60"]
""", name="our-app")
''',
            "and not the app: what is executed there is /usr/bin/sleep",
        ),
        Wrong(
            '''
lab.build("""
FROM rce-app
RUN cp /bin/sleep /app/rce-app
USER 1654
CMD ["60"]
""", name="our-app")
''',
            "not the program that it was",
        ),
        Wrong(
            '''
lab.build("""
FROM rce-app
USER nobody-at-all
""", name="our-app")
''',
            "unable to find user",
        ),
    ),
    check=_CHECK_WHOSE_FILES,
)
