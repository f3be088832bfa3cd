"""Every sample image, as the table says it is and as the real kubelet and the real engine see it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from labkit.adapters.engine import Engine
from labkit.adapters.kube import Kube
from labkit.core.causes import Cause
from labkit.core.pods.manifest import container_manifest, pod_manifest
from labkit.lab.lab import Lab
from labkit.lab.survey import survey

WITHOUT_A_PROGRAM = {"appliance": Cause.COMMAND_NOT_FOUND, "runtime-chiseled": Cause.COMMAND_NOT_FOUND}
"""Images to be built upon: what is started in them is not there, and that comes after the user is checked."""


def test_what_the_table_says_of_run_as_non_root_is_what_the_kubelet_does(lab: Lab, kube: Kube, namespace: str) -> None:
    rows = survey(lab)
    assert len(rows) == len(lab.catalogue) >= 18
    manifests = []
    for row in rows:
        command = lab.keep_busy(row["name"])
        container = container_manifest(row["name"], str(row["reference"]), command=command)
        manifests.append(pod_manifest(row["name"], [container], security={"runAsNonRoot": True}))
    # All are made before the first is looked at, so the kubelet has them side by side.
    for manifest in manifests:
        kube.create_pod(manifest, manifest["metadata"]["name"], namespace)
    outcomes = [kube.observe(manifest["metadata"]["name"], namespace) for manifest in manifests]
    seen = {row["name"]: outcome.cause for row, outcome in zip(rows, outcomes, strict=True)}
    expected = {row["name"]: row["cause"] or WITHOUT_A_PROGRAM.get(row["name"]) for row in rows}
    assert seen == expected


def test_the_uid_of_the_table_is_the_process_own(lab: Lab) -> None:
    rows = [row for row in survey(lab) if row["shell"] and row["uid"] is not None]
    with ThreadPoolExecutor(4) as pool:
        results = pool.map(lambda row: lab.run(row["name"], ["id", "-u"]).output, rows)
    expected = {row["name"]: str(row["uid"]) for row in rows}
    assert dict(zip(expected, results, strict=True)) == expected


def _docker(*arguments: str) -> str:
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, check=True).stdout.strip()


def test_a_setuid_program_is_root_again_unless_that_is_forbidden(lab: Lab) -> None:
    reference = lab.reference("setuid")
    assert _docker("run", "--rm", reference, "ids") == "real uid 1654, effective uid 0"
    forbidden = _docker("run", "--rm", "--security-opt", "no-new-privileges", reference, "ids")
    assert forbidden == "real uid 1654, effective uid 1654"


def test_the_step_down_starts_as_root_and_goes_on_as_999(lab: Lab) -> None:
    reference = lab.reference("stepdown")
    assert _docker("run", "--rm", reference, "id") == "uid=999(db) gid=999(db) groups=999(db)"
    assert _docker("run", "--rm", "--user", "1654", reference, "id", "-u") == "1654"


@pytest.fixture
def vulnerable(lab: Lab, request: pytest.FixtureRequest) -> Iterator[str]:
    """The vulnerable app in a container, as the user that the test asks for; gives the container's id."""
    options = [word for name, value in lab.configuration.labels.items() for word in ("--label", f"{name}={value}")]
    options += [f"--user={request.param}"] if request.param else []
    container = _docker("run", "--detach", *options, lab.reference("rce-app"))
    yield container
    _docker("rm", "--force", container)


@pytest.mark.parametrize(
    ("vulnerable", "identity"), [("", "uid=0(root)"), ("1654", "uid=1654(app)")], indirect=["vulnerable"]
)
def test_the_vulnerable_app_runs_what_it_is_sent_within_the_engine_only(
    lab: Lab, vulnerable: str, identity: str
) -> None:
    """From another container, for on the host it has no port."""
    address = _docker("inspect", "--format", "{{.NetworkSettings.IPAddress}}", vulnerable)
    script = (
        f"for i in $(seq 200); do exec 3<>/dev/tcp/{address}/8080 && break; sleep 0.05; done 2>/dev/null;"
        r" printf 'POST /run HTTP/1.0\r\nContent-Length: 2\r\n\r\nid' >&3; cat <&3"
    )
    assert identity in lab.run("debian", ["bash", "-c", script]).output
    assert _docker("port", vulnerable) == ""


def test_the_vulnerable_app_does_not_listen_elsewhere(engine: Engine, lab: Lab) -> None:
    refused = lab.run("rce-app", ["env", "-u", "LABKIT_VULNERABLE_ON_PURPOSE", "/app/rce-app"])
    assert "in a container of the lab only" in refused.expect(exit_status=2).output


@pytest.mark.parametrize(
    ("user", "name"), [(None, "root"), ("1654", "app"), ("4242", "")], ids=["root", "app", "nobody known"]
)
def test_the_stand_in_of_dotnet_says_who_it_is(lab: Lab, user: str | None, name: str) -> None:
    script = "cd /tmp && touch hello.dll && dotnet /tmp/hello.dll && dotnet hello.dll"
    lines = lab.run("runtime", ["sh", "-c", script], user=user).expect(exit_status=0).output.splitlines()
    assert len(lines) == 2
    assert all(line.startswith(f"Hello {name}, using Debian GNU/Linux ") for line in lines)


@pytest.mark.parametrize(("path", "status"), [("/app/hello.dll", 155), ("/etc/passwd", 129)])
def test_the_stand_in_of_dotnet_fails_as_dotnet_does(lab: Lab, path: str, status: int) -> None:
    lab.run("runtime-chiseled", ["dotnet", path]).expect(exit_status=status)
