"""Manifests of any kind of workload: which containers they ask for, and what is said of those that cannot be read."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from labkit.core.admission.policy import Policy
from labkit.core.identity.model import Settings
from labkit.explain.workload_kinds.asked_containers import Asked
from labkit.explain.workload_kinds.workload_reader import read_workloads

CONTAINER = {"name": "app", "image": "nginx"}
SPEC: dict[str, Any] = {"containers": [CONTAINER]}
CONTAINERS = "containers: [{name: app, image: nginx}]"
POD = "kind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: app, image: nginx}]}\n"


def manifest(kind: str, *wrappers: str, version: str = "v1", spec: object = SPEC, name: str = "it") -> dict[str, Any]:
    """A workload, with the pod's spec inside these fields."""
    inner = spec
    for wrapper in reversed(wrappers):
        inner = {wrapper: {"spec": inner}}
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": inner}


def pod(**spec: object) -> dict[str, Any]:
    return manifest("Pod", spec={**SPEC, **spec})


def read(*documents: object) -> Asked:
    """What these documents ask for; YAML and JSON must say the same."""
    asked = read_workloads("---\n".join(map(yaml.safe_dump, documents)))
    if len(documents) == 1:
        assert read_workloads(json.dumps(documents[0], indent="\t")) == asked
    return asked


def flaw_of(document: object) -> str:
    """The only flaw of the first of two documents, of which the second is read all the same."""
    asked = read(document, manifest("Pod", name="other"))
    assert [container.name for container in asked.containers] == ["other"]
    (flaw,) = asked.flaws
    return flaw


def names(asked: Asked) -> list[str]:
    return [container.name for container in asked.containers]


WORKLOADS = [
    manifest("Pod"),
    manifest("ReplicationController", "template"),
    manifest("Deployment", "template", version="apps/v1"),
    manifest("StatefulSet", "template", version="apps/v1"),
    manifest("DaemonSet", "template", version="apps/v1"),
    manifest("ReplicaSet", "template", version="apps/v1"),
    manifest("Deployment", "template", version="extensions/v1beta1"),
    manifest("Job", "template", version="batch/v1"),
    manifest("CronJob", "jobTemplate", "template", version="batch/v1"),
]


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda workload: workload["kind"])
def test_every_kind_of_workload_is_unwrapped(workload: dict[str, Any]) -> None:
    asked = read(workload)
    (container,) = asked.containers
    assert (container.kind, container.name, container.namespace) == (workload["kind"], "it", "default")
    assert (container.container, container.role, container.image) == ("app", "main", "nginx")
    assert (container.pod, container.own, container.notes) == (Settings(), Settings(), ())
    assert not asked.flaws
    assert not asked.passed_over


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda workload: workload["kind"])
def test_the_pod_s_settings_are_those_of_the_template(workload: dict[str, Any]) -> None:
    text = json.dumps(workload).replace(json.dumps(SPEC), json.dumps({**SPEC, "securityContext": {"runAsUser": 7}}))
    (container,) = read_workloads(text).containers
    assert container.pod == Settings(run_as_user=7)


def test_a_list_holds_any_kinds_in_its_order() -> None:
    asked = read({"apiVersion": "v1", "kind": "List", "items": [*WORKLOADS, {"kind": "Secret"}, None, 7]})
    assert [container.kind for container in asked.containers] == [workload["kind"] for workload in WORKLOADS]
    assert asked.passed_over == {"Secret": 1, "no kind": 2}
    nested = read({"kind": "List", "items": [{"kind": "List", "items": [manifest("Pod")]}, manifest("Pod", name="b")]})
    assert names(nested) == ["it", "b"]


def test_the_items_of_a_pod_list_need_not_say_what_they_are() -> None:
    bare = {"metadata": {"name": "bare"}, "spec": SPEC}
    assert names(read({"kind": "PodList", "items": [bare, manifest("Pod")]})) == ["bare", "it"]
    wrapped = {"metadata": {"name": "d"}, "spec": {"template": {"spec": SPEC}}}
    (container,) = read({"kind": "DeploymentList", "apiVersion": "apps/v1", "items": [wrapped]}).containers
    assert (container.kind, container.name) == ("Deployment", "d")
    # Those of a plain List must.
    assert read({"kind": "List", "items": [bare]}).passed_over == {"no kind": 1}
    assert read({"kind": "SecretList", "items": [{}, {}]}).passed_over == {"Secret": 2}
    assert read({"kind": "List", "items": None}).passed_over == {"List": 1}
    assert read({"kind": "List", "items": []}) == Asked()


