"""Pods are found in objects of any kind by their shape, and a gate knows of what it could not judge."""

from __future__ import annotations

import textwrap
from typing import Any

import pytest
import yaml

from labkit.explain.workload_kinds.asked_containers import Asked
from labkit.explain.workload_kinds.kinds_without_pods import need_have_no_pods, runs_no_pods
from labkit.explain.workload_kinds.workload_reader import read_workloads

APP = {"name": "app", "image": "nginx"}
POD = {"spec": {"containers": [APP], "securityContext": {"runAsUser": 7}}}


def ask(version: str, kind: str, **parts: object) -> Asked:
    document = {"apiVersion": version, "kind": kind, "metadata": {"name": "it"}, **parts}
    asked = read_workloads(yaml.safe_dump(document))
    assert not asked.flaws
    return asked


def read(text: str) -> Asked:
    return read_workloads(textwrap.dedent(text))


@pytest.mark.parametrize(
    ("version", "kind", "parts"),
    [
        ("argoproj.io/v1alpha1", "Rollout", {"spec": {"template": POD}}),
        ("argoproj.io/v1alpha1", "Experiment", {"spec": {"templates": [{"name": "a", "template": POD}]}}),
        (
            "argoproj.io/v1alpha1",
            "AnalysisTemplate",
            {"spec": {"metrics": [{"name": "m", "provider": {"job": {"spec": {"template": POD}}}}]}},
        ),
        ("serving.knative.dev/v1", "Service", {"spec": {"template": POD}}),
        ("serving.knative.dev/v1", "Revision", POD),
        ("apps.openshift.io/v1", "DeploymentConfig", {"spec": {"template": POD}}),
        ("v1", "DeploymentConfig", {"spec": {"template": POD}}),
        ("v1", "PodTemplate", {"template": POD}),
        ("batch/v1beta1", "CronJob", {"spec": {"jobTemplate": {"spec": {"template": POD}}}}),
        ("batch/v2alpha1", "CronJob", {"spec": {"jobTemplate": {"spec": {"template": POD}}}}),
        ("batch.volcano.sh/v1alpha1", "Job", {"spec": {"tasks": [{"replicas": 1, "template": POD}]}}),
        ("kubeflow.org/v1", "PyTorchJob", {"spec": {"pytorchReplicaSpecs": {"Master": {"template": POD}}}}),
        ("ray.io/v1", "RayCluster", {"spec": {"headGroupSpec": {"template": POD}}}),
        ("keda.sh/v1alpha1", "ScaledJob", {"spec": {"jobTargetRef": {"template": POD}}}),
        (
            "jobset.x-k8s.io/v1alpha2",
            "JobSet",
            {"spec": {"replicatedJobs": [{"template": {"spec": {"template": POD}}}]}},
        ),
        ("leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet", {"spec": {"leaderWorkerTemplate": {"workerTemplate": POD}}}),
        ("monitoring.coreos.com/v1", "Prometheus", POD),
        ("elasticsearch.k8s.elastic.co/v1", "Elasticsearch", {"spec": {"nodeSets": [{"podTemplate": POD}]}}),
        ("example.org/v1", "Anything", {"spec": {"podTemplate": POD}}),
        ("example.org/v1", "Anything", {"spec": {"workload": POD}}),
        ("example.org/v1", "Anything", {"spec": {"a": [{"b": {"c": POD["spec"]}}]}}),
        ("example.org/v1", "Anything", {"jobTemplate": {"spec": {"template": POD}}}),
        ("example.org/v1", "Anything", POD["spec"]),
        ("operators.coreos.com/v1alpha1", "ClusterServiceVersion", {"spec": {"install": {"deployments": [POD]}}}),
        ("apps.kruise.io/v1alpha1", "CloneSet", {"spec": {"template": POD}}),
        ("core.oam.dev/v1beta1", "Workload", POD),
        # Whole objects inside of others.
        ("template.openshift.io/v1", "Template", {"objects": [{"apiVersion": "v1", "kind": "Pod", **POD}]}),
        (
            "work.open-cluster-management.io/v1",
            "ManifestWork",
            {"spec": {"workload": {"manifests": [{"apiVersion": "v1", "kind": "Pod", **POD}]}}},
        ),
        (
            "apps.example.org/v1",
            "RolloutList",
            {"items": [{"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "spec": {"template": POD}}]},
        ),
        ("argoproj.io/v1alpha1", "RolloutList", {"items": [{"spec": {"template": POD}}]}),
    ],
)
def test_a_pod_is_found_by_its_shape(version: str, kind: str, parts: dict[str, Any]) -> None:
    asked = ask(version, kind, **parts)
    (container,) = asked.containers
    assert (container.container, container.role, container.image) == ("app", "main", "nginx")
    assert container.pod.run_as_user == 7
    assert not asked.unjudged
    assert not asked.passed_over


def test_all_roles_are_found_and_names_may_be_missing() -> None:
    spec = {"initContainers": [{"image": "i"}], "containers": [{"image": "a"}, {"name": "b", "image": "b"}]}
    asked = ask("serving.knative.dev/v1", "Service", spec={"template": {"spec": spec}})
    assert [(container.container, container.role) for container in asked.containers] == [
        ("initContainers[0]", "init"),
        ("containers[0]", "main"),
        ("b", "main"),
    ]


def test_an_image_that_the_operator_fills_in_is_not_known() -> None:
    asked = ask("monitoring.coreos.com/v1", "Prometheus", spec={"containers": [{"name": "prometheus"}]})
    assert [container.image for container in asked.containers] == [""]
    asked = ask(
        "apps.openshift.io/v1", "DeploymentConfig", spec={"template": {"spec": {"containers": [{"image": " "}]}}}
    )
    assert [container.image for container in asked.containers] == [""]


def test_a_key_twice_on_the_way_to_a_pod_is_said() -> None:
    text = """
        apiVersion: argoproj.io/v1alpha1
        kind: Rollout
        metadata: {name: r}
        spec:
          template: {spec: {securityContext: {runAsUser: 7}}}
          template:
            spec:
              containers: [{name: a, image: b}]
    """
    (container,) = read(text).containers
    assert container.notes == (
        "template is written twice, again on line 7: kubectl takes the last, which undoes the first",
    )


def test_a_pod_inside_of_another_object_may_leave_out_its_image() -> None:
    # As Flink's operator has it.
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [{"name": "main"}]}}
    asked = ask("flink.apache.org/v1beta1", "FlinkDeployment", spec={"podTemplate": pod})
    assert [(container.kind, container.container, container.image) for container in asked.containers] == [
        ("Pod", "main", "")
    ]


ARGO = """
    apiVersion: argoproj.io/v1alpha1
    kind: %s
    metadata: {generateName: w-}
    spec: %s
        securityContext: {runAsUser: 1}
        templates:
        - name: plain
          container: {image: a}
          initContainers: [{name: first, image: i}]
          sidecars: [{name: side, image: s}]
        - name: own
          securityContext: {runAsNonRoot: true}
          script: {image: b, source: id}
        - name: set
          containerSet: {containers: [{name: x, image: c}]}
        - name: steps
          steps: [[{name: s, template: plain}], [{name: t, inline: {container: {image: d}}}]]
        - name: paused
          suspend: {}
"""


@pytest.mark.parametrize(
    ("kind", "wrapper"),
    [
        ("Workflow", ""),
        ("WorkflowTemplate", ""),
        ("ClusterWorkflowTemplate", ""),
        ("CronWorkflow", "\n      workflowSpec:"),
    ],
)
def test_every_template_of_an_argo_workflow(kind: str, wrapper: str) -> None:
    asked = read(ARGO % (kind, wrapper))
    assert [(container.container, container.role, container.image) for container in asked.containers] == [
        ("first", "init", "i"),
        ("plain", "main", "a"),
        ("side", "main", "s"),
        ("own", "main", "b"),
        ("x", "main", "c"),
        ("container", "main", "d"),
    ]
    users = {container.image: container.pod.run_as_user for container in asked.containers}
    # A template's own settings replace the workflow's as a whole.
    assert users == {"i": 1, "a": 1, "s": 1, "b": None, "c": 1, "d": 1}
    assert not asked.unjudged


def test_a_manifest_inside_a_workflow_is_read_and_a_patch_of_its_pods_is_not() -> None:
    text = """
        apiVersion: argoproj.io/v1alpha1
        kind: Workflow
        metadata: {name: w}
        spec:
          templates:
          - name: r
            resource: {action: create, manifest: "{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: %s}"}
    """
    asked = read(text % "{containers: [{name: a, image: b}]}")
    assert [(container.kind, container.name) for container in asked.containers] == [("Pod", "p")]
    assert not asked.unjudged
    assert read(text % "[").unjudged == [
        "Workflow w (argoproj.io/v1alpha1): a manifest inside it cannot be read; "
        "if it runs none, say --no-pods Workflow.argoproj.io"
    ]
    patched = read((ARGO % ("Workflow", "")) + "        podSpecPatch: '{securityContext: {runAsUser: 0}}'\n")
    assert len(patched.containers) == 6
    assert "podSpecPatch" in patched.unjudged[0]


def test_tekton_s_steps_sidecars_and_defaults() -> None:
    asked = read(
        """
        apiVersion: tekton.dev/v1
        kind: Task
        metadata: {name: t}
        spec:
          stepTemplate: {image: base, securityContext: {runAsUser: 1, runAsNonRoot: true}}
          steps:
          - {name: a}
          - {image: b, script: id, securityContext: {runAsUser: 2}}
          sidecars: [{name: s, image: side}]
        """
    )
    assert [
        (container.container, container.image, container.own.run_as_user, container.own.run_as_non_root)
        for container in asked.containers
    ] == [("a", "base", 1, True), ("steps[1]", "b", 2, True), ("s", "side", None, None)]


@pytest.mark.parametrize(
    ("kind", "spec"),
    [
        ("TaskRun", "{podTemplate: {securityContext: {runAsUser: 5}}, taskSpec: {steps: [{name: a, image: b}]}}"),
        (
            "PipelineRun",
            "{taskRunTemplate: {podTemplate: {securityContext: {runAsUser: 5}}},"
            " pipelineSpec: {tasks: [{taskSpec: {steps: [{name: a, image: b}]}}]}}",
        ),
    ],
)
def test_tekton_s_runs_have_a_pod_s_settings(kind: str, spec: str) -> None:
    asked = read(f"apiVersion: tekton.dev/v1\nkind: {kind}\nmetadata: {{name: r}}\nspec: {spec}\n")
    assert [(container.container, container.pod.run_as_user) for container in asked.containers] == [("a", 5)]


@pytest.mark.parametrize(
    ("version", "runs", "of_task"),
    [
        ("v1", "taskRunTemplate: {podTemplate: {securityContext: {runAsUser: 5}}}", "podTemplate"),
        ("v1beta1", "podTemplate: {securityContext: {runAsUser: 5}}", "taskPodTemplate"),
    ],
)
def test_a_pipeline_run_has_settings_for_single_tasks(version: str, runs: str, of_task: str) -> None:
    text = f"""
        apiVersion: tekton.dev/{version}
        kind: PipelineRun
        metadata: {{name: r}}
        spec:
          {runs}
          taskRunSpecs:
          - {{pipelineTaskName: x, {of_task}: {{securityContext: {{runAsUser: 7}}}}}}
          - {{pipelineTaskName: y, {of_task}: {{hostNetwork: true}}}}
          - {{pipelineTaskName: z}}
          pipelineSpec:
            tasks:
            - {{name: x, taskSpec: {{steps: [{{name: a, image: i}}]}}}}
            - {{name: y, taskSpec: {{steps: [{{name: b, image: i}}]}}}}
            finally: [{{name: z, taskSpec: {{steps: [{{name: c, image: i}}]}}}}]
    """
    users = {container.container: container.pod.run_as_user for container in read(text).containers}
    assert users == {"a": 7, "b": 5, "c": 5}


def test_a_workflow_s_template_defaults_are_those_of_each_template() -> None:
    text = """
        apiVersion: argoproj.io/v1alpha1
        kind: Workflow
        metadata: {name: w}
        spec:
          securityContext: {runAsUser: 1}
          templateDefaults:
            securityContext: {runAsUser: 9}
            container: {image: default, securityContext: {runAsNonRoot: true, runAsGroup: 3}}
          templates:
          - {name: a, container: {image: i}}
          - {name: b, container: {image: i, securityContext: {runAsGroup: 4}}, securityContext: {runAsUser: 2}}
          - {name: c, script: {image: i}}
    """
    seen = [
        (asked.pod.run_as_user, asked.own.run_as_group, asked.own.run_as_non_root) for asked in read(text).containers
    ]
    assert seen == [(9, 3, True), (2, 4, True), (9, None, None)]


def test_a_step_action_is_a_step_and_a_pipeline_of_references_runs_nothing_itself() -> None:
    step = read("apiVersion: tekton.dev/v1\nkind: StepAction\nspec: {image: i, script: id}\n")
    assert [container.image for container in step.containers] == ["i"]
    inline = "{tasks: [{taskSpec: {steps: [{name: a, image: b}]}}]}"
    assert len(read(f"apiVersion: tekton.dev/v1\nkind: Pipeline\nspec: {inline}\n").containers) == 1
    references = read("apiVersion: tekton.dev/v1\nkind: Pipeline\nspec: {tasks: [{taskRef: {name: t}}]}\n")
    assert references.passed_over == {"Pipeline": 1}
    run = read("apiVersion: tekton.dev/v1\nkind: PipelineRun\nmetadata: {name: r}\nspec: {pipelineRef: {name: p}}\n")
    assert len(run.unjudged) == 1


@pytest.mark.parametrize(
    ("version", "kind"),
    [
        *(("v1", kind) for kind in ("Service", "ConfigMap", "Secret", "Namespace", "ServiceAccount", "Node")),
        ("rbac.authorization.k8s.io/v1", "Role"),
        ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
        ("policy/v1beta1", "PodSecurityPolicy"),
        ("apps/v1", "ControllerRevision"),
        ("networking.istio.io/v1", "Sidecar"),
        ("gateway.networking.k8s.io/v1", "HTTPRoute"),
        ("bitnami.com/v1alpha1", "SealedSecret"),
        ("cert-manager.io/v1", "Certificate"),
        ("trust.cert-manager.io/v1alpha1", "Bundle"),
        ("dapr.io/v1alpha1", "Component"),
        ("policy.sigstore.dev/v1beta1", "ClusterImagePolicy"),
        ("monitoring.googleapis.com/v1", "PodMonitoring"),
        ("gateway.envoyproxy.io/v1alpha1", "BackendTrafficPolicy"),
        ("sql.cnrm.cloud.google.com/v1beta1", "SQLInstance"),
        ("s3.services.k8s.aws/v1alpha1", "Bucket"),
        ("dbforpostgresql.azure.com/v1api20221201", "FlexibleServer"),
        ("monitoring.coreos.com/v1", "ServiceMonitor"),
        ("kyverno.io/v1", "ClusterPolicy"),
        ("argoproj.io/v1alpha1", "AppProject"),
        ("keda.sh/v1alpha1", "ScaledObject"),
        # Read by programs, not by an API server.
        ("backstage.io/v1alpha1", "Component"),
        ("skaffold/v4beta11", "Config"),
        ("release-notes/v2", "feature"),
        ("kustomize.config.k8s.io/v1beta1", "Kustomization"),
        ("kind.x-k8s.io/v1alpha4", "Cluster"),
        ("kubeadm.k8s.io/v1beta4", "ClusterConfiguration"),
        ("kubelet.config.k8s.io/v1beta1", "KubeletConfiguration"),
        ("v1", "Config"),
    ],
)
def test_what_is_known_to_run_no_pods_is_passed_over(version: str, kind: str) -> None:
    asked = ask(version, kind, spec={"a": 1})
    assert asked.passed_over == {kind: 1}
    assert not asked.unjudged


@pytest.mark.parametrize(
    ("version", "kind", "spec"),
    [
        (
            "apiextensions.k8s.io/v1",
            "CustomResourceDefinition",
            {"versions": [{"schema": {"openAPIV3Schema": {"properties": POD}}}]},
        ),
        ("kyverno.io/v1", "ClusterPolicy", {"rules": [{"validate": {"pattern": POD}}]}),
        ("policy/v1beta1", "PodSecurityPolicy", {"containers": [APP]}),
        ("apps/v1", "ControllerRevision", {"template": POD}),
    ],
)
def test_what_only_speaks_of_containers_runs_none(version: str, kind: str, spec: dict[str, Any]) -> None:
    assert ask(version, kind, spec=spec).containers == []


@pytest.mark.parametrize(
    ("version", "kind", "spec"),
    [
        ("example.org/v1", "Widget", {}),
        ("monitoring.coreos.com/v1", "Prometheus", {"securityContext": {"runAsUser": 0}}),
        ("kubevirt.io/v1", "VirtualMachine", {"template": {"spec": {"domain": {}}}}),
        ("helm.toolkit.fluxcd.io/v2", "HelmRelease", {"chart": {}}),
        ("argoproj.io/v1alpha1", "Application", {"source": {}}),
        (
            "argoproj.io/v1alpha1",
            "Rollout",
            {"workloadRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"}},
        ),
        # Names are no containers, nor is a schema or what an object reports.
        ("example.org/v1", "Widget", {"containers": ["app", "log"]}),
        ("example.org/v1", "Widget", {"openAPIV3Schema": POD}),
        # Kubernetes' own names in another project
        ("serving.knative.dev/v1", "Service", {}),
        ("example.org/v1", "Secret", {}),
    ],
)
def test_what_may_run_pods_and_shows_none_is_named_with_what_to_do(version: str, kind: str, spec: object) -> None:
    asked = ask(version, kind, spec=spec)
    group = version.partition("/")[0]
    assert asked.unjudged == [
        f"{kind} it ({version}): no pod was found in it, and it is not known to run none; "
        f"if it runs none, say --no-pods {kind}.{group}"
    ]
    assert asked.containers == []
    assert not asked.passed_over


@pytest.mark.parametrize("podless", ["Widget", "Widget.example.org"])
def test_a_kind_may_be_said_to_run_no_pods(podless: str) -> None:
    text = "apiVersion: example.org/v1\nkind: Widget\n"
    assert read_workloads(text, frozenset({podless})).passed_over == {"Widget": 1}
    assert read_workloads(text, frozenset({"Widget.example.com"})).unjudged


def test_without_an_api_version_no_server_takes_it() -> None:
    assert read_workloads("kind: pipeline\ntype: docker\nsteps: [{name: a, image: b}]\n").passed_over == {"pipeline": 1}


def test_the_list_of_kinds_knows_groups() -> None:
    assert runs_no_pods("Service", "")
    assert not runs_no_pods("Service", "serving.knative.dev")
    assert not runs_no_pods("Pod", "")
    assert runs_no_pods("Service", None)
    assert runs_no_pods("AnythingConfiguration", "made-up.config.k8s.io")
    assert need_have_no_pods("Nonsense", "apps")
    assert not need_have_no_pods("Rollout", "argoproj.io")
