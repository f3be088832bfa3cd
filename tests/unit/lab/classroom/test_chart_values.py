"""The values for the chart of Zero to JupyterHub: the chart takes them, and its hub then is the class's.

Helm checks its chart's defaults with the given values over them; so does this, with both as recorded (chart/README.md).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from labkit.base.resources import CLUSTER
from labkit.lab.classroom.class_bringup import ClassWishes, planned_objects, planned_settings
from labkit.lab.classroom.class_settings import HUB_PORT, HUB_USER, STATE_FOLDER

CHART = Path(__file__).with_name("chart")
TEXT = (CLUSTER / "class" / "zero-to-jupyterhub.yaml").read_text(encoding="utf-8")
VALUES = yaml.safe_load(TEXT)
OBJECTS = planned_objects(planned_settings(ClassWishes()))


def recorded(name: str) -> Any:
    return json.loads((CHART / name).read_text(encoding="utf-8"))


def over(defaults: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Given values over others, as Helm has them: maps are merged, all else is replaced."""
    merged = {**defaults, **given}
    for name, value in given.items():
        if isinstance(value, dict) and isinstance(defaults.get(name), dict):
            merged[name] = over(defaults[name], value)
    return merged


def complaints(values: Mapping[str, Any]) -> list[str]:
    """What Helm would say of values."""
    validator = jsonschema.Draft7Validator(recorded("values.schema.json"))
    errors = validator.iter_errors(over(recorded("values.json"), values))
    return [f"{'.'.join(map(str, error.absolute_path))}: {error.message}" for error in errors]


def hub() -> dict[str, Any]:
    """What the chart makes its hub of."""
    values: dict[str, Any] = over(recorded("values.json"), VALUES)["hub"]
    return values


CHARTS_OWN = {
    *{(kind, name) for kind in ("Deployment", "NetworkPolicy") for name in ("hub", "proxy")},
    *{("Service", name) for name in ("hub", "proxy-api", "proxy-public")},
    *{("NetworkPolicy", "singleuser"), ("ConfigMap", "hub"), ("Secret", "hub")},
}
"""What `helm template` makes of the chart with these values (helm 3.21.4, 2026-11-28)."""


def test_the_chart_takes_the_values() -> None:
    assert complaints(VALUES) == []


@pytest.mark.parametrize(
    ("place", "value", "complaint"),
    [
        (("hub", "argz"), [], "hub: Additional properties are not allowed ('argz' was unexpected)"),
        (("proxi",), {}, ": Additional properties are not allowed ('proxi' was unexpected)"),
        (("hub", "db", "type"), "sqlite", "hub.db.type: 'sqlite' is not one of"),
    ],
)
def test_a_key_that_the_chart_does_not_know_is_found(place: tuple[str, ...], value: object, complaint: str) -> None:
    for name in reversed(place):
        value = {name: value}
    assert isinstance(value, dict)
    (message,) = complaints(over(VALUES, value))
    assert message.startswith(complaint)


def test_the_hub_runs_as_the_user_whose_files_its_image_has() -> None:
    for context in (hub()["podSecurityContext"], hub()["containerSecurityContext"]):
        assert (context["runAsUser"], context["runAsGroup"]) == (HUB_USER, HUB_USER)


def test_the_hub_finds_what_the_class_has_made() -> None:
    (own,) = [
        manifest for manifest in OBJECTS if manifest["kind"] == "Deployment" and manifest["metadata"]["name"] == "hub"
    ]
    pod = own["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    ours = {volume["name"]: volume for volume in pod["volumes"]}
    theirs = {volume["name"]: volume for volume in hub()["extraVolumes"]}

    def mounted(mounts: list[dict[str, Any]], volumes: Mapping[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        return {
            mount["mountPath"]: {key: value for key, value in volumes[mount["name"]].items() if key != "name"}
            for mount in mounts
        }

    token = "automountServiceAccountToken"
    assert hub()["extraPodSpec"][token] is pod[token], "the hub could ask the cluster nothing"
    wanted = mounted(container["volumeMounts"], ours)
    del wanted["/tmp"]  # The chart's hub may write into its own file system.
    assert mounted(hub()["extraVolumeMounts"], theirs) == wanted
    assert STATE_FOLDER in wanted


def test_only_the_classs_own_configuration_is_read() -> None:
    # The chart's needs pycurl, which the class's image has not.
    assert hub()["args"] == ["jupyterhub", "--config", "/opt/labkit-class/jupyterhub_config.py"]
    assert hub()["db"]["type"] == "sqlite-memory", "the chart would make a volume that nothing is on"


def test_network_policies_and_roles_know_the_charts_hub() -> None:
    (policy,) = [
        manifest
        for manifest in OBJECTS
        if manifest["kind"] == "NetworkPolicy" and manifest["metadata"]["name"] == "hub"
    ]
    assert policy["spec"]["podSelector"]["matchLabels"] == {"app": VALUES["nameOverride"]}
    (ingress,) = hub()["networkPolicy"]["ingress"]
    (ours,) = [rule for rule in policy["spec"]["ingress"] if HUB_PORT in [port["port"] for port in rule["ports"]]]
    assert ingress["from"][0] in ours["from"], "servers could not reach the hub"
    assert hub()["serviceAccount"]["name"] == "hub"
    assert not over(recorded("values.json"), VALUES)["rbac"]["create"]


def test_what_the_chart_makes_is_not_there_already() -> None:
    # Helm takes over nothing that it has not made: it ended with "invalid ownership metadata".
    deleted = re.search(r"delete ([a-z,]+) --all", TEXT)
    assert deleted is not None
    ours = {(manifest["kind"], manifest["metadata"]["name"]) for manifest in OBJECTS}
    kept = {(kind, name) for kind, name in ours if kind.lower() not in deleted[1].split(",")}
    assert kept & CHARTS_OWN == set()
    assert ours & CHARTS_OWN, "nothing has to be deleted"


def test_no_image_comes_from_elsewhere() -> None:
    proxy = over(recorded("values.json"), VALUES)["proxy"]["chp"]["image"]
    assert (proxy["name"], proxy["tag"]) == (hub()["image"]["name"], hub()["image"]["tag"])
