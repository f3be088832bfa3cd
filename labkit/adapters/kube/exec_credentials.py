"""Credentials from a plugin that a kubeconfig names, such as a cloud's: run once, with a deadline and without input.

Source: kubernetes/client-go:plugin/pkg/client/auth/exec/exec.go and pkg/apis/clientauthentication/v1/types.go.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightkube.config.models import UserExec

from labkit.adapters.processes import run_program
from labkit.base.errors import LabFailed

_VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
_REMEDY = "try it with kubectl, which runs the same plugin\n  kubectl get pods"


@dataclass(frozen=True)
class ExecCredentials:
    """What a plugin gives: a token, or a client's certificate and its key."""

    token: str | None = None
    certificate_base64: str | None = None
    key_base64: str | None = None


def fetch_credentials(
    plugin: UserExec, kubeconfig: Path | None, cluster: Mapping[str, Any], seconds: float
) -> ExecCredentials:
    """Run a plugin.

    Args:
        plugin: as the kubeconfig has it.
        kubeconfig: the file, in whose folder the plugin is looked for where it is named by a path.
        cluster: as the kubeconfig has it; the plugin is told of it.
        seconds: the deadline.

    Raises:
        LabFailed: it fails, does not end, or gives no credentials.
        MachineLacks: there is no such program.
    """
    doing = f"Asking the kubeconfig's credential plugin {Path(plugin.command).name}"
    if plugin.apiVersion not in _VERSIONS:
        raise LabFailed(doing, f"it speaks {plugin.apiVersion}, not one of {', '.join(_VERSIONS)}", _REMEDY)
    told = {"server": cluster.get("server"), "certificate-authority-data": cluster.get("certificate-authority-data")}
    info = {
        "apiVersion": plugin.apiVersion,
        "kind": "ExecCredential",
        "spec": {"interactive": False, "cluster": {key: value for key, value in told.items() if value}},
    }
    environment = {
        **os.environ,
        **{variable.name: variable.value for variable in plugin.env or ()},
        "KUBERNETES_EXEC_INFO": json.dumps(info),
    }
    hint = f"{plugin.installHint.strip()}\n" if plugin.installHint else ""
    stdout = run_program(
        [plugin.command, *(plugin.args or ())],
        doing=doing,
        remedy=hint + _REMEDY,
        environment=environment,
        deadline=seconds,
    )
    try:
        status = json.loads(stdout)["status"]
        credentials = ExecCredentials(
            status.get("token"), _encoded(status, "clientCertificateData"), _encoded(status, "clientKeyData")
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise LabFailed(doing, "what it printed is not an ExecCredential with a status", _REMEDY) from error
    if not credentials.token and not credentials.certificate_base64:
        raise LabFailed(doing, "it gave neither a token nor a certificate", _REMEDY)
    return credentials


def _encoded(status: Mapping[str, Any], name: str) -> str | None:
    text = status.get(name)
    return base64.b64encode(text.encode()).decode() if text else None
