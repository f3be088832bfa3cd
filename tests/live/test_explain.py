"""`labkit explain` says what the running lab does: a sample of `make parity`, and each role of a container."""

from __future__ import annotations

import json
import secrets
import subprocess
import time
from pathlib import Path

import pytest

import labkit
from labkit.adapters.crane import Crane
from labkit.adapters.engine_endpoint import DEFAULT_SOCKET
from labkit.adapters.engine_socket import EngineSocket
from labkit.adapters.kube import Kube
from labkit.base.errors import MachineLacks
from labkit.core.admission.decoding import api_types
from labkit.core.causes import REFUSALS, Cause
from labkit.core.image_platform import ImagePlatform
from labkit.core.pods.manifest import container_manifest, pod_manifest, to_yaml
from labkit.explain.engine_lookup import EngineLookup
from labkit.explain.explanations import explain_manifests, explain_text
from labkit.explain.given_users import GivenUsers
from labkit.explain.image_lookup import ImageFinder
from labkit.explain.registry_lookup import RegistryLookup
from labkit.lab.lab import Lab
from tests.parity.api_prove import API_VERDICTS, prove_api
from tests.parity.api_types import read_types
from tests.parity.dockerfiles import prove_classic
from tests.parity.prove import choose, prove, tell
from tests.parity.spellings import choose_files, compare_files
from tests.unit.registry_double import layer, write_layout


def finder(lab: Lab) -> ImageFinder:
    """Looks images up on the lab's own connection to the engine."""
    return ImageFinder(connect=lambda: EngineLookup(lab.engine(), lab.configuration))


def test_a_sample_agrees_with_kubelet_and_engine(lab: Lab) -> None:
    seed = secrets.randbelow(2**31)
    # Said before anything can take too long: it repeats the run.
    print(f"seed {seed}")
    proof = prove(lab, choose(seed, containers=48, runs=24, of_each_cause=3, worlds=8), shrinking_seconds=60)
    assert not proof.disagreements, f"seed {seed}\n" + "\n".join(map(tell, proof.disagreements))
    assert all(proof.causes[f"kubelet {cause}"] for cause in REFUSALS), proof.causes


def test_a_sample_agrees_with_the_api_server(lab: Lab, kube: Kube) -> None:
    seed = secrets.randbelow(2**31)
    print(f"seed {seed}")
    proof = prove_api(kube, seed, 200)
    assert not proof.disagreements, f"seed {seed}\n" + "\n".join(proof.disagreements)
    assert all(proof.causes[verdict] for verdict in API_VERDICTS), proof.causes


def test_a_sample_of_files_means_what_it_means_to_kubectl(lab: Lab) -> None:
    lab.cluster()
    seed = secrets.randbelow(2**31)
    print(f"seed {seed}")
    assert not compare_files(choose_files(seed, 600))


def test_the_types_are_those_of_the_running_api_server(kube: Kube) -> None:
    definitions = kube._ask("GET", "/openapi/v2").json()["definitions"]
    assert read_types(definitions) == api_types()


def test_a_sample_of_dockerfiles_agrees_with_the_engine_s_builder(lab: Lab) -> None:
    seed = secrets.randbelow(2**31)
    print(f"seed {seed}")
    prefix = lab.configuration.image_reference("dockerfile").partition(":")[0] + "-"
    proof = prove_classic(lab.configuration.labels, prefix, seed, count=30)
    assert proof.disagreements == [], f"seed {seed}"
    assert proof.outcomes["a user"] and proof.outcomes["stops"], proof.outcomes


@pytest.mark.parametrize("role", ["init", "main"])
def test_the_kubelet_refuses_in_the_words_that_were_said(lab: Lab, kube: Kube, namespace: str, role: str) -> None:
    bad = container_manifest("bad", lab.reference("aspnetapp-root"))
    good = container_manifest("good", lab.reference("aspnetapp"))
    main, init = ([bad, good], []) if role == "main" else ([good], [bad])
    pod = pod_manifest(f"as-{role}", main, init_containers=init, security={"runAsNonRoot": True})
    pod["metadata"]["namespace"] = namespace
    explained = next(row for row in explain_text(finder(lab), to_yaml(pod)) if row.container == "bad")
    outcome = kube.make_pod(pod, namespace).expect(Cause.IMAGE_RUNS_AS_ROOT)
    assert explained.role == role
    assert explained.answer.refusal is not None and outcome.message is not None
    uid = kube.pod(f"as-{role}", namespace)["metadata"]["uid"]
    assert explained.answer.refusal.message.replace("...", uid) == outcome.message


def test_an_ephemeral_container_is_refused_too(lab: Lab, kube: Kube, namespace: str) -> None:
    good = container_manifest("good", lab.reference("aspnetapp"))
    pod = pod_manifest("host", [good], security={"runAsNonRoot": True})
    kube.make_pod(pod, namespace).expect_running()
    debugger = {"name": "debugger", "image": lab.reference("debian"), "imagePullPolicy": "Never"}
    patch = json.dumps({"spec": {"ephemeralContainers": [debugger]}})
    command = ["labkit", "kubectl", "patch", "pod", "host", "--namespace", namespace, "--patch", patch]
    subprocess.run([*command, "--subresource=ephemeralcontainers"], check=True, capture_output=True)
    message = _why_waiting(kube, "host", namespace)
    pod["spec"]["ephemeralContainers"] = [debugger]
    explained = next(row for row in explain_text(finder(lab), to_yaml(pod)) if row.role == "ephemeral")
    assert explained.answer.cause == Cause.IMAGE_RUNS_AS_ROOT
    assert explained.answer.refusal is not None
    assert explained.answer.refusal.message.partition(" (pod:")[0] in message


