"""Faults inside of the cluster, most of which a participant can make with kubectl."""

from __future__ import annotations

import json
import shutil

from tests.faults.fault import Needs, fault
from tests.faults.lab_bench import LabBench

_KEPT = "images, cluster, progress"
_MADE_ANEW = "images, progress; the cluster is made anew"
_LESSON = "07-run-as-non-root"
_KUBECTL = (
    "import subprocess\n"
    "def kubectl(*arguments):\n"
    "    subprocess.run([sys.executable, '-P', '-m', 'labkit', 'kubectl', *arguments], check=True)\n"
)


@fault("cluster", "the API server is killed", made="SIGKILL in the node", kept=_KEPT, needs=Needs.LAB)
def _api_server(bench: LabBench) -> None:
    bench.in_node("kill -KILL $(pidof kube-apiserver)")
    bench.labkit("reset", status=(0, 1))


@fault(
    "cluster",
    "all static pods are killed",
    made="SIGKILL to etcd, scheduler, controller-manager, API server",
    kept=_KEPT,
    needs=Needs.LAB,
    long=True,
)
def _all(bench: LabBench) -> None:
    bench.in_node("kill -KILL $(pidof etcd kube-scheduler kube-controller-manager kube-apiserver)")
    bench.labkit("reset", status=(0, 1))


@fault(
    "cluster",
    "etcd's file is damaged",
    made="its first 64 KB are overwritten, and etcd is killed",
    sentence="labkit up",
    kept=_MADE_ANEW,
    needs=Needs.LAB,
    seconds=60,
    long=True,
)
def _etcd(bench: LabBench) -> None:
    bench.in_node(
        "dd if=/dev/urandom of=/var/lib/etcd/member/snap/db bs=64k count=1 conv=notrunc 2> /dev/null;"
        "kill -KILL $(pidof etcd) $(pidof kube-apiserver)"
    )
    bench.labkit("reset", status=1)


@fault(
    "cluster",
    "its certificates have expired",
    made="an API server's certificate of last year",
    sentence="labkit up",
    kept=_MADE_ANEW,
    needs=Needs.LAB,
    seconds=60,
    long=True,
)
def _expired(bench: LabBench) -> None:
    _give_certificate(bench, "20240101000000Z", "20250101000000Z")


@fault(
    "cluster",
    "its certificates are not valid yet",
    made="an API server's certificate of the year 2060, as after a clock that was set back",
    sentence="labkit up",
    kept=_MADE_ANEW,
    needs=Needs.LAB,
    seconds=60,
    long=True,
)
def _not_yet_valid(bench: LabBench) -> None:
    _give_certificate(bench, "20600101000000Z", "20610101000000Z")


def _give_certificate(bench: LabBench, begin: str, end: str) -> None:
    """Give the API server a certificate of another time, and see that it is refused."""
    folder = bench.scratch / "pki"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name in ("ca.crt", "ca.key", "apiserver.key"):
        bench.run("docker", "cp", f"{bench.node}:/etc/kubernetes/pki/{name}", str(folder / name))
    bench.write(folder / "index.txt", "")
    bench.write(folder / "serial", "99\n")
    bench.write(
        folder / "ca.conf",
        f"[ca]\ndefault_ca=c\n[c]\ndatabase={folder}/index.txt\nserial={folder}/serial\nnew_certs_dir={folder}\n"
        "default_md=sha256\npolicy=p\nx509_extensions=e\ncopy_extensions=none\n[p]\ncommonName=supplied\n"
        "[e]\nsubjectAltName=IP:127.0.0.1,DNS:localhost,DNS:kubernetes\nextendedKeyUsage=serverAuth\n",
    )
    bench.run(
        "openssl", "req", "-new", "-key", str(folder / "apiserver.key"), "-subj", "/CN=kube-apiserver",
        "-out", str(folder / "csr"),
    )  # fmt: skip
    bench.run(
        "openssl", "ca", "-batch", "-config", str(folder / "ca.conf"), "-cert", str(folder / "ca.crt"),
        "-keyfile", str(folder / "ca.key"), "-startdate", begin, "-enddate", end,
        "-in", str(folder / "csr"), "-out", str(folder / "expired.crt"), "-notext",
    )  # fmt: skip
    bench.run("docker", "cp", str(folder / "expired.crt"), f"{bench.node}:/etc/kubernetes/pki/apiserver.crt")
    bench.in_node("kill -KILL $(pidof kube-apiserver)")
    bench.wait(lambda: "expired" in bench.labkit("kubectl", "get", "nodes").text, "the expired certificate")
    bench.labkit("reset", status=1)


