"""An image's history in the words of its Dockerfiles, whichever builder wrote it."""

from __future__ import annotations

from typing import Any

import pytest

from labkit.lab.samples.image_history import instructions_of


@pytest.mark.parametrize(
    ("created_by", "instruction"),
    [
        ("/bin/sh -c #(nop)  USER 1654", "USER 1654"),
        ("/bin/sh -c #(nop)  USER ", "USER"),
        ("/bin/sh -c mkdir /app/data", "RUN mkdir /app/data"),
        ("RUN /bin/sh -c mkdir /app/data # buildkit", "RUN mkdir /app/data"),
        ("USER 1654", "USER 1654"),
        ("/bin/sh -c #(nop)  ONBUILD USER 1654", "ONBUILD USER 1654"),
        ('/bin/sh -c #(nop)  CMD ["cat" "/srv/menu"]', 'CMD ["cat" "/srv/menu"]'),
        ('/bin/sh -c #(nop) CMD ["cat", "/srv/menu"]', 'CMD ["cat" "/srv/menu"]'),
        ('/bin/sh -c #(nop) ENTRYPOINT ["cat","/srv/menu"]', 'ENTRYPOINT ["cat" "/srv/menu"]'),
    ],
)
def test_an_instruction_is_as_a_dockerfile_has_it(created_by: str, instruction: str) -> None:
    entry: Any = {"CreatedBy": created_by}
    assert instructions_of([entry]) == (instruction,)


def test_the_oldest_is_first_and_the_labs_labels_are_none() -> None:
    of_podman = '/bin/sh -c #(nop) LABEL "labkit.lab"="labkit" "labkit.lesson"="02"'
    lines = ["/bin/sh -c #(nop)  LABEL labkit.lab=labkit", of_podman, "/bin/sh -c #(nop)  USER 1654", "/bin/sh -c true"]
    history: Any = [{"CreatedBy": line} for line in lines]
    assert instructions_of(history) == ("RUN true", "USER 1654")


def test_podman_s_variables_have_their_values_as_docker_s_have() -> None:
    typed = {
        "USER $APP_UID": "USER 1654",
        "USER ${APP_UID}:$GROUP": "USER 1654:7",
        "USER $GONE": "USER",
        "ARG GROUP=7": "ARG GROUP=7",
        'CMD ["echo" "$APP_UID"]': 'CMD ["echo" "$APP_UID"]',
        "ENV A=$APP_UID": "ENV A=1654",
    }
    history: Any = [{"CreatedBy": f"/bin/sh -c #(nop) {line}"} for line in typed]
    history.append({"CreatedBy": "/bin/sh -c echo $APP_UID"})
    assert instructions_of(history, {"APP_UID": "1654"}) == ("RUN echo $APP_UID", *reversed(typed.values()))
    assert instructions_of(history)[1] == "ENV A=$APP_UID", "Docker's builder has replaced what it replaces"