def test_roles_come_in_the_order_in_which_they_start() -> None:
    asked = read(
        pod(
            ephemeralContainers=[{"name": "debug", "image": "e"}],
            initContainers=[{"name": "first", "image": "i"}, {"name": "second", "image": "i"}],
            containers=[{"name": "app", "image": "a"}, {"name": "side", "image": "s"}],
        )
    )
    assert [(container.container, container.role) for container in asked.containers] == [
        ("first", "init"),
        ("second", "init"),
        ("app", "main"),
        ("side", "main"),
        ("debug", "ephemeral"),
    ]


def test_pod_and_container_keep_their_settings_apart() -> None:
    of_pod = {
        "runAsNonRoot": True,
        "runAsUser": 1,
        "runAsGroup": 2,
        "fsGroup": 3,
        "supplementalGroups": [5, 4],
        "supplementalGroupsPolicy": "Strict",
    }
    own = {"runAsNonRoot": False, "runAsUser": 0, "capabilities": {"drop": ["ALL"]}}
    first, second = read(
        pod(securityContext=of_pod, hostUsers=False, containers=[{**CONTAINER, "securityContext": own}, CONTAINER])
    ).containers
    assert first.pod == second.pod == Settings(True, 1, 2, 3, (5, 4), "Strict", host_users=False)
    # What a container says stands over its pod's, be it false or 0; what it does not say is None.
    assert first.own == Settings(run_as_non_root=False, run_as_user=0)
    assert second.own == Settings()
    assert first.notes == second.notes == ()


@pytest.mark.parametrize("host_users", [True, False, None])
def test_host_users_is_the_pod_s_alone(host_users: bool | None) -> None:
    (container,) = read(pod(hostUsers=host_users, containers=[{**CONTAINER, "hostUsers": not host_users}])).containers
    assert (container.pod.host_users, container.own.host_users) == (host_users, None)


def test_the_namespace_is_the_manifest_s() -> None:
    metadata = {"generateName": "job-", "namespace": "shop"}
    (container,) = read({**manifest("Pod"), "metadata": metadata}).containers
    assert (container.name, container.namespace) == ("job-", "shop")
    nothings: list[Any] = [None, [], "x", {}, {"name": None, "namespace": None}]
    for nothing in nothings:
        (container,) = read({**manifest("Pod"), "metadata": nothing}).containers
        assert (container.name, container.namespace) == ("", "default")


def test_other_kinds_are_counted() -> None:
    asked = read({"kind": "Service"}, manifest("Pod"), {"kind": "Service"}, {"kind": "ConfigMap"}, "text", 7, {}, [1])
    assert names(asked) == ["it"]
    assert asked.passed_over == {"Service": 2, "ConfigMap": 1, "no kind": 4}
    assert not asked.flaws


@pytest.mark.parametrize("kind", [None, 7, True, ["Pod"], {"a": 1}, ""])
def test_what_has_no_kind_is_counted_too(kind: object) -> None:
    assert read({**manifest("Pod"), "kind": kind}).passed_over == {"no kind": 1}


@pytest.mark.parametrize("version", ["batch.volcano.sh/v1alpha1", "example.org/v1", "x/v1", 1, None])
def test_a_kind_of_the_same_name_in_another_project_is_read_by_its_shape(version: object) -> None:
    asked = read({**manifest("Job", "template"), "apiVersion": version}, manifest("Pod"))
    assert [(asked_for.kind, asked_for.container) for asked_for in asked.containers] == [("Job", "app"), ("Pod", "app")]
    # It need not have its pod where Kubernetes' own has it, and may have none.
    elsewhere = read({"apiVersion": version, "kind": "Job", "spec": {"tasks": [{"template": {"spec": SPEC}}]}})
    assert [asked_for.container for asked_for in elsewhere.containers] == ["app"]
    assert not asked.flaws


