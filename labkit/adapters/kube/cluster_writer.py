"""Changing any cluster with the user's own rights: what is asked for is applied, or tried without effect.

Source: kubernetes.io, "Server-Side Apply", "Kubernetes API Concepts" (dry run), "Checking API access".
"""

from __future__ import annotations

import json
import shlex
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx2

from labkit.adapters.kube.cluster_reader import ClusterReader
from labkit.adapters.kube.kube_connection import message_of
from labkit.base.errors import LabFailed, NoRight
from labkit.base.log import logged_request

FIELD_MANAGER = "labkit-class"
_APPLY = "application/apply-patch+yaml"
_PLURALS = {
    "ConfigMap": "configmaps",
    "ClusterRole": "clusterroles",
    "ClusterRoleBinding": "clusterrolebindings",
    "Deployment": "deployments",
    "LimitRange": "limitranges",
    "Namespace": "namespaces",
    "NetworkPolicy": "networkpolicies",
    "PersistentVolumeClaim": "persistentvolumeclaims",
    "Pod": "pods",
    "ResourceQuota": "resourcequotas",
    "RoleBinding": "rolebindings",
    "Secret": "secrets",
    "Service": "services",
    "ServiceAccount": "serviceaccounts",
    "ValidatingAdmissionPolicy": "validatingadmissionpolicies",
    "ValidatingAdmissionPolicyBinding": "validatingadmissionpolicybindings",
}


@dataclass(frozen=True)
class ApiAnswer:
    """What the API server answered to a change.

    Args:
        status: of HTTP.
        message: its words, where it said no.
        value: the object that it gave.
        warnings: what it warned of.
    """

    status: int
    message: str
    value: Mapping[str, Any]
    warnings: tuple[str, ...] = ()

    @property
    def is_ok(self) -> bool:
        """Whether it did as it was asked."""
        return self.status < 400


