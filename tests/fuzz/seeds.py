"""The good files that are damaged, small and with much in them."""

from __future__ import annotations

import gzip
import json
import tarfile
from hashlib import sha256
from io import BytesIO

MANIFESTS = b"""\
apiVersion: v1
kind: Namespace
metadata: {name: web, labels: {pod-security.kubernetes.io/enforce: restricted}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: web, annotations: {note: "a <b>bold</b> one"}}
spec:
  template:
    spec:
      hostUsers: false
      securityContext: &all {runAsNonRoot: true, runAsUser: 1654, supplementalGroups: [1, 2]}
      initContainers: [{name: first, image: "nginx@sha256:%(digest)s", restartPolicy: Always}]
      containers:
        - name: web
          image: nginx:1.27
          securityContext: {<<: {runAsGroup: 0x10}, allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
---
{"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "c"}, "spec": {"jobTemplate": {"spec": {"template":
  {"spec": {"containers": [{"name": "c", "image": "busybox"}]}}}}}}
---
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: r}
spec: {template: {spec: {containers: [{name: r, image: app}]}}}
""" % {b"digest": b"0" * 64}

DOCKERFILE = b"""\
# syntax=docker/dockerfile:1
# escape=\\
ARG BASE=debian:12 UID=1654
FROM ${BASE} AS build
ARG UID
ENV APP_UID=${UID:-1000} NAME="a b"
RUN <<EOF
useradd --uid $APP_UID app
EOF
ONBUILD USER 1
FROM --platform=linux/amd64 build
COPY --from=build --chown=$APP_UID:0 /a \\
  /b
USER ${APP_UID:?}:${APP_UID}
HEALTHCHECK CMD ["true"]
"""

COMPOSE = b"""\
x-all: &all {user: "${ID:-1654}:0"}
services:
  web: {<<: *all, image: "nginx:${TAG:-1}", build: {context: ., dockerfile: Dockerfile, args: {UID: 1}, target: build}}
  db: {image: postgres, user: root, extends: {service: web}}
"""

CONFIGURATION = b"""\
gate = ["root", "refused"]
no-pods = ["Widget.example.org"]
[image-users]
"ghcr.io/me/app:1.2" = "1654"
[namespace-levels]
"*" = "restricted"
[[exceptions]]
namespace = "shop"
name = "legacy-*"
allows = ["root"]
reason = "it binds port 80"
expires = 2099-01-31
"""

EXPLAIN_CASES = b"""\
{"id": 1, "image": {"user": "app", "passwd": "app:x:1654:1654::/:/bin/sh\\n", "group": "app:x:1654:app\\n"}}
{"id": 2, "image": {"user": ""}, "pod": {"securityContext": {"runAsNonRoot": true}}, "docker": {"user": "0"}}
"""

PUBLISH_CASES = b"""\
{"id": 1, "project": "<Project Sdk=\\"Microsoft.NET.Sdk\\"><PropertyGroup><TargetFramework>net8.0</TargetFramework>\
<ContainerUser>$(A)</ContainerUser><A Condition=\\"'$(B)' == ''\\">1</A></PropertyGroup></Project>",\
 "arguments": ["-p:B=1"]}
"""

PROJECT = b"""\
<?xml version="1.0" encoding="utf-8"?>
<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup><OutputType>Exe</OutputType><TargetFramework>net10.0</TargetFramework></PropertyGroup>
  <PropertyGroup Condition="'$(Configuration)' != 'Debug' And !('$(A)' != '')">
    <ContainerRepository>a/b</ContainerRepository>
    <ContainerImageTags>1;2;$(A)</ContainerImageTags>
    <ContainerUser>%31654</ContainerUser>
  </PropertyGroup>
  <ItemGroup><ContainerPort Include="80" Type="tcp" /><ContainerLabel Include="a" Value="b" /></ItemGroup>
</Project>
"""

PROGRESS = json.dumps(
    {
        "format": "labkit-hand-in",
        "version": 1,
        "name": "Ann <b>Lee</b>",
        "course": [],
        "lessons": {
            "07-run-as-non-root": {
                "exercises": {
                    "refused": {"attempts": 2, "hints": 1, "solution": False, "passed": "2026-11-27T10:00:00Z"}
                }
            }
        },
    }
).encode()

WORKSHEET = b"""\
{"format": "labkit-worksheet", "version": 1, "rows": [{"threat": "a", "note": "b", "seen": "2026-11-27T10:00:00Z",
 "posture": "app-default", "probe": "read-shadow", "where": "engine", "verdict": "could not", "control": "dac",
 "reason": "EACCES", "evidence": {"call": "open()", "errno": "EACCES"}}]}
"""

LOCK = b"""\
{"version": 1, "images": {"docker.io/library/nginx:1.27": {"digest": "", "user": "app", "passwd":
 ["app:x:1654:1654::/:"], "group": ["app:x:1654:app"], "home": null, "windows": false, "env": ["A=1"], "onbuild": []}}}
"""

BASELINE = b"""\
{"version": 1, "findings": [{"rule": "user-not-known", "file": "m.yaml", "kind": "CronJob", "namespace": "default",
 "name": "c", "container": "c", "message": ""}]}
"""


def layer() -> bytes:
    """A layer with the files that say who is who."""
    files = {"etc/passwd": b"app:x:1654:1654::/:/bin/sh\n", "etc/group": b"app:x:1654:app\n", "a/.wh..wh..opq": b""}
    return _packed(files)


def saved_image() -> bytes:
    """An image as `docker save` writes it, with OCI's files beside its own."""
    content = layer()
    squeezed = gzip.compress(content, mtime=0)
    configuration = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"User": "app", "Env": ["A=1"], "Cmd": ["/app"]},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{sha256(content).hexdigest()}"]},
        }
    ).encode()
    blobs = {f"blobs/sha256/{sha256(blob).hexdigest()}": blob for blob in (squeezed, configuration)}
    of_layer, of_configuration = blobs
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": _descriptor("application/vnd.oci.image.config.v1+json", configuration),
            "layers": [_descriptor("application/vnd.oci.image.layer.v1.tar+gzip", squeezed)],
        }
    ).encode()
    blobs[f"blobs/sha256/{sha256(manifest).hexdigest()}"] = manifest
    index = {"schemaVersion": 2, "manifests": [_descriptor("application/vnd.oci.image.manifest.v1+json", manifest)]}
    saved = [{"Config": of_configuration, "RepoTags": ["app:1"], "Layers": [of_layer]}]
    documents = {"oci-layout": {"imageLayoutVersion": "1.0.0"}, "index.json": index, "manifest.json": saved}
    return _packed(blobs | {name: json.dumps(document).encode() for name, document in documents.items()})


def _descriptor(kind: str, blob: bytes) -> dict[str, object]:
    return {"mediaType": kind, "digest": f"sha256:{sha256(blob).hexdigest()}", "size": len(blob)}


def _packed(files: dict[str, bytes]) -> bytes:
    buffer = BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, BytesIO(content))
    return buffer.getvalue()
