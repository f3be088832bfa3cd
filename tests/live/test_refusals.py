"""The kubelet's refusals, each by its cause and in the kubelet's own words."""

from __future__ import annotations

from typing import Any

import pytest

from labkit.adapters.kube import Kube
from labkit.base.errors import LabFailed
from labkit.base.waiting import watch
from labkit.core.causes import Cause
from labkit.core.pods.manifest import container_manifest, pod_manifest
from labkit.core.pods.outcome import Outcome
from labkit.core.pods.pod_containers import process_identities
from labkit.core.pods.verdicts import BEING_DELETED, is_half_ended
from labkit.core.refuser import Refuser
from labkit.core.run_results import ExecResult
from labkit.lab.lab import Lab
from labkit.lab.samples.build_contexts import archive_of_dockerfile

_LONG_SECONDS = 60.0
_NON_ROOT = {"runAsNonRoot": True}
_REFUSED = [
    ("aspnetapp-root", {}, Cause.IMAGE_RUNS_AS_ROOT, "container has runAsNonRoot and image will run as root"),
    ("named-user", {}, Cause.IMAGE_USER_NOT_NUMERIC, "image has non-numeric user (app)"),
    ("uid-out-of-range", {}, Cause.IMAGE_USER_OUT_OF_RANGE, "image has an invalid user id (2147483648)"),
    ("aspnetapp", {"runAsUser": 0}, Cause.RUN_AS_USER_IS_ROOT, "container's runAsUser breaks non-root policy"),
]


def _make(
    lab: Lab,
    kube: Kube,
    namespace: str,
    image: str,
    *,
    pod: dict[str, Any] | None = None,
    container: dict[str, Any] | None = None,
    command: list[str] | None = None,
    init: str | None = None,
) -> Outcome:
    first = [container_manifest("first", lab.reference(init), command=["id"])] if init else []
    main = container_manifest("a", lab.reference(image), command=command, security=container)
    return kube.make_pod(pod_manifest("p", [main], init_containers=first, security=pod), namespace)


@pytest.mark.parametrize(("image", "container", "cause", "expected"), _REFUSED)
def test_each_refusal_has_its_cause_and_its_words(
    lab: Lab, kube: Kube, namespace: str, image: str, container: dict[str, Any], cause: Cause, expected: str
) -> None:
    outcome = _make(lab, kube, namespace, image, pod=_NON_ROOT, container=container)
    outcome.expect(cause)
    assert outcome.verdict == "refused"
    assert outcome.container == "a"
    assert expected in (outcome.message or "")
    assert any(expected in event.message for event in outcome.events)


def test_an_init_container_is_refused_like_any_other(lab: Lab, kube: Kube, namespace: str) -> None:
    outcome = _make(lab, kube, namespace, "aspnetapp", pod=_NON_ROOT, init="debian")
    outcome.expect(Cause.IMAGE_RUNS_AS_ROOT)
    assert outcome.container == "first"


def test_the_container_decides_over_the_pod(lab: Lab, kube: Kube, namespace: str) -> None:
    _make(lab, kube, namespace, "aspnetapp-root", pod=_NON_ROOT, container={"runAsNonRoot": False}).expect_running()


@pytest.mark.parametrize("image", ["aspnetapp-root", "named-user", "uid-out-of-range"])
def test_a_numeric_run_as_user_replaces_the_images_user(lab: Lab, kube: Kube, namespace: str, image: str) -> None:
    command = ["sleep", "60"]
    _make(lab, kube, namespace, image, pod=_NON_ROOT | {"runAsUser": 1654}, command=command).expect_running()
    assert kube.execute("p", namespace, ["id", "-u"]) == ExecResult(0, "1654\n")
    apart = kube.execute("p", namespace, ["sh", "-c", "echo a; echo oh >&2; exit 3"])
    assert apart == ExecResult(3, "a\n", "oh\n")


def test_requests_go_on_after_many_execs(lab: Lab, kube: Kube, namespace: str) -> None:
    """A connection that has carried an exec was once handed out again for a request, which broke it."""
    _make(lab, kube, namespace, "debian", command=["sleep", "60"]).expect_running()
    for _ in range(8):
        assert kube.execute("p", namespace, ["true"]) == ExecResult(0)
        assert kube.pod("p", namespace)["status"]["phase"] == "Running"