class ClusterWriter(ClusterReader):
    """Reads and changes a cluster; close it, or use it in a `with`."""

    def apply(self, manifest: Mapping[str, Any], *, dry_run: bool = False) -> ApiAnswer:
        """Have an object be as given, whether it is there or not; the fields that others have set stay.

        Args:
            manifest: a whole object.
            dry_run: whether the API server only says what it would do.

        Raises:
            NoRight: the user may not.
            LabFailed: the API server does not answer, or refuses.
        """
        answer = self.try_apply(manifest, dry_run=dry_run)
        doing = f"Applying {_named(manifest)}"
        line = shlex.join(["labkit", "class", "doctor", "--context", self.access.context])
        if answer.status == 403 and "is forbidden: User" in answer.message:
            raise NoRight(doing, answer.message, f"ask the cluster's administrator\n  {line}")
        if not answer.is_ok:
            raise LabFailed(doing, answer.message, f"see what this cluster allows\n  {line}")
        return answer

    def try_apply(self, manifest: Mapping[str, Any], *, dry_run: bool = False) -> ApiAnswer:
        """The same, where a no is an answer like any other."""
        params = {"fieldManager": FIELD_MANAGER, "force": "true", **({"dryRun": "All"} if dry_run else {})}
        return self._change("PATCH", path_of(manifest), body=manifest, kind=_APPLY, params=params)

    def create(self, manifest: Mapping[str, Any], *, dry_run: bool = False) -> ApiAnswer:
        """Make an object that is not there yet; a no is an answer like any other."""
        folder = path_of(manifest).rpartition("/")[0]
        params = {"fieldManager": FIELD_MANAGER, **({"dryRun": "All"} if dry_run else {})}
        return self._change("POST", folder, body=manifest, params=params)

    def post(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Ask a question that is an object, such as an access review.

        Raises:
            LabFailed: the API server does not answer, or refuses.
        """
        answer = self._change("POST", path, body=body)
        if not answer.is_ok:
            raise self._failed(path, answer.message)
        return answer.value

    def delete(self, path: str, *, grace_seconds: int | None = None) -> bool:
        """Delete an object, without waiting for its end.

        Args:
            path: its own.
            grace_seconds: how long its processes may take to end; None for what it says itself.

        Returns:
            Whether it was there.

        Raises:
            NoRight: the user may not.
            LabFailed: the API server does not answer, or refuses.
        """
        params = {"propagationPolicy": "Background"}
        if grace_seconds is not None:
            params["gracePeriodSeconds"] = str(grace_seconds)
        answer = self._change("DELETE", path, params=params)
        if answer.status == 404:
            return False
        if answer.status == 403:
            raise NoRight(f"Deleting /{path}", answer.message, "ask the cluster's administrator for the right delete")
        if not answer.is_ok:
            raise self._failed(path, answer.message)
        return True

    def text(self, path: str, params: Mapping[str, str] | None = None) -> str:
        """What is no object, such as a pod's log.

        Raises:
            LabFailed: the API server does not answer, or refuses.
        """
        status, body = self._read(path, params or {})
        if status == 404:
            raise self._failed(path, "it is not there")
        return body.decode(errors="replace")

    def allows(self, verb: str, resource: str, *, group: str = "", namespace: str = "", name: str = "") -> bool:
        """Whether the user may do something.

        Args:
            verb: as RBAC has it.
            resource: the plural, with a subresource behind a slash.
            group: of the API.
            namespace: empty for the whole cluster.
            name: empty for any.
        """
        plural, _, part = resource.partition("/")
        attributes = {"verb": verb, "resource": plural, "group": group}
        attributes |= {
            key: value for key, value in (("subresource", part), ("namespace", namespace), ("name", name)) if value
        }
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        }
        answer = self.post("apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review)
        return bool(answer.get("status", {}).get("allowed"))

    def _send(self, request: httpx2.Request) -> httpx2.Response:
        with logged_request("kubernetes", request.method, request.url.path) as attempt:
            response = self._client.send(request)
            attempt.status = response.status_code
        return response

    def _change(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        kind: str = "application/json",
        params: Mapping[str, str] | None = None,
    ) -> ApiAnswer:
        request = self._client.build_request(
            method,
            path,
            params=dict(params or {}),
            content=json.dumps(body) if body is not None else None,
            headers={"Content-Type": kind} if body is not None else {},
            extensions=self._extensions,
        )
        try:
            response = self._send(request)
        except httpx2.TimeoutException as error:
            # A cluster that a whole class has just come to is slow. What is done twice here is as if done once.
            if method == "POST":
                raise self._unreachable(path, error) from error
            try:
                response = self._send(request)
            except (httpx2.HTTPError, OSError) as again:
                raise self._unreachable(path, again) from again
        except (httpx2.HTTPError, httpx2.InvalidURL, ssl.SSLError, OSError) as error:
            raise self._unreachable(path, error) from error
        warnings = tuple(response.headers.get_list("Warning"))
        if response.status_code == 401:
            reason = f"the API server does not know you: {message_of(response)}"
            raise LabFailed(f"Asking for /{path}", reason, "log in again; then see\n  kubectl auth whoami")
        if response.is_error:
            return ApiAnswer(response.status_code, message_of(response), {}, warnings)
        value = self._decoded(path, response.content, dict)
        return ApiAnswer(response.status_code, "", value if isinstance(value, dict) else {}, warnings)


def path_of(manifest: Mapping[str, Any]) -> str:
    """Where the API has an object of a kind that a class is made of.

    Raises:
        KeyError: a class has no objects of that kind.
    """
    metadata = manifest["metadata"]
    api = manifest["apiVersion"]
    root = f"apis/{api}" if "/" in api else f"api/{api}"
    namespace = f"/namespaces/{metadata['namespace']}" if "namespace" in metadata else ""
    return f"{root}{namespace}/{_PLURALS[manifest['kind']]}/{metadata['name']}"


def _named(manifest: Mapping[str, Any]) -> str:
    metadata = manifest["metadata"]
    where = f" in namespace {metadata['namespace']}" if "namespace" in metadata else ""
    return f"{manifest['kind']} {metadata['name']}{where}"
