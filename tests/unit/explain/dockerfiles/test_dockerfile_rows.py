"""Whole Dockerfiles: as people write them, what is said of them, and bad ones that end in one sentence."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import labkit
from labkit.base.errors import Misuse
from labkit.cli import main
from labkit.core.identity.model import Image
from labkit.explain.dockerfiles.base_images import parse_variables
from labkit.explain.dockerfiles.built_stage import BaseImage
from labkit.explain.dockerfiles.dockerfile_rows import DockerfileQuestion, explain_dockerfile, explain_dockerfile_text
from labkit.explain.dockerfiles.stage_evaluator import BuildOptions
from labkit.explain.file_kinds import has_dockerfile_name, is_dockerfile
from labkit.explain.rows import Explanation
from tests.unit.explain.without_engine import explain as run

_ROOT = "root:x:0:0:root:/root:/bin/sh\n"
_APP = "app:x:1654:1654::/home/app:/bin/sh\n"
_DOTNET = {"APP_UID": "1654", "ASPNETCORE_HTTP_PORTS": "8080"}


def _image(
    user: str = "", passwd: str = "", env: dict[str, str] | None = None, on_build: tuple[str, ...] = ()
) -> BaseImage:
    return BaseImage(user, env or {}, on_build, Image(user, _ROOT + passwd, "root:x:0:\n"))


BASES = {
    "node:22": _image("", "node:x:1000:1000::/home/node:/bin/bash\n"),
    "node:22-alpine": _image("", "node:x:1000:1000::/home/node:/bin/sh\n"),
    "python:3.13-slim": _image(),
    "golang:1.26": _image(),
    "debian:13": _image(),
    "alpine:3.23": _image("", "nobody:x:65534:65534::/:/sbin/nologin\n"),
    "gcr.io/distroless/static:nonroot": _image("65532", "nonroot:x:65532:65532::/home/nonroot:/sbin/nologin\n"),
    "mcr.microsoft.com/dotnet/sdk:10.0": _image("", _APP, _DOTNET),
    "mcr.microsoft.com/dotnet/aspnet:10.0": _image("", _APP, _DOTNET),
    "mcr.microsoft.com/dotnet/aspnet:10.0-noble-chiseled": _image(
        "1654", "app:x:1654:1654::/home/app:/bin/false\n", _DOTNET
    ),
    "nginxinc/nginx-unprivileged:1.29": _image("101", "nginx:x:101:101::/nonexistent:/bin/false\n"),
    "nginx:1.29": _image("", "nginx:x:101:101::/nonexistent:/bin/false\n"),
    "eclipse-temurin:21-jre": _image(),
    "ruby:3.4-slim": _image(),
    "php:8.4-apache": _image("", "www-data:x:33:33::/var/www:/usr/sbin/nologin\n"),
    "jenkins/jenkins:lts": _image("jenkins", "jenkins:x:1000:1000::/var/jenkins_home:/bin/bash\n"),
    "rust:1": _image(),
    "example.org/onbuild:1": _image("", "app:x:500:500::/:\n", {}, ("COPY . /app", "USER app")),
}

# Each: a Dockerfile as people write it, the user that comes out, the uid if it is known, and a part of what is said.
ORDINARY = {
    "node": (
        """FROM node:22
WORKDIR /usr/src/app
COPY package*.json ./
RUN npm ci --omit=dev
COPY --chown=node:node . .
USER node
EXPOSE 3000
CMD ["node", "server.js"]
""",
        "node",
        1000,
        "makes the app's own user the owner of /usr/src/app",
    ),
    "node without a user": ('FROM node:22-alpine\nCOPY . .\nCMD ["node", "."]\n', "", 0, "is empty, which is root"),
    "node by stages": (
        """# syntax=docker/dockerfile:1
