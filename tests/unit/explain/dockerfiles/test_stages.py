"""What each stage ends with: scopes of variables, triggers, stages of stages, and where the builders differ."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from labkit.explain.dockerfiles.built_stage import BaseImage
from labkit.explain.dockerfiles.dockerfile_parser import BuildStops
from labkit.explain.dockerfiles.expansion import Builder
from labkit.explain.dockerfiles.stage_evaluator import BuildOptions
from labkit.explain.dockerfiles.stages import Evaluation, evaluate, parse_build_args

BASES: Mapping[str, BaseImage] = {
    "dotnet": BaseImage("", {"APP_UID": "1654"}),
    "chiseled": BaseImage("1654", {"APP_UID": "1654"}),
    "trigger": BaseImage("7", on_build=("ARG X=5", "USER $X")),
}


def evaluated(
    text: str, builder: Builder = "buildkit", target: str = "", arguments: Mapping[str, str] | None = None
) -> Evaluation:
    return evaluate(text, BASES.get, BuildOptions(builder, arguments or {}, target, every_base=True))


def user_of(
    text: str, builder: Builder = "buildkit", target: str = "", arguments: Mapping[str, str] | None = None
) -> str | None:
    final = evaluated(text, builder, target, arguments).final
    if final.stops is not None:
        raise final.stops
    return final.user


@pytest.mark.parametrize(
    ("text", "user"),
    [
        ("FROM scratch\nUSER 5\n", "5"),
        ("FROM scratch\nUSER 5\nUSER 6\n", "6"),
        ("FROM scratch\nLABEL a=b\n", ""),
        # The field's cases: an ARG out of its scope, without a value, declared again, a default in the braces.
        ("ARG u=1\nARG g=2\nFROM scratch AS b\nLABEL a=b\nFROM scratch\nUSER ${u}:${g}\n", ":"),
        ("FROM scratch\nUSER $APP_UID\n", ""),
        ("FROM scratch\nENV APP_UID=\nUSER $APP_UID\n", ""),
        ("FROM scratch\nARG RUNAS\nUSER ${RUNAS}\n", ""),
        ("ARG u=1000\nFROM scratch\nARG u\nUSER $u\n", "1000"),
        ("FROM scratch\nUSER ${USER:-node}\n", "node"),
        # Their neighbours.
        ("ARG u=1\nFROM scratch\nARG u=2\nUSER $u\n", "2"),
        ("ARG u\nFROM scratch\nARG u\nUSER x$u\n", "x"),
        ("ARG u=1\nARG v=${u}5\nFROM scratch\nARG v\nUSER $v\n", "15"),
        ("FROM scratch\nUSER $u\nARG u=5\n", ""),
        ("FROM scratch AS a\nARG u=5\nUSER $u\nFROM scratch\nUSER $u\n", ""),
        ("FROM scratch\nARG u=1\nENV u=2\nUSER $u\n", "2"),
        ("FROM scratch\nENV u=1 v=$u\nUSER x$v\n", "x"),
        ("FROM scratch\nENV u=1\nENV v=$u\nUSER x$v\n", "x1"),
        ("FROM scratch\nENV u 1 2\nUSER $u\n", "1 2"),
        ("FROM scratch\nUSER $HTTP_PROXY\n", ""),
        ('FROM scratch\nUSER ""\n', ""),
        ("FROM scratch\nUSER '$u'\n", "$u"),
        ("FROM scratch\nUSER \\$u\n", "$u"),
        ("FROM dotnet\nUSER $APP_UID\n", "1654"),
        ("FROM dotnet\nUSER $APP_UDI\n", ""),
        ("FROM dotnet\nENV APP_UID=\nUSER $APP_UID\n", ""),
        ("FROM chiseled\nCOPY . .\n", "1654"),
        ("FROM chiseled\nUSER root\nRUN x\n", "root"),
        ("FROM scratch AS a\nUSER 5\nFROM a\nLABEL a=b\n", "5"),
        ("FROM scratch AS a\nUSER 5\nFROM a AS b\nFROM b\nENV a=b\n", "5"),
        ("FROM scratch AS a\nUSER 5\nFROM scratch\nCOPY --from=a /x /x\n", ""),
        ("ARG base=chiseled\nFROM $base\nENV a=b\n", "1654"),
        ("FROM ${base:-chiseled}\nENV a=b\n", "1654"),
        ("FROM trigger\nENV a=b\n", "5"),
        ("FROM trigger AS a\nUSER 9\nFROM a\nENV a=b\n", "9"),
        ("FROM scratch AS a\nUSER 1\nONBUILD USER 2\nFROM a\nENV a=b\n", "2"),
        ("FROM scratch AS a\nONBUILD ARG v=3\nONBUILD USER $v\nFROM a AS b\nFROM b\nENV c=d\n", "3"),
        ("FROM scratch AS a\nONBUILD USER 2\nFROM a\nUSER 4\n", "4"),
        ("FROM scratch\nONBUILD USER 2\nUSER 3\n", "3"),
        ('FROM scratch\nSHELL ["/bin/x", "-c"]\nUSER 3\n', "3"),
    ],
)
def test_both_builders_agree(text: str, user: str) -> None:
    assert "COPY" in text or "RUN" in text or user_of(text, "classic") == user
    assert user_of(text) == user


@pytest.mark.parametrize(
    ("mount", "is_built"),
    [
        # A mount that names no source needs no stage, but BuildKit takes the one called scratch for its source.
        ("type=tmpfs,target=/x", True),
        ("target=/x", True),
        ("type=secret,id=x", True),
        ("type=cache,target=/x", False),
        ("type=$T,target=/x", False),
        ("from=scratch,target=/x", False),
        ("from=build,from=SCRATCH,target=/x", False),
        ("from=scratch,from=build,target=/x", True),
        ("from=scratch,from=,target=/x", True),
    ],
)
def test_a_later_stage_that_is_called_scratch(mount: str, is_built: bool) -> None:
    app = f"FROM dotnet AS app\nARG T=cache\nRUN --mount={mount} true\nUSER 5\n"
    text = f"FROM dotnet AS build\n{app}FROM build AS scratch\n"
    if is_built:
        assert user_of(text, target="app") == "5"
    else:
        with pytest.raises(BuildStops):
            user_of(text, target="app")


@pytest.mark.parametrize(
    ("text", "arguments", "user"),
    [
        ("FROM scratch\nARG u=1\nUSER $u\n", {"u": "7"}, "7"),
        ("FROM scratch\nARG u\nUSER $u\n", {"u": "7"}, "7"),
        ("FROM scratch\nUSER x$u\n", {"u": "7"}, "x"),
        ("ARG u=1\nFROM scratch\nARG u\nUSER $u\n", {"u": "7"}, "7"),
        ("ARG u=1\nFROM scratch\nUSER x$u\n", {"u": "7"}, "x"),
        ("FROM scratch\nARG u=1\nENV u=2\nUSER $u\n", {"u": "7"}, "2"),
        ("ARG b=x\nFROM $b\nENV a=b\n", {"b": "chiseled"}, "1654"),
    ],
)
def test_build_arguments(text: str, arguments: dict[str, str], user: str) -> None:
    assert user_of(text, arguments=arguments) == user_of(text, "classic", arguments=arguments) == user


@pytest.mark.parametrize(
    ("text", "buildkit", "classic"),
    [
        # BuildKit has one list for ENV and ARG, in which the later wins.
        ("FROM scratch\nENV u=1\nARG u=2\nUSER $u\n", "2", "1"),
        # A stage made from another has its ARG with BuildKit.
        ("FROM scratch AS a\nARG u=5\nENV a=b\nFROM a\nUSER x$u\n", "x5", "x"),
        ("FROM scratch\nARG u=1\nARG u\nUSER x$u\n", "x1", "x"),
        ("FROM scratch\nARG a=1 b=x$a\nUSER $b\n", "x1", "x"),
        # Platforms are BuildKit's, proxies the classic builder's.
        ("FROM scratch\nARG TARGETARCH\nUSER x$TARGETARCH\n", "xamd64", "x"),
        ("FROM scratch\nUSER x$http_proxy\n", "x", "xp"),
    ],
)
def test_the_builders_differ(text: str, buildkit: str, classic: str) -> None:
    assert user_of(text, arguments={"http_proxy": "p"}) == buildkit
    assert user_of(text, "classic", arguments={"http_proxy": "p"}) == classic


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("FROM scratch\nUSR app\n", "dockerfile parse error on line 2: unknown instruction: USR (did you mean"),
        ("USER app\n", "no build stage in current context"),
        ("ARG a\n", "dockerfile contains no stages to build"),
        ("FROM scratch\nUSER\n", "dockerfile parse error on line 2: USER requires exactly one argument"),
        ("FROM scratch\nUSER --x a\n", "unknown flag: --x"),
        ("FROM $b\n", "base name ($b) should not be blank"),
        ("FROM\n", "FROM requires either one or three arguments"),
        ("FROM a b\n", "FROM requires either one or three arguments"),
        ("FROM scratch AS 1a\n", 'invalid name for build stage: "1a"'),
        ("FROM UPPER\n", "repository name (library/UPPER) must be lowercase"),
        ("FROM scratch\nUSER ${u:?who}\n", 'failed to process "${u:?who}": u: who'),
        ("FROM scratch\nUSER ${u\n", "in substitution"),
        ("FROM scratch\nEXPOSE abc\n", "invalid containerPort: abc"),
        ("FROM scratch\nSTOPSIGNAL NO\n", "nvalid signal: NO"),
        ("FROM scratch\nVOLUME $X\n", "VOLUME specified can not be an empty string"),
        ("FROM scratch\nSHELL sh\n", "SHELL requires the arguments to be in JSON form"),
        ("FROM scratch\nONBUILD ONBUILD USER a\n", "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed"),
        ("FROM scratch\nONBUILD FROM a\n", "FROM isn't allowed as an ONBUILD trigger"),
        ("FROM scratch AS a\nONBUILD USR x\nFROM a\n", "unknown instruction: USR"),
        ("FROM scratch AS a\nCOPY --from=b /x /x\nFROM scratch AS b\nCOPY --from=a /x /x\n", "circular dependency"),
        ("FROM scratch\nCOPY --from=0 /x /x\n", "circular dependency"),
        ("FROM scratch\nCOPY --from=3 /x /x\n", "invalid stage index 3"),
        ("FROM scratch\nCOPY --from=$X /x /x\n", "variable expansion is not supported for --from"),
        ("FROM scratch\nCOPY --chmod=9 a b\n", "invalid chmod parameter"),
        ("FROM scratch\nCOPY --link --chown=app a b\n", "can't be resolved when used with --link"),
        ("FROM --platform=$NO scratch\n", "empty platform value from expression $NO"),
        ("FROM scratch\nHEALTHCHECK --interval=5 CMD a\n", "missing unit in duration"),
        ("# check=skip\nFROM scratch\n", 'failed to parse check options: invalid check option "skip"'),
        ("# check=error=yes\nFROM scratch\n", "failed to parse check option"),
        ("FROM scratch\nRUN --mount=type=cahce,target=/x a\n", 'unsupported mount type "cahce"'),
        ("FROM scratch\nRUN --mount=type=cache a\n", 'invalid mount target "/"'),
        ("FROM scratch\nRUN --mount=type=cache,target=/x,uid=a a\n", "invalid value a for uid"),
        ("FROM scratch\nRUN --mount=target=/x,uid=5 a\n", 'uid not allowed for "bind" type mounts'),
        ("FROM scratch\nRUN --mount=target=/x,from=$X a\n", "'from' doesn't support variable expansion"),
        ("FROM scratch\nRUN --mount=type=secret a\n", "invalid secret mount. one of source, target required"),
        ("FROM scratch\nRUN --mount=type=cache,target=/x,rigth=5 a\n", "unexpected key 'rigth' in 'rigth=5'"),
        ("FROM scratch\nRUN --mount=typ a\n", "invalid field 'typ' must be a key=value pair"),
        ("FROM scratch\nRUN --security=none a\n", 'security "none" is not valid'),
    ],
)
def test_what_stops_the_build(text: str, message: str) -> None:
    with pytest.raises(BuildStops) as error:
        user_of(text)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("FROM scratch\nRUN --mount=type=cache,target=/x true\n", "the --mount option requires BuildKit"),
        ("FROM scratch\nCOPY --chmod=755 a b\n", "the --chmod option requires BuildKit"),
        ("FROM --platform=$BUILDPLATFORM scratch\n", "failed to parse platform"),
        ("FROM scratch AS a\nUSER 1\nFROM scratch AS a\n", "a stage name already used"),
        ("FROM scratch\nCOPY <<E /x\nE\n", "no source files were specified"),
        ("FROM scratch\nWORKDIR $X\n", "cannot normalize nothing"),
    ],
)
def test_what_stops_the_classic_builder_alone(text: str, message: str) -> None:
    with pytest.raises(BuildStops) as error:
        user_of(text, "classic")
    assert message in str(error.value)
    user_of(text)


def test_a_from_line_looks_back_alone_and_knows_no_numbers() -> None:
    final = evaluated("FROM b AS a\nUSER 1\nFROM a AS b\nENV a=b\n").final
    assert final.user == "1" and final.parent is not None and final.parent.base == "b"
    numbered = evaluated("FROM scratch\nUSER 1\nFROM 0\nENV a=b\n").final
    assert numbered.parent is None and numbered.user is None
    itself = evaluated("FROM a AS a\nENV a=b\n").final
    assert itself.parent is None and itself.user is None


def test_targets() -> None:
    text = "FROM scratch AS a\nUSER 1\nFROM scratch AS Bee\nUSER 2\nFROM scratch\nUSER 3\n"
    assert [user_of(text, target=target) for target in ("", "a", "bee", "BEE")] == ["3", "1", "2", "2"]
    with pytest.raises(BuildStops, match=r'target stage "aa" could not be found \(did you mean a'):
        user_of(text, target="aa")
    with pytest.raises(BuildStops, match='target stage "0" could not be found'):
        user_of(text, "classic", target="0")


def test_what_is_not_reached_stops_nothing() -> None:
    text = "FROM scratch AS a\nUSER ${u:?no}\nFROM scratch\nUSER 5\n"
    assert user_of(text) == "5"
    with pytest.raises(BuildStops, match="u: no"):
        user_of(text, "classic")


def test_what_a_base_decides_that_is_not_known() -> None:
    for text in ("FROM other\nUSER $APP_UID\n", "FROM other\nUSER ${u:-5}\n", "FROM other\nENV a=$b\nUSER $a\n"):
        assert user_of(text) is None, text
    line = evaluated("FROM other\nENV a=$b\nUSER ${a:-6}\n").final.user_line
    assert line is not None and (line.if_unset, line.open_names) == ("6", frozenset("b"))
    assert user_of("FROM other\nARG u=5\nUSER $u\n") == "5"
    assert user_of("FROM other\nUSER 5\n") == "5"
    assert user_of("FROM other\nLABEL a=${b:?only_if_unset}\nUSER 5\n") == "5"


def test_each_stage_has_its_own() -> None:
    stages = evaluated("FROM scratch AS a\nUSER 1\nFROM a\nFROM scratch\nUSER $x\n").stages
    assert [(stage.text.title, stage.user) for stage in stages] == [("a", "1"), ("1", "1"), ("2", "")]


def test_arguments_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIVEN", "5")
    monkeypatch.delenv("NOT_GIVEN", raising=False)
    assert parse_build_args(["A=1", "B=", "C=d=e", "GIVEN", "NOT_GIVEN"]) == {
        "A": "1",
        "B": "",
        "C": "d=e",
        "GIVEN": "5",
    }