@fault(
    "cluster",
    "a namespace hangs in Terminating",
    made="a finalizer that nobody removes",
    kept=_KEPT,
    needs=Needs.LAB,
    recovery=("reset {lesson}",),
)
def _terminating(bench: LabBench) -> None:
    stuck = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "stuck", "finalizers": ["example.org/never"]},
    }
    bench.run_lesson("print('NAMESPACE', lab.namespace)")
    namespace = bench.transcript[-1].stdout.split("NAMESPACE ")[1].split()[0]
    file = bench.write(bench.scratch / "stuck.json", json.dumps(stuck))
    bench.labkit("kubectl", "-n", namespace, "create", "-f", str(file), status=0)
    bench.last.callback(
        bench.labkit,
        "kubectl",
        "-n",
        namespace,
        "patch",
        "configmap",
        "stuck",
        "--type=merge",
        "-p",
        '{"metadata": {"finalizers": null}}',
    )
    bench.labkit("reset", _LESSON, status=0, seconds=90)


@fault(
    "cluster",
    "a participant deletes the lesson's namespace",
    made="kubectl delete namespace, and the lesson goes on",
    sentence="(?i)namespace.*(gone|not found|terminated|again)",
    kept=_KEPT,
    needs=Needs.LAB,
    recovery=("reset {lesson}",),
)
def _namespace(bench: LabBench) -> None:
    bench.run_lesson(
        f"{_KUBECTL}kubectl('delete', 'namespace', str(lab.namespace))\nprint(lab.pod('debian', command=['id']))",
        check=False,
    )


@fault(
    "cluster",
    "a webhook refuses everything",
    made="failurePolicy Fail, and nobody answers",
    sentence="failed calling webhook",
    kept=_KEPT,
    needs=Needs.LAB,
    recovery=("kubectl delete validatingwebhookconfiguration refuses-all",),
)
def _webhook(bench: LabBench) -> None:
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
    webhook = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "refuses-all"},
        "webhooks": [
            {
                "name": "refuses.example.org",
                "clientConfig": {"url": "https://127.0.0.1:9/"},
                "rules": [rule],
                "failurePolicy": "Fail",
                "sideEffects": "None",
                "admissionReviewVersions": ["v1"],
                "timeoutSeconds": 1,
            }
        ],
    }
    file = bench.write(bench.scratch / "webhook.json", json.dumps(webhook))
    bench.labkit("kubectl", "create", "-f", str(file), status=0)
    bench.run_lesson("print(lab.pod('debian', command=['id']))", check=False)


@fault(
    "cluster",
    "a quota is used up",
    made="a ResourceQuota of no pods in the lesson's namespace",
    sentence="exceeded quota",
    kept=_KEPT,
    needs=Needs.LAB,
    recovery=("reset {lesson}",),
)
def _quota(bench: LabBench) -> None:
    bench.run_lesson(
        f"{_KUBECTL}"
        "kubectl('-n', str(lab.namespace), 'create', 'quota', 'none', '--hard=pods=0')\n"
        "print(lab.pod('debian', command=['id']))",
        check=False,
    )


@fault(
    "cluster",
    "the node object is deleted",
    made="kubectl delete node",
    kept=_MADE_ANEW,
    needs=Needs.LAB,
    seconds=60,
    long=True,
)
def _node_object(bench: LabBench) -> None:
    bench.labkit("kubectl", "delete", "node", bench.node, status=0)
    bench.labkit("status", status=0)


@fault(
    "cluster",
    "a participant deletes all pods",
    made="kubectl delete pods --all --all-namespaces",
    kept=_KEPT,
    needs=Needs.LAB,
)
def _pods(bench: LabBench) -> None:
    bench.labkit("kubectl", "delete", "pods", "--all", "--all-namespaces", "--wait=false", status=0)


@fault(
    "cluster",
    "the default service account is deleted",
    made="kubectl delete serviceaccount default in the lesson's namespace",
    kept=_KEPT,
    needs=Needs.LAB,
    recovery=("reset {lesson}",),
)
def _account(bench: LabBench) -> None:
    bench.run_lesson(
        f"{_KUBECTL}"
        "kubectl('-n', str(lab.namespace), 'delete', 'serviceaccount', 'default')\n"
        "print(lab.pod('debian', command=['id']))",
        check=False,
    )
