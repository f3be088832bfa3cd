"""What a participant tries who has read all there is to read. It runs in their own server's pod, with what is there.

It knows nothing of labkit: the standard library alone. PLACES stands for the names that it is given.
"""

import json
import os
import pathlib
import socket
import ssl
import urllib.error
import urllib.request

PLACES: dict = {}
ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
TOKEN = pathlib.Path(ACCOUNT, "token").read_text(encoding="ascii")
TRUST = ssl.create_default_context(cafile=f"{ACCOUNT}/ca.crt")
API = f"https://{os.environ.get('KUBERNETES_SERVICE_HOST', 'kubernetes.default.svc')}"
MERGE = "application/merge-patch+json"


def ask(url, method="GET", body=None, kind="application/json", **headers):
    """Status and text of an answer; status 0 where nobody answers."""
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(url, data, {"Content-Type": kind, **headers}, method=method)
    trust = TRUST if url.startswith(API) else ssl._create_unverified_context()
    try:
        with urllib.request.urlopen(request, timeout=6, context=trust if url.startswith("https") else None) as response:
            return response.status, response.read().decode(errors="replace")
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(errors="replace")
    except (OSError, urllib.error.URLError) as error:
        return 0, str(error)


def api(path, method="GET", body=None, kind="application/json", **headers):
    return ask(f"{API}/{path}", method, body, kind, Authorization=f"Bearer {TOKEN}", **headers)


def pod(name, **spec):
    container = {"name": "a", "image": "a", **spec.pop("container", {})}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"containers": [container], **spec}}


def namespaced(namespace, resource):
    return f"api/v1/namespaces/{namespace}/{resource}"