def test_a_command_in_a_pod_that_is_gone_ends_in_a_sentence(lab: Lab, kube: Kube, namespace: str) -> None:
    for pod in ("never-there", "deleted"):
        if pod == "deleted":
            manifest = pod_manifest(pod, [container_manifest("a", lab.reference("debian"), command=["sleep", "60"])])
            kube.make_pod(manifest, namespace).expect_running()
            kube.delete_pod(pod, namespace)
        with pytest.raises(LabFailed, match="there is no such container"):
            kube.execute(pod, namespace, ["true"])


def test_an_image_that_is_nowhere_is_missing(lab: Lab, kube: Kube, namespace: str) -> None:
    manifest = pod_manifest("p", [container_manifest("a", lab.configuration.image_reference("no-such-image"))])
    kube.make_pod(manifest, namespace).expect(Cause.IMAGE_MISSING)


def test_a_command_that_is_nowhere_is_not_found(lab: Lab, kube: Kube, namespace: str) -> None:
    _make(lab, kube, namespace, "aspnetapp-chiseled", command=["/bin/sh"]).expect(Cause.COMMAND_NOT_FOUND)


def test_a_pod_that_the_api_rejects_is_not_admitted(kube: Kube, namespace: str) -> None:
    outcome = kube.make_pod(pod_manifest("p", []), namespace)
    assert (outcome.verdict, outcome.refuser) == ("not admitted", Refuser.API_SERVER)
    assert outcome.cause is Cause.INVALID_MANIFEST
    assert "spec.containers: Required value" in (outcome.message or "")


def test_a_pod_that_cannot_come_is_pending_with_the_last_state_seen(kube: Kube, lab: Lab, namespace: str) -> None:
    manifest = pod_manifest("p", [container_manifest("a", lab.reference("debian"))])
    manifest["spec"]["nodeSelector"] = {"no-such": "node"}
    outcome = kube.make_pod(manifest, namespace, seconds=1.0)
    assert outcome.verdict == "pending"
    outcome.expect(Cause.TIMEOUT)
    # On a busy machine the scheduler says so later.
    outcome = watch(
        lambda: kube.observe("p", namespace, seconds=1.0),
        lambda seen: any("FailedScheduling" in event.reason for event in seen.events),
        _LONG_SECONDS,
    )
    assert any("FailedScheduling" in event.reason for event in outcome.events)


def test_services_and_names_work(lab: Lab, kube: Kube, namespace: str) -> None:
    """kube-proxy and CoreDNS are part of the node, whichever source it comes from."""
    _make(lab, kube, namespace, "debian", command=["sleep", "60"]).expect_running()
    lookup = ["getent", "hosts", "kubernetes.default.svc.cluster.local"]
    # A lab is up before its DNS is: that needs pods of its own.
    address = watch(lambda: kube.execute("p", namespace, lookup), lambda result: result.exit_status == 0, _LONG_SECONDS)
    assert (address.exit_status, address.stdout.split()[0]) == (0, "10.96.0.1")
    reach = "exec 3<>/dev/tcp/10.96.0.1/443"
    assert kube.execute("p", namespace, ["timeout", "30", "bash", "-c", reach]) == ExecResult(0)


def test_a_group_that_the_api_server_does_not_take_is_known_from_the_events(
    lab: Lab, kube: Kube, namespace: str
) -> None:
    """The kubelet's status of such a pod is refused, so that it seems to be at ContainerCreating for ever."""
    engine, reference = lab.engine(), lab.configuration.image_reference("test-huge-group")
    dockerfile = f"FROM {lab.reference('debian')}\nRUN echo 'huge:x:4294967295:root' >> /etc/group\n"
    image = engine.build(archive_of_dockerfile(dockerfile), reference, arguments={}, labels={})
    try:
        lab.cluster().load({reference: image})
        pod = pod_manifest("huge", [container_manifest("a", reference, command=["sleep", "60"])])
        outcome = kube.make_pod(pod, namespace).expect(Cause.BAD_USER_SPEC)
        assert outcome.container == "a"
        assert "setgroups: invalid argument" in (outcome.message or "")
    finally:
        engine.remove_image(reference)