ARG NODE=22
FROM node:${NODE}-alpine AS deps
RUN --mount=type=cache,target=/root/.npm npm ci
FROM node:${NODE}-alpine
COPY --from=deps /app/node_modules ./node_modules
USER 1000:1000
""",
        "1000:1000",
        1000,
        "the classic builder (DOCKER_BUILDKIT=0) stops: the --mount option requires BuildKit",
    ),
    "python": (
        """FROM python:3.13-slim
ENV PYTHONUNBUFFERED=1 \\
    PIP_NO_CACHE_DIR=1
RUN groupadd --gid 10001 app && \\
    useradd --uid 10001 --gid app --no-create-home app
WORKDIR /app
COPY requirements.txt .
RUN pip install -r requirements.txt
COPY . .
USER app
""",
        "app",
        10001,
        "USER 10001 instead of the name says so to Kubernetes as well",
    ),
    "python by variables": (
        """FROM python:3.13-slim
ARG UID=1000
ARG GID=1000
RUN groupadd -g "${GID}" web && useradd -m -u "${UID}" -g web web
USER web
""",
        "web",
        1000,
        "creates web with uid 1000",
    ),
    "go to scratch": (
        """FROM --platform=$BUILDPLATFORM golang:1.26 AS build
ARG TARGETOS TARGETARCH
WORKDIR /src
COPY . .
RUN GOOS=$TARGETOS GOARCH=$TARGETARCH go build -o /out/app .
RUN useradd -u 10001 scratchuser
FROM scratch
COPY --from=build /etc/passwd /etc/passwd
COPY --from=build /out/app /app
USER scratchuser
ENTRYPOINT ["/app"]
""",
        "scratchuser",
        10001,
        "line 6 creates scratchuser with uid 10001 in stage build, whose passwd file is copied here",
    ),
    "go to scratch, as nobody": ("FROM scratch\nCOPY app /app\nUSER 65534\n", "65534", 65534, "USER 65534 decides"),
    "go distroless": (
        """FROM golang:1.26 AS build
USER 1000
RUN go build -o /app
FROM gcr.io/distroless/static:nonroot
COPY --from=build /app /
""",
        "65532",
        65532,
        "no USER: the image gcr.io/distroless/static:nonroot decides",
    ),
    "dotnet": (
        """FROM mcr.microsoft.com/dotnet/sdk:10.0 AS build
WORKDIR /source
COPY . .
RUN dotnet publish -o /app
FROM mcr.microsoft.com/dotnet/aspnet:10.0
WORKDIR /app
COPY --from=build /app .
USER $APP_UID
ENTRYPOINT ["./app"]
""",
        "1654",
        1654,
        'USER $APP_UID becomes "1654"',
    ),
    "dotnet, misspelt": (
        "FROM mcr.microsoft.com/dotnet/aspnet:10.0\nCOPY app /app/\nUSER $APP_UUID\n",
        "",
        0,
        "nothing sets APP_UUID; did you mean APP_UID?",
    ),
    "dotnet chiseled": (
        "FROM mcr.microsoft.com/dotnet/aspnet:10.0-noble-chiseled\nCOPY app /app/\nUSER $APP_UID\n",
        "1654",
        1654,
        "becomes",
    ),
    "dotnet as docker init writes it": (
        """ARG VERSION=10.0
FROM mcr.microsoft.com/dotnet/aspnet:${VERSION} AS final
ARG UID=10001
RUN adduser \\
    --disabled-password \\
    --gecos "" \\
    # no home
    --home "/nonexistent" \\
    --uid "${UID}" \\
    appuser
USER appuser
""",
        "appuser",
        10001,
        "line 4 creates appuser with uid 10001",
    ),
    "nginx-unprivileged": (
        "FROM nginxinc/nginx-unprivileged:1.29\nUSER root\nRUN apk add curl\nUSER nginx\nCOPY site /usr/share/html\n",
        "nginx",
        101,
        "USER nginx decides",
    ),
    "nginx-unprivileged, not changed back": (
        "FROM nginxinc/nginx-unprivileged:1.29\nUSER nginx\nCOPY a /a\nUSER root\nRUN apk add curl\n",
        "root",
        0,
        "line 2: USER nginx does not last: line 4 goes back to root",
    ),
    "nginx": ("FROM nginx:1.29\nCOPY site /usr/share/nginx/html\n", "", 0, "is empty, which is root"),
    "java by layers": (
        """FROM eclipse-temurin:21-jre AS builder