def test_pods_for_windows_are_read_like_others() -> None:
    options = {"windowsOptions": {"runAsUserName": "ContainerUser"}}
    windows = {**SPEC, "os": {"name": "windows"}, "securityContext": options}
    asked = read(manifest("Deployment", "template", spec=windows), manifest("Pod", spec=windows))
    assert names(asked) == ["it", "it"]
    assert not asked.passed_over
    assert [container.template.spec["securityContext"] for container in asked.containers] == [options, options]


@pytest.mark.parametrize(
    ("document", "flaw"),
    [
        ({"kind": "Pod"}, "Pod: it has no spec"),
        ({"kind": "Pod", "spec": []}, "Pod: it has no spec"),
        ({"kind": "Deployment", "spec": None}, "Deployment: it has no spec.template.spec"),
        ({"kind": "Deployment", "spec": {"template": 7}}, "Deployment: it has no spec.template.spec"),
        (manifest("Deployment"), "Deployment it: it has no spec.template.spec"),
        (manifest("CronJob", "template"), "CronJob it: it has no spec.jobTemplate.spec.template.spec"),
        (manifest("Pod", spec={}), "Pod it: it names no containers"),
        (pod(containers=None), "Pod it: it names no containers"),
        (pod(containers=[]), "Pod it: it names no containers"),
        (pod(containers=[], initContainers=[CONTAINER]), "Pod it: it names no containers"),
        (pod(containers={"name": "app"}), "Pod it: its containers are not a list of containers"),
        (pod(containers="app"), "Pod it: its containers are not a list of containers"),
        (pod(containers=[None]), "Pod it: its containers are not a list of containers"),
        (pod(initContainers=["app"]), "Pod it: its initContainers are not a list of containers"),
        (pod(ephemeralContainers=7), "Pod it: its ephemeralContainers are not a list of containers"),
        (pod(containers=[{"image": "nginx"}]), "Pod it: its container None lacks a name or an image"),
        (pod(containers=[{"name": "a"}]), "Pod it: its container 'a' lacks a name or an image"),
        (pod(containers=[{"name": "a", "image": ""}]), "Pod it: its container 'a' lacks a name or an image"),
        (
            pod(containers=[{"name": "a", "image": 7}]),
            "Pod it: a container's image is 7, which is not a string: quote it",
        ),
        (
            pod(containers=[{"name": True, "image": "a"}]),
            "Pod it: a container's name is true, which is not a string: quote it",
        ),
    ],
)
def test_a_workload_that_cannot_be_read_says_why_and_the_others_are_read(document: object, flaw: str) -> None:
    assert flaw_of(document) == flaw


def refusal_of(document: dict[str, Any]) -> str:
    """The API server's words to a document, beside which another is read all the same."""
    asked = read(document, manifest("Pod", name="other"))
    assert names(asked)[-1] == "other"
    assert not asked.flaws
    message = asked.containers[0].template.verdict.message
    assert message is not None
    return message