def test_a_slow_pod_whose_name_was_used_twice_before_is_judged_by_itself(lab: Lab, kube: Kube, namespace: str) -> None:
    """Three pods of one name within two seconds; what the events say of the first two is not said of the third."""
    for _ in range(2):
        _make(lab, kube, namespace, "aspnetapp-root", pod=_NON_ROOT).expect(Cause.IMAGE_RUNS_AS_ROOT)
    first = container_manifest("first", lab.reference("debian"), command=["sleep", "2.5"])
    main = container_manifest("a", lab.reference("debian"), command=["sleep", "60"])
    outcome = kube.make_pod(pod_manifest("p", [main], init_containers=[first]), namespace).expect_running()
    assert (outcome.seconds or 0) > 2


def test_a_pod_that_is_being_deleted_does_not_run(lab: Lab, kube: Kube, namespace: str) -> None:
    manifest = pod_manifest("p", [container_manifest("a", lab.reference("debian"), command=["sleep", "60"])])
    manifest["spec"]["terminationGracePeriodSeconds"] = 30
    kube.make_pod(manifest, namespace).expect_running()
    kube._ask("DELETE", f"api/v1/namespaces/{namespace}/pods/p")
    pod = kube.pod("p", namespace)
    assert pod["metadata"]["deletionTimestamp"]
    outcome = kube.outcome_of(pod)
    assert (outcome.verdict, outcome.message) == ("failed", BEING_DELETED)
    kube.make_pod(manifest, namespace).expect_running()
    assert kube.pod("p", namespace)["metadata"]["uid"] != pod["metadata"]["uid"]


def test_all_containers_of_a_pod_count(lab: Lab, kube: Kube, namespace: str) -> None:
    debian = lab.reference("debian")
    sidecar = container_manifest("proxy", debian, command=["sleep", "60"]) | {"restartPolicy": "Always"}
    init = container_manifest("first", debian, command=["id"], security={"runAsUser": 7})
    main = [
        container_manifest(name, debian, command=["sh", "-c", f"echo of {name}; sleep 60"], security={"runAsUser": uid})
        for name, uid in (("a", 1000), ("b", 1001))
    ]
    kube.make_pod(pod_manifest("p", main, init_containers=[sidecar, init]), namespace).expect_running()
    assert kube.execute("p", namespace, ["id", "-u"], "b") == ExecResult(0, "1001\n")
    assert watch(lambda: kube.logs("p", namespace, "b"), bool, _LONG_SECONDS) == "of b"
    identities = process_identities(kube.pod("p", namespace))
    assert {name: identity and identity.uid for name, identity in identities.items()} == {
        "proxy": 0,
        "first": 7,
        "a": 1000,
        "b": 1001,
    }
    debugger = container_manifest("debugger", debian, security={"runAsNonRoot": True})
    kube._ask(
        "PATCH",
        f"api/v1/namespaces/{namespace}/pods/p/ephemeralcontainers",
        body={"spec": {"ephemeralContainers": [debugger]}},
        kind="strategic-merge-patch+json",
    )
    # The kubelet writes why a container did not start when it looks at the pod again: 10 to 15 s later, if nothing else
    # changes (kubernetes/kubernetes:pkg/kubelet/pod_workers.go, backOffPeriod).
    outcome = kube.observe_end("p", namespace, 60).expect(Cause.IMAGE_RUNS_AS_ROOT)
    assert (outcome.container, outcome.refuser) == ("debugger", Refuser.KUBELET)


def test_a_pod_that_has_half_ended_is_told_so_soon(lab: Lab, kube: Kube, namespace: str) -> None:
    debian = lab.reference("debian")
    main = [container_manifest(name, debian, command=["sleep", span]) for name, span in (("a", "60"), ("b", "0.1"))]
    kube.create_pod(pod_manifest("p", main), "p", namespace)
    watch(lambda: is_half_ended(kube.pod("p", namespace)), bool, 30)
    outcome = kube.observe("p", namespace, seconds=30).expect(Cause.TIMEOUT)
    assert (outcome.container, outcome.message) == ("b", "container b has ended, with exit status 0")
    assert (outcome.seconds or 30) < 20