def attempts():
    own, lab = PLACES["own"], PLACES["lab"]
    other, other_lab, hub = PLACES["other"], PLACES["other_lab"], PLACES["hub"]
    rbac = "apis/rbac.authorization.k8s.io/v1"
    role = {"roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}}
    role |= {"subjects": [{"kind": "ServiceAccount", "name": "participant", "namespace": own}]}
    binding = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": "mine"}, **role}
    # --- beyond what the role allows ---
    for place, namespace in {
        "other": other,
        "other_lab": other_lab,
        "hub": hub,
        "own": own,
        "system": "kube-system",
    }.items():
        for resource in ("pods", "secrets", "configmaps", "serviceaccounts"):
            yield f"list {resource} of {place}", api(namespaced(namespace, resource))
    yield "read the hub's keys", api(namespaced(hub, "secrets/keys"))
    yield (
        "run a command in the other's server",
        api(f"{namespaced(other, 'pods/' + PLACES['other_pod'])}/exec?command=id&stdout=true", "POST"),
    )
    yield (
        "reach the other's server through the API",
        api(f"{namespaced(other, 'pods/' + PLACES['other_pod'])}:8888/proxy/"),
    )
    yield "reach the hub through the API", api(f"{namespaced(hub, 'services/hub:8081')}/proxy/hub/api/users")
    yield "end the other's server", api(namespaced(other, "pods/" + PLACES["other_pod"]), "DELETE")
    yield "take the other's volume", api(namespaced(other, "persistentvolumeclaims/home"), "DELETE")
    yield "a pod in the other's lab", api(namespaced(other_lab, "pods"), "POST", pod("x"))
    yield "a pod beside the own server", api(namespaced(own, "pods"), "POST", pod("x"))
    yield "a pod beside the hub", api(namespaced(hub, "pods"), "POST", pod("x"))
    yield (
        "a volume claim",
        api(
            namespaced(lab, "persistentvolumeclaims"),
            "POST",
            {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "x"}, "spec": {}},
        ),
    )
    yield "list namespaces", api("api/v1/namespaces")
    yield "list nodes", api("api/v1/nodes")
    yield "list all pods", api("api/v1/pods")
    yield (
        "a namespace",
        api("api/v1/namespaces", "POST", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x"}}),
    )
    yield (
        "all rights, in the lab",
        api(f"{rbac}/namespaces/{lab}/rolebindings", "POST", {**binding, "kind": "RoleBinding"}),
    )
    yield (
        "all rights, everywhere",
        api(f"{rbac}/clusterrolebindings", "POST", {**binding, "kind": "ClusterRoleBinding"}),
    )
    yield (
        "a token of the hub's",
        api(
            f"{namespaced(hub, 'serviceaccounts/hub')}/token",
            "POST",
            {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}},
        ),
    )
    yield "be the hub", api("api/v1/namespaces", **{"Impersonate-User": f"system:serviceaccount:{hub}:hub"})
    yield "no quota", api(namespaced(lab, "resourcequotas/lessons"), "DELETE")
    yield "no defaults", api(namespaced(lab, "limitranges/defaults"), "DELETE")
    yield "no network policy", api(f"apis/networking.k8s.io/v1/namespaces/{lab}/networkpolicies/lessons", "DELETE")
    yield (
        "no admission policy",
        api(f"apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings/{hub}-level", "DELETE"),
    )
    # --- above the ceiling ---
    level = "pod-security.kubernetes.io/enforce"
    changes = {
        "the level privileged": {"labels": {level: "privileged"}},
        "no level": {"labels": {level: None}},
        "another class": {"labels": {"labkit.class": "x"}},
        "another class, and privileged at once": {"labels": {"labkit.class": "x", level: "privileged"}},
        "an annotation": {"annotations": {"a": "b"}},
        "a finalizer": {"finalizers": ["a.example/b"]},
    }
    for title, metadata in changes.items():
        yield title, api(f"api/v1/namespaces/{lab}", "PATCH", {"metadata": metadata}, MERGE)
    pods = {
        "a privileged pod": pod("x", container={"securityContext": {"privileged": True}}),
        "a pod with the node's files": pod("x", volumes=[{"name": "v", "hostPath": {"path": "/"}}]),
        "a pod on the node's network": pod("x", hostNetwork=True),
        "a pod that sees the node's processes": pod("x", hostPID=True),
        "a pod with more capabilities": pod(
            "x", container={"securityContext": {"capabilities": {"add": ["SYS_ADMIN"]}}}
        ),
        "a pod on a node of its choice": pod("x", nodeName="any"),
        "a pod before all others": pod("x", priorityClassName="system-node-critical"),
        "a pod on nodes kept for others": pod("x", tolerations=[{"operator": "Exists"}]),
        "a pod with the server's account": pod("x", serviceAccountName="participant"),
        "a pod of 64 GiB": pod("x", container={"resources": {"limits": {"memory": "64Gi"}}}),
    }
    for title, manifest in pods.items():
        yield title, api(namespaced(lab, "pods"), "POST", manifest)
    # --- over the network ---
    hub_api = f"http://hub.{hub}.svc:8081/hub/api"
    mine = {"Authorization": f"token {os.environ.get('JUPYTERHUB_API_TOKEN', '')}"}
    yield "the hub's users, with no token", ask(f"{hub_api}/users")
    yield "the hub's users, with the own token", ask(f"{hub_api}/users", **mine)
    yield "the other's account in the hub", ask(f"{hub_api}/users/{PLACES['other_id']}", **mine)
    yield "stop the other's server by the hub", ask(f"{hub_api}/users/{PLACES['other_id']}/server", "DELETE", **mine)
    yield "a token for the other", ask(f"{hub_api}/users/{PLACES['other_id']}/tokens", "POST", {}, **mine)
    yield "be an administrator of the hub", ask(f"{hub_api}/users/{PLACES['own_id']}", "PATCH", {"admin": True}, **mine)
    yield "end the hub", ask(f"{hub_api}/shutdown", "POST", {}, **mine)
    for title, headers in {"no token": {}, "the own token": mine}.items():
        yield f"the proxy's routes, with {title}", ask(f"http://proxy-api.{hub}.svc:8001/api/routes", **headers)
    address = PLACES["other_address"]
    for path in ("api/contents", "api/terminals", "lab"):
        yield f"the other's server: {path}", ask(f"http://{address}:8888/user/{PLACES['other_id']}/{path}", **mine)
    yield "the kubelet", ask(f"https://{PLACES['node_address']}:10250/pods", Authorization=f"Bearer {TOKEN}")
    yield "etcd", ask(f"https://{PLACES['node_address']}:2379/v2/keys")
    # --- in the own pod ---
    for path in ("/usr/x", "/etc/passwd", "/opt/venv/x"):
        try:
            with pathlib.Path(path).open("a", encoding="ascii"):
                yield f"write {path}", (200, "written")
        except OSError as error:
            yield f"write {path}", (0, f"the kernel: {error.strerror}")
    try:
        os.setuid(0)
        yield "be root", (200, "is root")
    except OSError as error:
        yield "be root", (0, f"the kernel: {error.strerror}")


def refuser(status, text):
    """Who said no, empty if nobody did."""
    if status in (200, 201, 202):
        return ""
    signs = {
        "Pod Security": "violates PodSecurity",
        "the ceiling": "ValidatingAdmissionPolicy",
        "the quota": "exceeded quota",
        "the service account's admission": "error looking up service account",
        "the roles": " cannot ",
        "the kernel": "the kernel: ",
    }
    for name, sign in signs.items():
        if sign in text:
            return name
    if status == 0:
        return "the network" if "timed out" in text or "refused" in text or "unreachable" in text else "TLS"
    return {401: "who is asked", 403: "who is asked", 404: "who is asked"}.get(status, f"status {status}")


socket.setdefaulttimeout(6)
results = [[title, status, refuser(status, text), text[:300]] for title, (status, text) in attempts()]
print(json.dumps(results))
