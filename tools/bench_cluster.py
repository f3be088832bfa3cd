"""How long `labkit explain --cluster` takes for 5,000 pods, and what memory: python tools/bench_cluster.py [PODS]."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.paper_cluster import paper_cluster, pod, workload

_PADDING = 60  # managed fields and the like: a pod of 8 KB, as they are in clusters


def objects(pods: int) -> dict[str, list[dict[str, Any]]]:
    """Deployments with 10 pods each, a third of them without a user of their own."""
    deployments, replica_sets, listed = [], [], []
    for number in range(pods // 10):
        name = f"web-{number}"
        owner = {"kind": "Deployment", "name": name, "uid": name, "controller": True}
        deployments.append(workload(name, {"containers": [{"name": "app", "image": f"app:{number}"}]}))
        replica_sets.append(workload(f"{name}-1", ownerReferences=[owner]))
        for replica in range(10):
            made = pod(f"{name}-1-{replica}", ("ReplicaSet", f"{name}-1"), uid=number % 3 * 1000, image=f"app:{number}")
            made["metadata"]["managedFields"] = [{"f:spec": {f"f:{field}": "x" * 100}} for field in range(_PADDING)]
            listed.append(made)
    return {"/apis/apps/v1/deployments": deployments, "/apis/apps/v1/replicasets": replica_sets, "/api/v1/pods": listed}


def main(pods: int) -> None:
    """Print seconds and memory of a whole process."""
    with tempfile.TemporaryDirectory() as folder, paper_cluster(objects(pods)) as cluster:
        kubeconfig = cluster.write_kubeconfig(Path(folder, "kubeconfig"))
        environment = {**os.environ, "KUBECONFIG": str(kubeconfig), "DOCKER_HOST": "unix:///nowhere/docker.sock"}
        argv = [sys.executable, "-m", "labkit", "explain", "--cluster", "-A", "--offline"]
        before = time.perf_counter()
        done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=True)
        seconds = time.perf_counter() - before
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        lines = done.stdout.splitlines()
        print(f"{pods} pods: {seconds:.1f} s, {used.ru_utime + used.ru_stime:.1f} CPU s, {used.ru_maxrss >> 10} MiB")
        print("\n".join(lines[-3:]))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5000)
