"""The types of workloads, Secrets and ConfigMaps, from the API server's own description.

`python -m tests.parity.api_types > FILE` writes them.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from labkit.core.admission.decoding import BESIDE_WORKLOADS, WORKLOADS
from labkit.lab.lab import Lab

_LEAVES = {"Quantity": "quantity", "IntOrString": "int or string", "Time": "time", "MicroTime": "time"}
_SIMPLE = {"string": "string", "boolean": "bool", "number": "number"}


def read_types(definitions: dict[str, Any]) -> dict[str, Any]:
    """The fields of each type that these are made of, without what only the server writes.

    Args:
        definitions: those of `/openapi/v2`.
    """
    types: dict[str, Any] = {}

    def read(name: str) -> str:
        short = name.rpartition(".")[2]
        if short not in types:
            types[short] = {}
            fields = definitions[name].get("properties", {})
            types[short] = {field: kind(value) for field, value in sorted(fields.items()) if field != "status"}
            if "status" in fields:
                types[short]["status"] = "any"
        return short

    def kind(value: dict[str, Any]) -> Any:
        if "$ref" in value:
            name = value["$ref"].rpartition("/")[2]
            short = name.rpartition(".")[2]
            if short in _LEAVES:
                return _LEAVES[short]
            return read(name) if "properties" in definitions[name] else "any"
        if value["type"] == "array":
            return [kind(value["items"])]
        if value["type"] == "object":
            return {"*": kind(value["additionalProperties"])} if "additionalProperties" in value else "any"
        return value["format"] if value["type"] == "integer" else _SIMPLE[value["type"]]

    for group, name in (*WORKLOADS, *BESIDE_WORKLOADS):
        read(f"io.k8s.api.{group or 'core'}.v1.{name}")
    return types


def write_types(types: dict[str, Any]) -> str:
    """As JSON of a line for each type."""
    lines = ",\n".join(f"{json.dumps(name)}:{json.dumps(types[name], separators=(',', ':'))}" for name in sorted(types))
    return f"{{\n{lines}\n}}\n"


if __name__ == "__main__":
    with Lab().cluster().kube() as connection:
        sys.stdout.write(write_types(read_types(connection._ask("GET", "/openapi/v2").json()["definitions"])))
