"""Postures as docker lines and as pods, with what they have around them."""

from __future__ import annotations

import re
import shlex

import pytest

from labkit.adapters.engine import InspectedConfig
from labkit.base.errors import Misuse
from labkit.base.resources import CHECKOUT
from labkit.threat.judge import Control
from labkit.threat.postures import CLUSTER, ENGINE, POSTURES, VULNERABLE, Posture, find_posture
from labkit.threat.probes import PROBES, find_probe
from labkit.threat.surroundings import NEIGHBOUR_UID, SHARED_GID, app_program, environment, surrounded

_ALL = [*POSTURES.values(), *VULNERABLE.values()]


def test_there_are_enough() -> None:
    assert len(POSTURES) >= 14
    assert len(PROBES) >= 25


@pytest.mark.parametrize("posture", _ALL, ids=lambda posture: posture.name)
def test_line_options_and_pod_ask_for_the_same(posture: Posture) -> None:
    argv = shlex.split(posture.docker_line("image", "/srv/x"))
    options = posture.engine_options("/srv/x")
    pod = posture.pod("image", "/srv/x")["spec"]
    own = pod["containers"][0].get("securityContext", {})
    whole = pod.get("securityContext", {})
    forms: list[tuple[bool, bool, bool, bool]] = [
        (posture.drop_all, "--cap-drop" in argv, "cap_drop" in options, "capabilities" in own),
        (posture.read_only, "--read-only" in argv, "read_only" in options, "readOnlyRootFilesystem" in own),
        (posture.privileged, "--privileged" in argv, "privileged" in options, "privileged" in own),
        (posture.no_new_privs, "--security-opt" in argv, "security_opt" in options, "allowPrivilegeEscalation" in own),
        (posture.host_path, "--volume" in argv, "binds" in options, bool(pod.get("volumes"))),
    ]
    assert all(len(set(same)) == 1 for same in forms)
    assert (posture.user is not None) is ("--user" in argv) is ("runAsUser" in whole)
    assert pod.get("hostUsers", True) is not posture.user_namespace
    assert ("runAsNonRoot" in whole) is posture.non_root


@pytest.mark.parametrize("posture", _ALL, ids=lambda posture: posture.name)
def test_surroundings_leave_the_postures_settings_alone(posture: Posture) -> None:
    plain = posture.pod()
    around = surrounded(plain, environment("mark", "/app/x"), ["hold"])
    before, after = plain["spec"]["containers"][0], around["spec"]["containers"][0]
    assert {name: value for name, value in after.items() if name not in ("args", "env")} == before
    changed = {"securityContext", "containers", "shareProcessNamespace"}
    kept = {name: value for name, value in around["spec"].items() if name not in changed}
    assert kept == {name: value for name, value in plain["spec"].items() if name not in changed}
    assert around["spec"]["securityContext"] == {**plain["spec"].get("securityContext", {}), "fsGroup": SHARED_GID}
    neighbour = around["spec"]["containers"][1]
    assert neighbour["securityContext"]["runAsUser"] == NEIGHBOUR_UID


def test_a_posture_is_shown_in_words() -> None:
    assert str(find_posture("root-default")) == "root-default: root, nothing said, on the engine and the cluster"
    assert repr(find_posture("root-userns")) == "root-userns: root in a user namespace of its own, on the cluster"


def test_a_user_with_a_group_becomes_two_numbers() -> None:
    security = Posture("x", "x", user="1654:7").pod()["spec"]["securityContext"]
    assert security == {"runAsUser": 1654, "runAsGroup": 7}


@pytest.mark.parametrize(
    ("config", "program"),
    [
        ({"Entrypoint": ["./aspnetapp"], "WorkingDir": "/app"}, "/app/aspnetapp"),
        ({"Entrypoint": ["dotnet", "/app/hello.dll"], "WorkingDir": "/app/"}, "/app/hello.dll"),
        ({"Entrypoint": ["/bin/x"], "WorkingDir": ""}, "/bin/x"),
        ({"Entrypoint": None}, ""),
        ({}, ""),
    ],
)
def test_the_apps_program_is_found(config: InspectedConfig, program: str) -> None:
    assert app_program({"Id": "sha256:0", "Config": config}) == program


def test_an_image_that_is_not_there_has_no_program() -> None:
    assert app_program(None) == ""


@pytest.mark.parametrize(("name", "hint"), [("root-defualt", "root-default"), ("zzz", "labkit matrix --list")])
def test_a_posture_that_is_none(name: str, hint: str) -> None:
    with pytest.raises(Misuse, match=hint):
        find_posture(name)


@pytest.mark.parametrize(("name", "hint"), [("read-shadows", "read-shadow"), ("zzz", "labkit matrix --list")])
def test_a_probe_that_is_none(name: str, hint: str) -> None:
    with pytest.raises(Misuse, match=hint):
        find_probe(name)


def test_the_program_has_just_these_probes() -> None:
    source = (CHECKOUT / "cluster" / "probe" / "probes.go").read_text(encoding="utf-8")
    assert set(re.findall(r'^\t"([a-z0-9-]+)":', source, re.MULTILINE)) == set(PROBES)


def test_the_program_names_only_controls_that_there_are() -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in (CHECKOUT / "cluster" / "probe").glob("*.go"))
    assert set(re.findall(r'Control = "([^"]+)"', sources)) <= set(map(str, Control))


def test_each_probe_says_what_it_means_and_what_decides() -> None:
    assert all(
        probe.title and probe.meaning and probe.rule and probe.threat in ("rce", "breakout")
        for probe in PROBES.values()
    )


def test_each_posture_shows_the_forms_that_it_has() -> None:
    for posture in _ALL:
        told = posture.to_dict()
        assert ("docker" in told, "pod" in told) == (ENGINE in posture.places, CLUSTER in posture.places)