_UNREADABLE = "json: cannot unmarshal {} into Go struct field PodSpec.spec.{} of type {}"
_OF_POD = "json: cannot unmarshal {} into Go struct field PodSecurityContext.spec.securityContext.{} of type {}"


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (pod(hostUsers="no"), _UNREADABLE.format("string", "hostUsers", "bool")),
        (pod(securityContext=[7]), _UNREADABLE.format("array", "securityContext", "v1.PodSecurityContext")),
        (pod(securityContext=False), _UNREADABLE.format("bool", "securityContext", "v1.PodSecurityContext")),
        (pod(securityContext={"runAsUser": "1000"}), _OF_POD.format("string", "runAsUser", "int64")),
        (pod(securityContext={"runAsUser": True}), _OF_POD.format("bool", "runAsUser", "int64")),
        (pod(securityContext={"runAsGroup": 1.5}), _OF_POD.format("number 1.5", "runAsGroup", "int64")),
        (pod(securityContext={"runAsNonRoot": "true"}), _OF_POD.format("string", "runAsNonRoot", "bool")),
        (pod(securityContext={"fsGroup": {"a": 1}}), _OF_POD.format("object", "fsGroup", "int64")),
        (
            pod(securityContext={"supplementalGroups": [1, "2"]}),
            _OF_POD.format("string", "supplementalGroups", "int64"),
        ),
        (
            pod(securityContext={"supplementalGroupsPolicy": "strict"}),
            'spec.securityContext.supplementalGroupsPolicy: Unsupported value: "strict": '
            'supported values: "Merge", "Strict"',
        ),
        (
            pod(containers=[CONTAINER, {**CONTAINER, "securityContext": {"runAsNonRoot": 1}}]),
            "json: cannot unmarshal number into Go struct field "
            "SecurityContext.spec.containers.securityContext.runAsNonRoot of type bool",
        ),
        # As kubectl sends it.
        (pod(securityContext={"runAsUser": 2**63}), _OF_POD.format("number 9223372036854776000", "runAsUser", "int64")),
        (
            pod(securityContext={"runAsUser": 2**31}),
            "spec.securityContext.runAsUser: Invalid value: 2147483648: must be between 0 and 2147483647, inclusive",
        ),
    ],
)
def test_a_setting_that_the_api_server_refuses_is_read_and_its_words_are_there(
    document: dict[str, Any], message: str
) -> None:
    assert refusal_of(document) == message


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("!!binary aGk=", '"hi"'),
        ("!!timestamp 2024-01-01", '"2024-01-01"'),
        ("!!set {a}", '{"a": null}'),
        ("{? !!binary aGk= : 1}", '{"hi": 1}'),
        ("1e21", "1e+21"),
        ("'1000'", '"1000": write it without quotes'),
    ],
)
def test_a_value_with_a_tag_is_shown_as_kubectl_reads_it(value: str, shown: str) -> None:
    asked = read_workloads(POD + f"---\nkind: Pod\nspec: {{securityContext: {{runAsUser: {value}}}, {CONTAINERS}}}")
    assert names(asked) == ["p", ""]
    assert asked.containers[1].template.verdict.hints == (f"spec.securityContext.runAsUser is {shown}",)


def test_a_misspelt_field_keeps_the_object_out_and_the_others_are_read() -> None:
    of_pod = {"runAsNonroot": True, "runAsUser": 7}
    own = {"runasuser": 0, 7: 1, "fsGroup": "any", "readOnlyRootFilesystem": True}
    text = yaml.safe_dump(pod(securityContext=of_pod, containers=[{**CONTAINER, "securityContext": own}, CONTAINER]))
    first, second = read_workloads(text).containers
    assert first.pod == Settings(run_as_user=7)
    assert first.own == Settings()
    assert first.template is second.template
    paths = [*(f"containers[0].securityContext.{name}" for name in ("7", "fsGroup", "runasuser"))]
    paths += ["securityContext.runAsNonroot"]
    unknown = ", ".join(f'unknown field "spec.{path}"' for path in paths)
    assert first.template.verdict.message == f"strict decoding error: {unknown}"
    assert "runAsNonroot: did you mean runAsNonRoot?" in first.template.verdict.hints


@pytest.mark.parametrize("uid", [-1, 2**31, 2**63 - 1])
def test_an_id_out_of_range_is_read_for_the_rules_to_judge(uid: int) -> None:
    (container,) = read(pod(securityContext={"runAsUser": uid})).containers
    assert container.pod.run_as_user == uid


def test_a_setting_that_is_filled_in_later_is_a_template() -> None:
    asked = read(pod(securityContext={"runAsUser": "${APP_UID}"}))
    assert not asked.containers
    assert asked.templates == ["Pod it: '${APP_UID}' must be filled in first"]


