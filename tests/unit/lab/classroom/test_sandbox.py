"""What a class on a cluster is made of: complete, closed, and the same for everyone who asks."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from labkit.base.errors import Misuse
from labkit.core.admission.api_server import judge, read_template
from labkit.core.admission.pod_security import violations_of
from labkit.core.admission.policy import LATEST, Policy
from labkit.lab.classroom.class_keys import ClassKeys, new_class_code
from labkit.lab.classroom.class_objects import class_objects
from labkit.lab.classroom.class_rules import keeper_rules, participant_rules
from labkit.lab.classroom.class_settings import CLASS_LABEL, ClassSettings, new_participant
from labkit.lab.classroom.sandbox import sandbox_objects
from labkit.lab.classroom.server_pod import (
    engine_containers,
    engine_trial_pod,
    engine_volumes,
    server_container_settings,
    server_environment,
    server_level,
    server_pod_settings,
)

CLASS = ClassSettings()
ID = "p-0a1b2c"
NEWEST = (1, 37)
KEYS = ClassKeys("c" * 64, "p" * 64, "tarozi-kemupa", "token")
EVERYWHERE = [
    CLASS,
    ClassSettings(name="other", has_volumes=False, engine="podman", engine_image="e", api_addresses=("10.96.0.1/32",)),
    ClassSettings(exposed="NodePort", node_port=30443, has_certificate=True, storage_class="fast", prepared=(ID,)),
]


def of_kind(objects: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [manifest for manifest in objects if manifest["kind"] == kind]


def allowed(rules: list[dict[str, Any]]) -> set[tuple[str, str]]:
    return {(resource, verb) for rule in rules for resource in rule["resources"] for verb in rule["verbs"]}


@pytest.mark.parametrize("settings", EVERYWHERE, ids=["plain", "podman", "exposed"])
def test_every_object_carries_the_class_and_has_a_name_of_its_own(settings: ClassSettings) -> None:
    objects = class_objects(settings, KEYS) + sandbox_objects(settings, ID) + sandbox_objects(settings, "p-ffffff")
    assert {manifest["metadata"]["labels"][CLASS_LABEL] for manifest in objects} == {settings.name}
    names = Counter(
        (manifest["kind"], manifest["metadata"].get("namespace"), manifest["metadata"]["name"]) for manifest in objects
    )
    assert set(names.values()) == {1}


@pytest.mark.parametrize("settings", EVERYWHERE, ids=["plain", "podman", "exposed"])
def test_a_namespace_is_made_before_what_is_in_it(settings: ClassSettings) -> None:
    made: set[str] = set()
    for manifest in class_objects(settings, KEYS) + sandbox_objects(settings, ID):
        if manifest["kind"] == "Namespace":
            made.add(manifest["metadata"]["name"])
        elif "namespace" in manifest["metadata"]:
            assert manifest["metadata"]["namespace"] in made


def test_two_classes_in_a_cluster_share_nothing() -> None:
    def names(settings: ClassSettings) -> set[tuple[str, str]]:
        objects = class_objects(settings, KEYS) + sandbox_objects(settings, ID)
        return {
            (manifest["kind"], manifest["metadata"]["name"])
            for manifest in objects
            if "namespace" not in manifest["metadata"]
        }

    assert names(ClassSettings(name="a")) & names(ClassSettings(name="a-b")) == set()


@pytest.mark.parametrize("settings", EVERYWHERE, ids=["plain", "podman", "exposed"])
def test_hub_and_proxy_pass_restricted(settings: ClassSettings) -> None:
    deployments = of_kind(class_objects(settings, KEYS), "Deployment")
    assert [manifest["metadata"]["name"] for manifest in deployments] == ["hub", "proxy"]
    for deployment in deployments:
        template = read_template(deployment, "Deployment", ("spec", "template"))
        assert judge(template, Policy("restricted", LATEST), NEWEST).ok
        pod = deployment["spec"]["template"]
        for container in pod["spec"]["containers"]:
            assert container["securityContext"]["readOnlyRootFilesystem"] is True
            assert container["resources"]["limits"]["memory"]
        has_token = pod["spec"]["automountServiceAccountToken"]
        assert has_token is (deployment["metadata"]["name"] == "hub")


WITH_ENGINE = ClassSettings(engine="podman", engine_image="e")


@pytest.mark.parametrize(("settings", "level"), [(CLASS, "restricted"), (WITH_ENGINE, "baseline")])
def test_a_server_passes_the_level_of_its_namespace(settings: ClassSettings, level: str) -> None:
    container = {"name": "server", "image": "a", "securityContext": server_container_settings()}
    spec = {**server_pod_settings(settings), "containers": [container, *engine_containers(settings)]}
    assert server_level(settings) == level
    assert violations_of(Policy(level, LATEST), {}, spec, NEWEST) == []


def test_beside_an_engine_a_server_keeps_what_restricted_asks_of_it() -> None:
    container = {"name": "server", "image": "a", "securityContext": server_container_settings()}
    spec = {**server_pod_settings(WITH_ENGINE), "containers": [container]}
    assert violations_of(Policy("restricted", LATEST), {}, spec, NEWEST) == []


def test_an_engine_has_two_capabilities_and_a_user_namespace() -> None:
    (engine,) = engine_containers(WITH_ENGINE)
    assert engine["securityContext"]["capabilities"] == {"drop": ["ALL"], "add": ["SETUID", "SETGID"]}
    assert engine["securityContext"]["readOnlyRootFilesystem"] is True
    assert server_pod_settings(WITH_ENGINE)["hostUsers"] is False
    volumes = {volume["name"] for volume in engine_volumes(WITH_ENGINE)} | {"home", "tmp"}
    assert {mount["name"] for mount in engine["volumeMounts"]} == volumes
    assert engine_containers(CLASS) == engine_volumes(CLASS) == []
    assert "hostUsers" not in server_pod_settings(CLASS)


def test_an_engine_is_tried_as_it_would_be() -> None:
    pod = engine_trial_pod(WITH_ENGINE, "engine", "trial", "a-claim")
    (tried,), (real,) = pod["spec"]["containers"], engine_containers(WITH_ENGINE)
    assert {**tried, "args": None} == {**real, "args": None}
    assert pod["spec"]["hostUsers"] is False
    assert pod["spec"]["volumes"][0]["persistentVolumeClaim"] == {"claimName": "a-claim"}


def test_the_hub_may_make_participants_and_no_more() -> None:
    roles = {role["metadata"]["name"]: role["rules"] for role in of_kind(class_objects(CLASS), "ClusterRole")}
    everywhere = allowed(roles[CLASS.hub_role])
    writing = {(resource, verb) for resource, verb in everywhere if verb not in ("get", "list", "watch")}
    assert writing == {("namespaces", "create"), ("rolebindings", "create"), ("clusterroles", "bind")}
    assert not any(resource == "secrets" for resource, _ in everywhere)
    bound = [rule["resourceNames"] for rule in roles[CLASS.hub_role] if "bind" in rule["verbs"]]
    assert bound == [[CLASS.keeper_role, CLASS.participant_role]]
    prepared = ClassSettings(prepared=(ID,))
    reading = {role["metadata"]["name"]: role["rules"] for role in of_kind(class_objects(prepared), "ClusterRole")}
    assert {verb for _, verb in allowed(reading[prepared.hub_role])} == {"get", "list", "watch"}


def test_a_participant_has_rights_in_the_namespace_of_the_lessons_alone() -> None:
    bindings = of_kind(sandbox_objects(CLASS, ID), "RoleBinding")
    theirs = [binding for binding in bindings if binding["subjects"][0]["name"] == "participant"]
    assert [binding["metadata"]["namespace"] for binding in theirs] == [CLASS.lab_namespace(ID)]
    assert not of_kind(sandbox_objects(CLASS, ID), "ClusterRoleBinding")


def test_nobody_may_widen_their_own_rights() -> None:
    for rules in (participant_rules(), keeper_rules()):
        for resource, verb in allowed(rules):
            assert verb not in ("*", "escalate", "bind", "impersonate")
            assert resource not in ("*", "roles", "rolebindings", "clusterroles", "clusterrolebindings", "nodes")
    writing = {resource for resource, verb in allowed(participant_rules()) if verb not in ("get", "list", "watch")}
    assert not writing & {"resourcequotas", "limitranges", "networkpolicies", "serviceaccounts", "nodes"}


def test_each_participant_is_behind_closed_doors() -> None:
    policies = {
        policy["metadata"]["name"]: policy["spec"] for policy in of_kind(sandbox_objects(CLASS, ID), "NetworkPolicy")
    }
    assert set(policies) == {"server", "lessons"}
    for spec in policies.values():
        assert spec["podSelector"] == {}
        assert spec["policyTypes"] == ["Ingress", "Egress"]
        assert all(rule.get("from") for rule in spec["ingress"]), "an ingress rule lets everybody in"
    text = json.dumps(policies)
    assert "p-ffffff" not in text
    assert CLASS.lab_namespace(ID) in text


def test_without_volumes_nothing_asks_for_storage() -> None:
    settings = ClassSettings(has_volumes=False)
    assert not of_kind(class_objects(settings) + sandbox_objects(settings, ID), "PersistentVolumeClaim")
    assert len(of_kind(class_objects(CLASS) + sandbox_objects(CLASS, ID), "PersistentVolumeClaim")) == 2


def test_the_hub_reads_the_settings_that_the_command_wrote() -> None:
    for settings in EVERYWHERE:
        config = of_kind(class_objects(settings), "ConfigMap")[0]
        assert ClassSettings.from_json(config["data"]["settings.json"]) == settings


@pytest.mark.parametrize(
    "name",
    ["", "Class", "-a", "a-", "9a", "a_b", "a b", "a" * 41, "a-p-123456", "a-p", "ä", "a/../b", "a\n", "kube.system"],
)
def test_names_that_no_class_can_have(name: str) -> None:
    with pytest.raises(Misuse):
        ClassSettings(name=name)


@pytest.mark.parametrize(
    "participant", ["", "p-", "p-12345", "p-1234567", "p-ABCDEF", "x-123456", "p-12345g", "../../x"]
)
def test_ids_that_no_participant_can_have(participant: str) -> None:
    with pytest.raises(Misuse):
        sandbox_objects(CLASS, participant)


@pytest.mark.parametrize(
    "values",
    [
        {"engine": "docker"},
        {"engine": "podman"},
        {"exposed": "Ingress"},
        {"exposed": "NodePort"},
        {"api_addresses": ("10.0.0.1/99",)},
        {"prepared": ("nobody",)},
    ],
)
def test_settings_that_make_no_sense(values: dict[str, Any]) -> None:
    with pytest.raises(Misuse):
        ClassSettings(**values)


@pytest.mark.parametrize("text", ["", "[]", '{"name": 3}', '{"sizes": {"lab_pods": "many"}}'])
def test_settings_that_are_damaged(text: str) -> None:
    with pytest.raises(Misuse, match="Reading the class's settings"):
        ClassSettings.from_json(text)


def test_ids_and_codes_are_not_the_same_twice() -> None:
    assert len({new_participant() for _ in range(50)}) == 50
    codes = {new_class_code() for _ in range(50)}
    assert len(codes) == 50
    assert all(len(code) == 13 and code.replace("-", "").isalpha() for code in codes)


@pytest.mark.parametrize(
    ("settings", "more"),
    [
        (CLASS, {"LABKIT_ENGINE": "none"}),
        (WITH_ENGINE, {"CONTAINER_HOST": "unix:///run/labkit-engine/podman.sock"}),
        (
            CLASS.changed(images="registry.example/labkit"),
            {"LABKIT_ENGINE": "none", "LABKIT_IMAGES": "registry.example/labkit"},
        ),
    ],
)
def test_a_server_knows_where_its_lessons_are(settings: ClassSettings, more: dict[str, str]) -> None:
    always = {"LABKIT_SANDBOX": f"labkit-class-{ID}-lab", "JUPYTERHUB_ACTIVITY_INTERVAL": "300"}
    assert server_environment(settings, ID) == {**always, **more}


@pytest.mark.parametrize(("idle_minutes", "look_seconds"), [(0, 300), (1, 15), (5, 75), (20, 300), (60, 300)])
def test_who_is_at_work_is_seen_several_times_before_they_would_count_as_idle(
    idle_minutes: int, look_seconds: int
) -> None:
    settings = CLASS.changed(idle_minutes=idle_minutes)
    assert settings.look_seconds == look_seconds
    assert server_environment(settings, ID)["JUPYTERHUB_ACTIVITY_INTERVAL"] == str(look_seconds)


def test_another_hub_is_started_where_what_it_reads_has_changed() -> None:
    def template(settings: ClassSettings, keys: ClassKeys, name: str = "hub") -> Any:
        (deployment,) = [
            manifest
            for manifest in of_kind(class_objects(settings, keys), "Deployment")
            if manifest["metadata"]["name"] == name
        ]
        return deployment["spec"]["template"]

    other_image, other_code = CLASS.changed(participant_image="other"), ClassKeys("c" * 64, "p" * 64, "other", "token")
    assert template(CLASS, KEYS) == template(CLASS, KEYS)
    assert template(CLASS, KEYS) != template(other_image, KEYS)
    assert template(CLASS, KEYS) != template(CLASS, other_code)
    assert template(CLASS, KEYS, "proxy") == template(other_image, other_code, "proxy")  # Notebooks stay open.


def test_a_line_to_paste_names_context_and_class() -> None:
    assert ClassSettings().line("a b", "up") == "labkit class up --context 'a b'"
    named = ClassSettings(name="spring").line("kind-labkit", "down", "--progress")
    assert named == "labkit class down --context kind-labkit --class-name spring --progress"


def test_a_line_that_brings_a_class_up_again_says_where_images_and_people_go() -> None:
    shown = ClassSettings(exposed="NodePort", has_certificate=True, host="192.0.2.10", registry="registry.example/lab")
    line = "labkit class up --context far --registry registry.example/lab --expose NodePort --host 192.0.2.10"
    assert shown.line("far", "up") == line
    assert shown.line("far", "up", "--host", "192.0.2.11").endswith("--expose NodePort --host 192.0.2.11")
    assert shown.line("far", "down") == "labkit class down --context far"
