"""HOME in a pod's environment: values, references to other variables, and what no manifest says."""

from __future__ import annotations

from typing import Any

import pytest

from labkit.core.identity.kubelet_rules import EnvironmentHome, home_of_container


def env(*pairs: tuple[str, str], **more: Any) -> dict[str, Any]:
    return {"env": [{"name": name, "value": value} for name, value in pairs], **more}


@pytest.mark.parametrize(
    ("container", "home"),
    [
        ({}, None),
        (env(("PATH", "/bin")), None),
        (env(("HOME", "/tmp")), "/tmp"),
        (env(("HOME", "")), ""),
        ({"env": [{"name": "HOME"}]}, ""),
        # The last one counts.
        (env(("HOME", "/a"), ("HOME", "/b")), "/b"),
        (env(("HOME", "/a"), ("HOME", "")), ""),
        (env(("BASE", "/var"), ("HOME", "$(BASE)/tmp")), "/var/tmp"),
        (env(("A", "/a"), ("B", "$(A)/b"), ("HOME", "$(B)$(A)")), "/a/b/a"),
        # Only what stands further up is there.
        (env(("HOME", "$(BASE)/tmp"), ("BASE", "/var")), "$(BASE)/tmp"),
        (env(("HOME", "/a"), ("HOME", "$(HOME)/b")), "/a/b"),
        (env(("HOME", "$(NOBODY)")), "$(NOBODY)"),
        (env(("A", "/a"), ("HOME", "$$(A)")), "$(A)"),
        (env(("A", "/a"), ("HOME", "$$$(A)")), "$/a"),
        (env(("A", "/a"), ("HOME", "$A/$(A")), "$A/$(A"),
        # No name with this prefix is HOME.
        ({"envFrom": [{"prefix": "APP_", "secretRef": {"name": "s"}}]}, None),
        (env(("HOME", "$(BASE)"), envFrom=[{"prefix": "APP_", "secretRef": {"name": "s"}}]), "$(BASE)"),
        # What the env says overrides envFrom.
        (env(("HOME", "/tmp"), envFrom=[{"secretRef": {"name": "s"}}]), "/tmp"),
    ],
)
def test_home(container: dict[str, Any], home: str | None) -> None:
    assert home_of_container(container) == (None if home is None else EnvironmentHome(home))


@pytest.mark.parametrize(
    ("container", "source"),
    [
        ({"env": [{"name": "HOME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]}, "a fieldRef"),
        ({"env": [{"name": "HOME", "valueFrom": {"secretKeyRef": {}}}]}, "a secretKeyRef"),
        ({"envFrom": [{"configMapRef": {"name": "c"}}]}, "envFrom, if that has a HOME"),
        ({"envFrom": [{"prefix": "HO", "configMapRef": {"name": "c"}}]}, "envFrom, if that has a HOME"),
        (env(("HOME", "$(BASE)"), envFrom=[{"configMapRef": {"name": "c"}}]), "the variable BASE"),
        (env(("HOME", "/x/$(WEB_SERVICE_HOST)")), "the variable WEB_SERVICE_HOST"),
        (
            {"env": [{"name": "A", "valueFrom": {"fieldRef": {}}}, {"name": "HOME", "value": "/h/$(A)"}]},
            "a fieldRef",
        ),
    ],
)
def test_a_home_from_elsewhere_is_not_known(container: dict[str, Any], source: str) -> None:
    assert home_of_container(container) == EnvironmentHome(None, source)