WORKDIR /app
RUN java -Djarmode=tools -jar app.jar extract --layers
FROM eclipse-temurin:21-jre
RUN addgroup --system spring && adduser --system --ingroup spring spring
USER spring:spring
COPY --from=builder /app/dependencies/ ./
""",
        "spring:spring",
        None,
        "line 5 creates spring with the next free uid",
    ),
    "rails": (
        """FROM ruby:3.4-slim AS base
FROM base AS build
RUN bundle install
FROM base
COPY --from=build /rails /rails
RUN groupadd --system --gid 1000 rails && \\
    useradd rails --uid 1000 --gid 1000 --create-home --shell /bin/bash && \\
    chown -R rails:rails db log storage tmp
USER 1000:1000
""",
        "1000:1000",
        1000,
        "USER 1000:1000 decides",
    ),
    "php": (
        "FROM php:8.4-apache\nCOPY src /var/www/html/\nUSER www-data\n",
        "www-data",
        33,
        "the passwd line of www-data",
    ),
    "jenkins": ("FROM jenkins/jenkins:lts\nUSER root\nRUN apt-get update\nUSER jenkins\n", "jenkins", 1000, "decides"),
    "rust, user in the builder alone": (
        """FROM rust:1 AS build
RUN useradd -u 1001 app
USER app
RUN cargo build
FROM debian:13
COPY --from=build /target/app /usr/local/bin/
""",
        "",
        0,
        "line 3: USER app is in stage build alone",
    ),
    "onbuild": ("FROM example.org/onbuild:1\nEXPOSE 80\n", "app", 500, "USER app decides"),
    "a heredoc that writes the account": (
        """FROM alpine:3.23
