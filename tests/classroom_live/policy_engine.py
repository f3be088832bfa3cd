"""Network policies enforced on the lab's own cluster, whose bridge enforces none, by kube-network-policies on its node.

That program of kubernetes-sigs' judges each connection that the kernel hands it in a queue. It hands itself what passes
by nftables; kernels that cannot (CONFIG_NFT_QUEUE) can by iptables, so the rule here is one of those.
"""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from labkit.adapters import go
from labkit.adapters.go_programs import GoProgram
from labkit.adapters.kube.cluster_writer import ClusterWriter
from labkit.base.waiting import wait_until
from labkit.lab.lab import Lab

_ENGINE = GoProgram(
    "kube-network-policies",
    Path(__file__).parents[1] / "policy_engine",
    ("sigs.k8s.io/kube-network-policies/cmd",),
)
_NAME = "labkit-policy-engine"
_PROGRAM, _LOG, _PID = f"/usr/local/bin/{_NAME}", f"/var/log/{_NAME}", f"/run/{_NAME}.pid"
_ACCOUNT, _BROUGHT = "/var/run/secrets/kubernetes.io/serviceaccount", f"/usr/local/share/{_NAME}"
"""Where a pod has its account's files; and where the engine of this machine puts them, which sees no tmpfs."""
_QUEUE = "100"
_RULE = f"FORWARD -m conntrack --ctstate NEW -j NFQUEUE --queue-num {_QUEUE}"
_ACCOUNTS = "api/v1/namespaces/kube-system/serviceaccounts"
_BINDINGS = "apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
_READY_SECONDS = 60.0


@contextlib.contextmanager
def enforced_policies(lab: Lab, cluster: ClusterWriter) -> Iterator[None]:
    """Network policies hold on the lab's own cluster for as long as the block lasts.

    Args:
        lab: whose cluster it is.
        cluster: the same.

    Raises:
        LabFailed: the engine cannot be built or started.
    """
    program = go.ensure(_ENGINE, lab.configuration.cache, lab.steps.step) / "cmd"
    try:
        _run(lab, _start_line(cluster), {_PROGRAM: program.read_bytes(), **_account(cluster)})
        wait_until(
            "the policy engine to listen to its queue",
            lambda: _run(lab, "cat /proc/net/netfilter/nfnetlink_queue"),
            seconds=_READY_SECONDS,
            remedy=f"docker exec {lab.cluster().node} cat {_LOG}",
            is_there=lambda queues: _QUEUE in [line.split()[0] for line in queues.splitlines()],
        )
        _run(lab, f"iptables -I {_RULE}")
        yield
    finally:
        _run(lab, f"iptables -D {_RULE}; kill -INT $(cat {_PID}); rm -rf {_PROGRAM} {_ACCOUNT} {_BROUGHT}")
        cluster.delete(f"{_BINDINGS}/{_NAME}")
        cluster.delete(f"{_ACCOUNTS}/{_NAME}")


def _run(lab: Lab, line: str, files: dict[str, bytes] | None = None) -> str:
    """What a line prints in a shell on the node, once files are there."""
    lab.cluster().put_files(files or {})
    return lab.cluster().execute(["sh", "-c", line]).stdout


def _start_line(cluster: ClusterWriter) -> str:
    service = cluster.get("api/v1/namespaces/default/services/kubernetes") or {}
    where = f"KUBERNETES_SERVICE_HOST={service['spec']['clusterIP']} KUBERNETES_SERVICE_PORT=443"
    options = shlex.join(["--disable-nri", f"--nfqueue-id={_QUEUE}", "--metrics-bind-address=127.0.0.1:0"])
    bring = f"mkdir -p {_ACCOUNT} && cp {_BROUGHT}/token {_BROUGHT}/ca.crt {_ACCOUNT} && chmod 0755 {_PROGRAM}"
    # A statement of its own: else $! would be the number of the shell that waits for it.
    return f"{bring}\n{where} setsid {_PROGRAM} {options} </dev/null >{_LOG} 2>&1 &\necho $! >{_PID}"


def _account(cluster: ClusterWriter) -> dict[str, bytes]:
    """The files of a service account that may look at pods, namespaces and policies, as a pod has them."""
    cluster.post(_ACCOUNTS, {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": _NAME}})
    subject = {"kind": "ServiceAccount", "name": _NAME, "namespace": "kube-system"}
    binding: dict[str, Any] = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": _NAME},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
        "subjects": [subject],
    }
    cluster.post(_BINDINGS, binding)
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    token = cluster.post(f"{_ACCOUNTS}/{_NAME}/token", request)["status"]["token"]
    roots = cluster.get("api/v1/namespaces/kube-system/configmaps/kube-root-ca.crt") or {}
    return {f"{_BROUGHT}/token": token.encode(), f"{_BROUGHT}/ca.crt": roots["data"]["ca.crt"].encode()}