@pytest.mark.parametrize(
    ("pod", "container", "field", "advice"),
    [
        ({"runAsNonroot": True}, {}, "spec.securityContext.runAsNonroot", "did you mean runAsNonRoot?"),
        ({}, {"fsGroup": 1}, "spec.containers[0].securityContext.fsGroup", "belongs to the pod's securityContext"),
    ],
)
def test_an_unknown_field_is_not_let_in(
    lab: Lab, kube: Kube, namespace: str, pod: dict[str, Any], container: dict[str, Any], field: str, advice: str
) -> None:
    outcome = _make(lab, kube, namespace, "debian", pod=pod, container=container).expect(Cause.INVALID_MANIFEST)
    assert (outcome.verdict, outcome.refuser) == ("not admitted", Refuser.API_SERVER)
    assert f'unknown field "{field}"' in (outcome.message or "")
    assert (outcome.message or "").endswith(advice)
    assert kube.find_pod("p", namespace) is None


def test_admission_refuses_and_warns(lab: Lab, kube: Kube, namespace: str) -> None:
    body = {"metadata": {"labels": {"pod-security.kubernetes.io/warn": "restricted"}}}
    kube._ask("PATCH", f"api/v1/namespaces/{namespace}", body=body, kind="merge-patch+json")
    outcome = _make(lab, kube, namespace, "aspnetapp", pod=_NON_ROOT).expect_running()
    assert 'would violate PodSecurity "restricted:latest"' in outcome.warnings[0]
    kube.enforce(namespace, "restricted")
    outcome = _make(lab, kube, namespace, "aspnetapp", pod=_NON_ROOT).expect(Cause.POD_SECURITY)
    assert outcome.refuser is Refuser.ADMISSION


def test_an_exec_that_floods_a_stream_is_bounded(lab: Lab, kube: Kube, namespace: str) -> None:
    _make(lab, kube, namespace, "debian", command=["sleep", "60"]).expect_running()
    flood = kube.execute("p", namespace, ["sh", "-c", "head -c 5000000 /dev/zero | tr '\\0' x >&2; echo done; exit 3"])
    assert (flood.exit_status, flood.stdout) == (3, "done\n")
    assert 1_000_000 < len(flood.stderr) < 1_100_000
    assert "more bytes are left out" in flood.stderr
    with pytest.raises(LabFailed, match="and went on"):
        kube.execute("p", namespace, ["sh", "-c", "yes >&2"])
    assert kube.execute("p", namespace, ["true"]) == ExecResult(0)


def test_each_pod_of_a_deployments_template_is_judged(lab: Lab, kube: Kube, namespace: str) -> None:
    def deployment(image: str) -> dict[str, Any]:
        pod = pod_manifest("web", [container_manifest("a", lab.reference(image))], security=_NON_ROOT)
        pod["spec"]["restartPolicy"] = "Always"
        template = {"metadata": {"labels": {"app": "web"}}, "spec": pod["spec"]}
        spec = {"replicas": 2, "selector": {"matchLabels": {"app": "web"}}, "template": template}
        return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec}

    assert kube.pods_of("web", namespace, 15) == []
    kube.apply_object(deployment("aspnetapp"), namespace)
    assert [outcome.verdict for outcome in kube.pods_of("web", namespace, 15)] == ["running"] * 2
    kube.apply_object(deployment("aspnetapp-root"), namespace)
    assert {outcome.cause for outcome in kube.pods_of("web", namespace, 15)} == {Cause.IMAGE_RUNS_AS_ROOT}


def test_a_level_counts_at_once(lab: Lab, kube: Kube, namespace: str) -> None:
    """Admission's cache of namespaces is behind the label, so that one pod in some was let in by the old level."""
    plain = pod_manifest("p", [container_manifest("a", lab.reference("debian"))])
    host = {**plain, "spec": {**plain["spec"], "hostNetwork": True}}
    for _ in range(10):
        for level, refused in (
            ("restricted", (True, True)),
            ("baseline", (False, True)),
            ("privileged", (False, False)),
        ):
            kube.enforce(namespace, level)
            answers = [kube.create_pod(manifest, "p", namespace, dry_run=True) for manifest in (plain, host)]
            assert (answers[0] is not None, answers[1] is not None) == refused, level