def test_a_namespace_says_what_it_enforces() -> None:
    label = "pod-security.kubernetes.io/enforce"

    def namespace(name: object, **labels: object) -> dict[str, Any]:
        return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels or None}}

    asked = read(
        namespace("shop", **{label: "restricted", f"{label}-version": "v1.30"}),
        namespace("open", **{f"{label}-version": "v1.30"}),
        namespace("typo", **{label: "restriced"}),
        namespace(7, **{label: "baseline"}),
        namespace("plain"),
        {"kind": "Namespace"},
    )
    assert asked.policies == {"shop": Policy("restricted", "v1.30"), "typo": Policy("restricted")}
    assert asked.passed_over == {"Namespace": 6}


@pytest.mark.parametrize("text", ["", "\n", "---", "---\n---\n", "# a comment", "null", "---\nnull\n...\n", "\ufeff"])
def test_nothing_asks_for_nothing(text: str) -> None:
    assert read_workloads(text) == Asked()


def test_empty_documents_are_no_documents() -> None:
    asked = read_workloads(f"---\n---\n# none\n---\n{POD}---\n\n---\n{POD}---\n")
    assert names(asked) == ["p", "p"]
    assert not asked.passed_over


def test_json_may_be_indented_by_tabs_and_be_followed_by_space() -> None:
    asked = read_workloads("\n " + json.dumps(manifest("Pod", name="é😀"), indent="\t") + "\n\n")
    assert names(asked) == ["é😀"]


def test_braces_may_be_yaml() -> None:
    assert names(read_workloads("{kind: Pod, metadata: {name: p}, spec: {containers: [{name: a, image: b}]}}")) == ["p"]
    several = "\n---\n".join(json.dumps(manifest("Pod", name=name)) for name in ("a", "b"))
    assert names(read_workloads(several)) == ["a", "b"]


def test_dates_and_equals_signs_are_strings_as_for_kubernetes() -> None:
    asked = read_workloads(
        "kind: Pod\nmetadata: {name: 2024-02-30, namespace: 2024-01-01}\n"
        "spec: {containers: [{name: 2024-01-01, image: =, args: [test, a, =, b]}]}"
    )
    (container,) = asked.containers
    assert (container.name, container.namespace, container.container, container.image) == (
        "2024-02-30",
        "2024-01-01",
        "2024-01-01",
        "=",
    )


BY_SEQUENCES = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))
BY_MAPPINGS = "a0: &a0 {x: y}\n" + "".join(
    f"a{n}: &a{n} {{{', '.join(f'k{i}: *a{n - 1}' for i in range(9))}}}\n" for n in range(1, 12)
)
BY_MERGE_KEYS = "a0: &a0 {x: y}\n" + "".join(
    f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}\n" for n in range(1, 12)
)
BY_TWOS = "a0: &a0 {x: y}\n" + "".join(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}\n" for n in range(1, 60))


@pytest.mark.parametrize("bomb", [BY_SEQUENCES, BY_MAPPINGS, BY_MERGE_KEYS, BY_TWOS])
def test_a_billion_laughs_are_refused_at_once(bomb: str) -> None:
    start = time.monotonic()
    for text in (bomb, POD + "---\n" + bomb):
        (flaw,) = read_workloads(text).flaws
        assert flaw.endswith("its anchors multiply it too much: document contains excessive aliasing")
    assert time.monotonic() - start < 1


def test_anchors_and_merge_keys_in_measure_are_fine() -> None:
    asked = read_workloads(
        "kind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n"
        "  - &one {name: a, image: i, securityContext: &ctx {runAsUser: 7}}\n"
        "  - {<<: *one, name: b}\n"
        "  - {<<: [{name: c}, *one], image: j}\n"
        "  securityContext: {<<: *ctx, runAsNonRoot: true}\n"
    )
    assert [(container.container, container.image, container.own.run_as_user) for container in asked.containers] == [
        ("a", "i", 7),
        ("b", "i", 7),
        ("c", "j", 7),
    ]
    assert asked.containers[0].pod == Settings(run_as_non_root=True, run_as_user=7)


@pytest.mark.parametrize(
    "text", ["&a [*a]", "a: &a {b: *a}", "&a {<<: *a}", "&a {<<: [*a, *a]}", "kind: List\nitems: &a [{items: *a}]"]
)
def test_an_anchor_that_holds_itself_is_refused(text: str) -> None:
    asked = read_workloads(f"{text}\n---\n{POD}")
    (flaw,) = asked.flaws
    assert flaw.endswith(": it is not YAML: an anchor's value contains itself")
    assert names(asked) == ["p"]


