"""Pods in objects of any kind, found by their shape: a mapping with containers, wherever it stands.

Sources for what is no list of `containers`: argoproj/argo-workflows:pkg/apis/workflow/v1alpha1/workflow_types.go
(Template) and workflow/controller/workflowpod.go; tektoncd/pipeline:pkg/apis/pipeline/v1 (TaskSpec, Step, Sidecar).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from labkit.explain.manifests.documents import read_documents
from labkit.explain.workload_kinds.asked_containers import ROLES, ContainerShape, Part, PodShape, Role, Unseen

# What holds no pods, or speaks of pods that are there already.
_NOT_LOOKED_INTO: Final = frozenset({"metadata", "status", "openAPIV3Schema", "data", "stringData", "binaryData"})
_OF_A_POD: Final = frozenset({*ROLES, "container", "script", "containerSet", "sidecars", "securityContext", "volumes"})


def find_pods(document: Mapping[str, Any], kind: str, group: str | None) -> Iterator[Part]:
    """The pods in an object that is no workload of Kubernetes' own.

    Args:
        document: the object.
        kind: of the object.
        group: its API group.

    Yields:
        Pods, whole objects that stand inside it, and what is not understood.

    Raises:
        RecursionError: it is nested too deeply.
    """
    if group == "tekton.dev":
        yield from _tekton(document, kind)
        return
    yield from _inside(document, group == "argoproj.io", {})


def _search(value: object, argo: bool, defaults: Mapping[str, Any]) -> Iterator[Part]:
    if isinstance(value, list):
        for item in value:
            yield from _search(item, argo, defaults)
    elif isinstance(value, dict):
        if _is_object(value):
            yield value
        else:
            yield from _inside(value, argo, defaults)


def _inside(value: Mapping[str, Any], argo: bool, defaults: Mapping[str, Any]) -> Iterator[Part]:
    if argo:
        yield from _extras_of_argo(value)
        if isinstance(value.get("templates"), list):
            defaults = value
    pod = _argo_pod(value, defaults) if argo else _pod(value)
    if pod is not None:
        yield pod
    for name, part in value.items():
        is_taken = name in _NOT_LOOKED_INTO or (argo and name == "templateDefaults")
        if not is_taken and (pod is None or name not in _OF_A_POD):
            yield from _search(part, argo, defaults)


def _is_object(value: Mapping[str, Any]) -> bool:
    """Whether it is an object of its own, as a reference to one has no parts."""
    named = isinstance(value.get("kind"), str) and isinstance(value.get("apiVersion"), str)
    return named and not {"metadata", "spec", "template", "objects", "items"}.isdisjoint(value)


def _pod(value: Mapping[str, Any]) -> PodShape | None:
    containers = _listed(value, ROLES)
    # Such as a job of some operator that has one container, and says so.
    if not containers and _has_image(value.get("container")):
        containers = [ContainerShape("main", value["container"], "container")]
    return PodShape(value, containers) if containers else None


def _listed(value: Mapping[str, Any], roles: Mapping[str, Role]) -> list[ContainerShape]:
    return [
        ContainerShape(role, fields, f"{list_name}[{index}]")
        for list_name, role in roles.items()
        for index, fields in enumerate(_mappings(value.get(list_name)))
    ]


def _has_image(value: object) -> bool:
    return isinstance(value, dict) and isinstance(value.get("image"), str)


def _mappings(value: object) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


# --- Argo ---


def _argo_pod(value: Mapping[str, Any], defaults: Mapping[str, Any]) -> PodShape | None:
    """A template of a Workflow, or a pod's spec in another kind of Argo's."""
    common = defaults.get("templateDefaults")
    if isinstance(common, dict):
        value = _with_template_defaults(value, common)
    containers = _listed(value, ROLES)
    name = value.get("name")
    for key in ("container", "script"):
        if _has_image(value.get(key)):
            containers.append(ContainerShape("main", value[key], name if isinstance(name, str) and name else key))
    if isinstance(value.get("containerSet"), dict):
        containers += _listed(value["containerSet"], {"containers": "main"})
    if not containers:
        return None
    containers += _listed(value, {"sidecars": "main"})
    # A template's securityContext replaces the workflow's as a whole.
    if value.get("securityContext") is None and defaults.get("securityContext") is not None:
        value = {**value, "securityContext": defaults["securityContext"]}
    return PodShape(value, containers)


def _with_template_defaults(template: Mapping[str, Any], common: Mapping[str, Any]) -> Mapping[str, Any]:
    """A template with what the workflow says for all (workflow/controller/operator.go, mergedTemplateDefaultsInto)."""
    own_type = [key for key in ("container", "script") if isinstance(template.get(key), dict)]
    if not own_type:
        return template
    merged = {**{key: part for key, part in common.items() if key not in ("container", "script")}, **template}
    for key in own_type:
        if isinstance(common.get(key), dict):
            merged[key] = _with_defaults(template[key], common[key])
    return merged


def _extras_of_argo(value: Mapping[str, Any]) -> Iterator[Part]:
    if value.get("podSpecPatch"):
        yield Unseen("its podSpecPatch, which changes the pods that stand in it, is not understood here")
    resource = value.get("resource")
    if isinstance(resource, dict) and isinstance(resource.get("manifest"), str):
        for document in read_documents(resource["manifest"]):
            if isinstance(document.value, dict):
                yield document.value
            else:
                yield Unseen("a manifest inside it cannot be read")


# --- Tekton ---


def _tekton(document: Mapping[str, Any], kind: str) -> Iterator[Part]:
    spec = document.get("spec")
    if not isinstance(spec, dict):
        return
    if kind == "StepAction" and _has_image(spec):
        yield PodShape({}, [ContainerShape("main", spec, "step")])
        return
    runs = spec.get("taskRunTemplate")
    template = (runs if isinstance(runs, dict) else spec).get("podTemplate")
    yield from _tasks(spec, template if isinstance(template, dict) else {}, _templates_of_tasks(spec))


def _templates_of_tasks(spec: Mapping[str, Any]) -> dict[object, Mapping[str, Any]]:
    """The pod templates that a PipelineRun has for single tasks, by the tasks' names; v1beta1 has another word."""
    templates = {
        item.get("pipelineTaskName"): item.get("podTemplate", item.get("taskPodTemplate"))
        for item in _mappings(spec.get("taskRunSpecs"))
    }
    return {name: template for name, template in templates.items() if isinstance(template, dict)}


def _tasks(value: object, pod: Mapping[str, Any], of_tasks: Mapping[object, Mapping[str, Any]]) -> Iterator[Part]:
    if isinstance(value, list):
        for item in value:
            yield from _tasks(item, pod, of_tasks)
    if not isinstance(value, dict):
        return
    name = value.get("name")
    if isinstance(value.get("taskSpec"), dict) and isinstance(name, str) and name in of_tasks:
        pod = {**pod, **of_tasks[name]}
    if steps := _listed(value, {"steps": "main"}):
        defaults = value.get("stepTemplate")
        if isinstance(defaults, dict):
            steps = [replace(step, fields=_with_defaults(step.fields, defaults)) for step in steps]
        yield PodShape(pod, [*steps, *_listed(value, {"sidecars": "main"})])
        return
    for part in value.values():
        yield from _tasks(part, pod, of_tasks)


def _with_defaults(step: Mapping[str, Any], defaults: Mapping[str, Any]) -> Mapping[str, Any]:
    """A step with what the stepTemplate says for all."""
    merged = {**defaults, **step}
    own, common = step.get("securityContext"), defaults.get("securityContext")
    if isinstance(own, dict) and isinstance(common, dict):
        merged["securityContext"] = {**common, **own}
    return merged