def test_ids_out_of_range_are_not_admitted_in_the_words_that_were_said(lab: Lab, kube: Kube, namespace: str) -> None:
    pod = pod_manifest("huge", [container_manifest("a", lab.reference("alpine"), security={"runAsUser": 2**31})])
    outcome = kube.make_pod(pod, namespace)
    row = explain_text(finder(lab), to_yaml(pod))[0]
    assert (outcome.verdict, row.answer.cause) == ("not admitted", Cause.INVALID_MANIFEST)
    assert row.answer.refusal is not None and outcome.message is not None
    assert row.answer.refusal.message.partition(": ")[2] in outcome.message


def test_a_group_without_a_user_stops_the_pod_and_that_is_said(lab: Lab, kube: Kube, namespace: str) -> None:
    pod = pod_manifest("grouped", [container_manifest("a", lab.reference("alpine"))], security={"runAsGroup": 7})
    row = explain_text(finder(lab), to_yaml(pod))[0]
    outcome = kube.make_pod(pod, namespace).expect(Cause.BAD_USER_SPEC)
    assert row.answer.refusal is not None and outcome.message is not None
    assert row.answer.refusal.message in outcome.message


def test_in_a_user_namespace_root_is_nobody_on_the_node(lab: Lab, kube: Kube, namespace: str) -> None:
    pod = pod_manifest("apart", [container_manifest("a", lab.reference("alpine"), command=["sleep", "3600"])])
    pod["spec"]["hostUsers"] = False
    row = explain_text(finder(lab), to_yaml(pod))[0]
    assert any("unprivileged uid of the node" in sentence for sentence in row.answer.because)
    kube.make_pod(pod, namespace).expect_running()
    mapped = kube.execute("apart", namespace, ["cat", "/proc/self/uid_map"])
    inside, outside, _ = mapped.stdout.split()
    assert (mapped.exit_status, inside) == (0, "0")
    assert int(outside) > 65535


def test_an_archive_says_what_the_engine_says(lab: Lab, tmp_path: Path) -> None:
    reference = lab.reference("aspnetapp-chiseled")
    archive = tmp_path / "image.tar"
    subprocess.run(["docker", "save", "--output", str(archive), reference], check=True)
    from_engine, from_archive = labkit.explain(reference).to_dicts(), labkit.explain(str(archive)).to_dicts()
    for by_engine, by_archive in zip(from_engine, from_archive, strict=True):
        assert (by_engine["image_from"], by_archive["image_from"]) == ("engine", "archive")
        differ = {"image": "", "container": "", "image_from": ""}
        assert {**by_engine, **differ} == {**by_archive, **differ}


def _why_waiting(kube: Kube, pod: str, namespace: str) -> str:
    """What the pod's ephemeral container waits for, once it says so."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        for status in kube.pod(pod, namespace)["status"].get("ephemeralContainerStatuses") or []:
            if message := (status["state"].get("waiting") or {}).get("message"):
                return str(message)
        time.sleep(0.1)
    raise AssertionError("the ephemeral container says nothing")


def test_the_socket_and_the_sdk_tell_the_same_of_every_sample_image(lab: Lab) -> None:
    socket = EngineSocket(DEFAULT_SOCKET, lab.configuration.labels)
    by_socket, by_sdk = EngineLookup(socket, lab.configuration), EngineLookup(lab.engine(), lab.configuration)
    for name in [*lab.catalogue, "no-such-image"]:
        assert by_socket.find(name) == by_sdk.find(name), name
    assert by_socket.runc_version() == by_sdk.runc_version()


@pytest.mark.usefixtures("lab")
def test_a_kustomization_is_built_by_the_kit_s_own_kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "kustomization.yaml").write_text("resources: [pod.yaml]\nnamePrefix: built-\n")
    (tmp_path / "pod.yaml").write_text(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\n"
        "spec: {containers: [{name: c, image: app, securityContext: {runAsUser: 5}}]}\n"
    )
    monkeypatch.setenv("PATH", str(tmp_path))  # no kubectl of the machine's
    explained = explain_manifests(ImageFinder(GivenUsers({"app": "5"})), [str(tmp_path)], build=True)
    assert [(row.name, row.answer.uid) for row in explained] == [("built-p", 5)]


def test_a_registry_tells_us_what_it_tells_crane(
    lab: Lab, registry: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The registry is crane's own, so that nothing of the protocol is our reading alone."""
    monkeypatch.setenv("LABKIT_CACHE", str(tmp_path / "cache"))
    account_files = {"etc/passwd": "app:x:1654:7::/home/app:/bin/sh\n", "etc/group": "app:x:7:\n"}
    write_layout(tmp_path / "layout", {"User": "app", "Env": ["HOME=/data"]}, layer(account_files))
    crane, reference = Crane(lab.configuration, lab.steps), f"{registry}/team/app:1"
    crane.push(tmp_path / "layout", reference)
    lookup = RegistryLookup(tmp_path / "cache", ImagePlatform("linux", "amd64"))
    known = lookup.find(reference)
    assert known is not None
    assert known.digest == crane.digest(reference)
    config = crane.image_config(reference, "linux/amd64")["config"]
    assert config is not None
    assert known.image.user == config["User"] == "app"
    (row,) = explain_text(
        ImageFinder(connect=no_engine, registries=lambda: lookup),
        f"kind: Pod\nmetadata: {{name: p}}\nspec: {{containers: [{{name: c, image: '{reference}'}}]}}\n",
    ).rows
    assert row.answer.runs_as is not None
    assert (row.answer.runs_as.uid, row.answer.runs_as.gid, row.answer.runs_as.home) == (1654, 7, "/data")


def no_engine() -> EngineLookup:
    raise MachineLacks("Asking the engine", "there is none", "start it")