@pytest.mark.parametrize(
    ("opening", "closing"),
    [("[", "]"), ("{a: ", "}"), ("- ", ""), ('{"a":', "}"), ('{"kind":"List","items":[', "]}"), ("[\n", "]\n")],
)
def test_a_hundred_thousand_levels_are_too_deep(opening: str, closing: str) -> None:
    asked = read_workloads(opening * 100_000 + "7" + closing * 100_000 + f"\n---\n{POD}")
    assert asked.flaws == ["line 1: it is nested too deeply"]
    assert names(asked) == ["p"]


@pytest.mark.parametrize(
    "frame",
    [
        {"kind": "Pod", "spec": {"securityContext": {"runAsUser": "@"}}},
        {"kind": "Pod", "metadata": {"name": "@"}, "spec": SPEC},
        {"kind": "Pod", "spec": {"containers": [{"name": "@"}]}},
        {"kind": "List", "items": [{"kind": "List", "items": ["@"]}]},
    ],
)
def test_at_no_depth_does_it_break(frame: object) -> None:
    before, after = json.dumps(frame).split('"@"')
    for depth in (1, 150, *range(940, 1000, 15)):
        for opening, closing in (("[", "]"), ('{"kind":"List","items":[', "]}")):
            asked = read_workloads(before + opening * depth + closing * depth + after)
            assert not asked.broken or asked.flaws == ["line 1: it is nested too deeply"]


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    assert isinstance(read_workloads(text), Asked)


_pieces = [
    "kind: Pod",
    "kind",
    "Pod",
    ": ",
    "- ",
    "\n",
    "\n  ",
    "[",
    "]",
    "{",
    "}",
    ", ",
    "&a ",
    "*a",
    "<<: ",
    "---\n",
    "!!",
]
_pieces += [
    "!!int ",
    "!!set ",
    "!!omap ",
    "!!binary ",
    "!!bool ",
    "!!float ",
    "'",
    '"',
    "|",
    ">",
    "? ",
    "7",
    "1:1",
    "0x",
    "%",
    "\t",
]


@given(st.lists(st.sampled_from(_pieces), max_size=12).map("".join))
def test_any_pieces_of_yaml_are_read_or_refused(text: str) -> None:
    assert isinstance(read_workloads(text), Asked)


_scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.dates() | st.binary(max_size=3)
)
_kinds = st.sampled_from(["Pod", "Deployment", "Job", "CronJob", "List", "PodList", "Secret"])
_keys = st.sampled_from(
    [
        *("kind", "spec", "template", "jobTemplate", "containers", "initContainers", "name", "image", "items"),
        *("metadata", "securityContext", "runAsUser", "runAsNonRoot", "supplementalGroups", "hostUsers", "os"),
        "apiVersion",
    ]
)
_documents = st.recursive(
    _scalars | _kinds,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(_keys | _scalars.filter(lambda key: key == key), inner, max_size=4)
        | st.fixed_dictionaries({"kind": _kinds, "spec": inner}, optional={"items": st.lists(inner, max_size=2)})
        | st.fixed_dictionaries({"kind": _kinds}, optional={"spec": st.fixed_dictionaries({"template": inner})})
        | st.fixed_dictionaries({"containers": st.lists(inner, max_size=2)}, optional={"securityContext": inner})
        | st.fixed_dictionaries({"name": inner, "image": inner}, optional={"securityContext": inner})
    ),
    max_leaves=15,
)


@given(st.lists(_documents, max_size=3))
def test_any_documents_are_read_beside_a_good_one(documents: list[object]) -> None:
    dumped = [yaml.safe_dump(document, allow_unicode=True) for document in [*documents, manifest("Pod", name="good")]]
    asked = read_workloads("\n---\n".join(dumped))
    assert asked.containers[-1].name == "good"
    for container in asked.containers:
        assert container.container
        # What is found by its shape alone may leave its image to another program.
        assert container.image or container.template.verdict.ok is not True