RUN <<EOF
echo 'svc:x:2000:2000::/:/sbin/nologin' >> /etc/passwd
mkdir /data && chown -R svc /data /app
USER root
EOF
USER svc
""",
        "svc",
        2000,
        "RUN chown -R svc makes the app's own user the owner of /data /app",
    ),
    "a user that nothing creates": ("FROM alpine:3.23\nCOPY a /a\nUSER app\n", "app", None, "no users found"),
}


def rows(text: str, **options: object) -> list[Explanation]:
    question = DockerfileQuestion(BuildOptions(**options), all_stages=False)  # type: ignore[arg-type]
    return explain_dockerfile_text(BASES.get, text, "Dockerfile", question)


@pytest.mark.parametrize("name", ORDINARY)
def test_dockerfiles_as_people_write_them(name: str) -> None:
    text, user, uid, part = ORDINARY[name]
    (row,) = rows(text)
    assert row.build is not None and row.build.ok, row.build
    assert (row.image_user, row.answer.uid) == (user, uid), row.answer.because
    assert any(part in sentence for sentence in row.answer.because), row.answer.because
    assert (row.objection is not None) == (uid == 0 or name == "a user that nothing creates"), row.objection


def test_there_are_as_many_as_the_issue_wants() -> None:
    assert len(ORDINARY) >= 22


def test_the_field_s_case_and_what_is_said_of_it() -> None:
    text = "# Given before the stages.\nARG uid=1000\nARG gid=1000\nFROM golang:1.26 AS build\nRUN x\n"
    text += "FROM scratch AS final\nCOPY --from=build /etc/ssl /etc/ssl\nUSER ${uid}:${gid}\n"
    (row,) = rows(text)
    assert (row.kind, row.name, row.container, row.image) == ("Dockerfile", "Dockerfile", "final", "scratch")
    assert row.image_user == ":" and row.answer.uid == 0
    assert row.non_root is not None and row.non_root.cause == "image-runs-as-root"
    assert any("ARG uid (line 2) stands before the first FROM" in because for because in row.answer.because)
    assert row.objection == "runs as root"


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("FROM scratch\nUSER $APP_UID\n", "nothing sets APP_UID"),
        ("FROM scratch\nENV APP_UID=\nUSER $APP_UID\n", "is set, and is empty or 0"),
        ("FROM scratch\nARG RUNAS\nUSER ${RUNAS}\n", "ARG RUNAS (line 2) has no value here"),
        ("FROM scratch AS a\nENV U=5\nFROM scratch\nUSER $U\n", "U is set in stage a, which this one is not made from"),
        ("FROM mcr.microsoft.com/dotnet/aspnet:10.0\nUSER $app_uid\n", "nothing sets app_uid; did you mean APP_UID?"),
        ("# check=skip=all;error=true\nFROM scratch\nUSER 5\n", "linter's warnings too, which are not looked at"),
        ("FROM scratch\nUSER app # the app\n", "there are no comments behind an instruction"),
        ("FROM scratch\nUSER app web\n", "all that follows USER is one name"),
        ("FROM other\nUSER app\n", "it may be in the base, whose passwd file is not known"),
        ("FROM other\nUSER $APP_UID\n", "if the base does not set it, the user is empty, which is root: it fails open"),
        ("FROM alpine:3.23\nRUN apk add app\nUSER app\n", "nothing that is seen here creates app"),
        ("FROM scratch AS a\nUSER 5\nFROM a\nLABEL a=b\n", "USER 5 (in stage a, which this one is made from) decides"),
        ("FROM scratch AS a\nUSER 5\nFROM a\nFROM a\nUSER 0\n", "does not last: line 5 goes back to root"),
        (
            "FROM scratch\nENV U=1\nARG U=0\nUSER $U\n",
            "the classic builder (DOCKER_BUILDKIT=0) makes another user of it: 1",
        ),
        ("FROM scratch\nUSER app\n", "container has runAsNonRoot and image has non-numeric user (app)"),
    ],
)
def test_what_is_said(text: str, part: str) -> None:
    (row,) = rows(text)
    assert any(part in sentence for sentence in row.answer.because), row.answer.because


def test_a_base_that_is_not_known_is_asked_for_by_name() -> None:
    (row,) = rows("FROM other:1\nUSER $APP_UID\n")
    assert (row.image_user, row.answer.ok, row.verdict) == (None, None, "not known")
    assert row.objection is not None and "--image-env other:1=APP_UID=..." in row.objection
    (row,) = rows("FROM other:1 AS a\nFROM a\n")
    assert row.objection is not None and "--image-user other:1=USER" in row.objection


def test_a_build_that_stops() -> None:
    (row,) = rows("FROM scratch\nUSR app\n")
    assert row.build is not None and not row.build.ok
    assert row.build.message is not None and "line 2: unknown instruction: USR" in row.build.message
    assert (row.verdict, row.image_user) == ("the build stops", None)
    assert row.objection is not None and row.objection.startswith("the build stops: ")
    empty = rows("FROM scratch\n", builder="classic")[0].build
    assert empty is not None and empty.message == "No image was generated. Is your Dockerfile empty?"


# --- on the command line ---


def write(folder: Path, text: str | bytes, name: str = "Dockerfile") -> str:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


@pytest.mark.usefixtures("no_engine")
def test_the_row_in_json(tmp_path: Path) -> None:
    file = write(tmp_path, "FROM a/b:1 AS x\nARG u\nUSER $u\nFROM scratch\nUSER 0\n")
    for place in ((file,), ("-f", file)):
        result = run(*place, "--json", "--target", "x", "--build-arg", "u=7", "--image-user", "a/b:1=")
        (row,) = json.loads(result.stdout)
        assert (row["kind"], row["name"], row["container"], row["image"]) == ("Dockerfile", file, "x", "a/b:1")
        assert (row["image_user"], row["build"]) == ("7", {"ok": True, "message": None})
        assert row["kubelet"]["ok"] is True and row["run_as_non_root"]["ok"] is True
        assert row["runs_as"]["uid"] == 7
        assert result.exit_code == 0
    rows_of_all = json.loads(run(file, "--all-stages", "--json").stdout)
    assert [(row["container"], row["image_user"]) for row in rows_of_all] == [("x", None), ("1", "0")]


@pytest.mark.usefixtures("no_engine")
def test_a_gate_and_what_is_said_of_a_base(tmp_path: Path) -> None:
    file = write(tmp_path, "FROM a/b:1\nUSER $APP_UID\n")
    assert run("--gate", file).exit_code == 1
    assert run("--gate", file, "--image-user", "a/b:1=5").exit_code == 1
    given = run("--gate", file, "--image-env", "a/b:1=APP_UID=5")
    assert given.exit_code == 0, given.output
    both = run("--gate", file, "--image-user", "docker.io/a/b:1=", "--image-env", "a/b:1=APP_UID=5")
    assert both.exit_code == 0, both.output
    assert run("--gate", write(tmp_path, "FROM scratch\nUSR\n", "app.Dockerfile")).exit_code == 1


def test_variables_that_are_given() -> None:
    assert parse_variables(["a:1=X=5", "a:1=Y=b=c", "d=X="]) == {"a:1": {"X": "5", "Y": "b=c"}, "d": {"X": ""}}
    for nonsense in ("a", "a=b", "=b=c", "a==c"):
        with pytest.raises(Misuse, match="NAME=VARIABLE=VALUE"):
            parse_variables([nonsense])


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("Dockerfile", True),
        ("a/b/dockerfile", True),
        ("Dockerfile.prod", True),
        ("app.Dockerfile", True),
        ("Containerfile", True),
        ("Dockerfile.dockerignore", False),
        ("Dockerfile.md", False),
        ("Dockerfile.yaml", False),
        ("dockerfiles", False),
        ("alpine", False),
    ],
)
def test_names_of_dockerfiles(name: str, is_one: bool) -> None:
    assert has_dockerfile_name(name) is is_one


def test_files_that_begin_like_one(tmp_path: Path) -> None:
    assert is_dockerfile(write(tmp_path, "# syntax=x\n\nARG a=b\n# c\nfrom a\n", "build-me"))
    assert not is_dockerfile(write(tmp_path, "FROM a\n", "a.yaml"))
    assert is_dockerfile(write(tmp_path, "FROM --platform=linux/amd64 a:1@sha256:b AS c \r\n", "windows"))
    assert not is_dockerfile(write(tmp_path, "from os import path\nfrom sys import x\n", "code.py"))
    assert not is_dockerfile(write(tmp_path, "From: me\n\nFROM a\n", "mail"))
    assert not is_dockerfile(str(tmp_path / "none"))
    assert not is_dockerfile("x" * 5000)


def test_standard_input(tmp_path: Path) -> None:
    texts = {
        "FROM scratch\nUSER 5\n": ("Dockerfile", 5),
        "name: x\nservices:\n  web:\n    image: a\n    user: '6'\n": ("Compose", 6),
        "kind: Pod\napiVersion: v1\nmetadata: {name: services}\nspec: {securityContext: {runAsUser: 7}, "
        "containers: [{name: a, image: a}]}\n": ("Pod", 7),
    }
    for text, (kind, uid) in texts.items():
        with Path(write(tmp_path, text)).open(
            "rb"
        ) as stdin:  # It can be looked into before it is read, as a process's can.
            done = CliRunner().invoke(main, ["explain", "-f", "-", "--json", "--image-user", "a="], input=stdin)
        assert done.exit_code == 0, done.output
        (row,) = json.loads(done.stdout)
        assert (row["kind"], row["runs_as"]["uid"]) == (kind, uid)


# --- bad input: each ends in one sentence, in bounded time ---


_HEAD = b"FROM scratch\n"
BAD = {
    "10 MB": (_HEAD + b"RUN true # x\n" * 800_000, "it is larger than 1 MiB"),
    "a line of 1 MB": (_HEAD + b"RUN " + b"x" * (1 << 20), "it is larger than 1 MiB"),
    "a long line": (_HEAD + b"RUN " + b"x" * 900_000, "dockerfile line greater than max allowed size of 65535"),
    "a continuation without end": (_HEAD + b"RUN " + b"x \\\n" * 200_000, "runs as root"),
    "a continuation of nothing": (_HEAD + b"RUN " + b"\\\n" * 400_000, "runs as root"),
    "nothing but continuations": (b"\\\n" * 400_000, "unknown instruction"),
    "no UTF-8": (bytes(range(128, 256)) * 100, "unknown instruction"),
    "NUL": (b"\0" * 100_000, "file with no instructions"),
    "a user that is no UTF-8": (_HEAD + b"USER \xff\xfe\n", "unknown-user"),
    "empty": (b"", "the Dockerfile cannot be empty"),
    "a comment": (b"# nothing\n", "file with no instructions"),
    "a circle": (b"FROM b AS a\nCOPY --from=c / /\nFROM a AS c\nCOPY --from=a / /\n", "circular dependency detected"),
    "an ARG bomb": (b"ARG A=xxxxxxxxxx\n" + b"ARG A=$A$A$A$A$A$A$A$A\n" * 100 + _HEAD, "multiply it to more than"),
    "an ENV bomb": (_HEAD + b"ENV A=x$A$A$A$A$A$A$A$A$A$A\n" * 100, "multiply it to more than"),
    "nested variables": (_HEAD + b"USER " + b"${A:-" * 10_000 + b"\n", "nested more than"),
    "a pattern": (_HEAD + b"ARG X=" + b"a" * 60_000 + b"\nUSER ${X##" + b"*a" * 3000 + b"b}\n", "unknown-user"),
    "many stages": (b"FROM scratch AS s\n" * 30_000, "it has more than 2000 stages"),
    "many users": (_HEAD + b"ENV A=" + b"a" * 50_000 + b"\n" + b"USER $A\n" * 10_000, "multiply it to more than"),
    "stages of stages": (
        b"FROM scratch AS a\n" + b"USER 1\n" * 60_000 + b"FROM a AS a\n" * 1500,
        "multiply it to more than",
    ),
    "brackets": (b"CMD " + b"[" * 60_000, "no build stage in current context"),
}
"""Files that no builder should be given, and what is said of each."""


def one_sentence(result: Result, part: str) -> None:
    assert result.exit_code in (1, 2), result.output
    assert part in result.output
    assert "Traceback" not in result.output


@pytest.mark.usefixtures("no_engine")
@pytest.mark.parametrize("name", BAD)
def test_bad_files(tmp_path: Path, name: str) -> None:
    data, part = BAD[name]
    one_sentence(run("--gate", write(tmp_path, data)), part)


@pytest.mark.usefixtures("no_engine")
def test_bad_places(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").mkdir()
    one_sentence(run(str(tmp_path / "Dockerfile")), "it is a folder")
    write(tmp_path, "FROM scratch\n", "Dockerfile/Dockerfile")
    assert run(str(tmp_path / "Dockerfile")).exit_code == 0  # a folder, from which its Dockerfile is picked
    os.chdir(tmp_path)
    one_sentence(run("Dockerfile"), "it is a folder")  # where an image's name may stand
    one_sentence(run("Dockerfile.none"), "there is no such file")
    one_sentence(run("-f", "Dockerfile.none"), "there is no such file")


def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    with pytest.raises(Misuse, match="No such file"):
        explain_dockerfile(BASES.get, str(tmp_path / "none"))


@pytest.mark.usefixtures("no_engine")
def test_a_notebook_s_call(tmp_path: Path) -> None:
    explained = labkit.explain(write(tmp_path, "FROM scratch\nUSER 5\n"))
    assert explained[0].image_user == "5"
