"""Images in a manifest's text: replaced where they stand, and not a character else."""

from __future__ import annotations

import pytest
import yaml

from labkit.core.pods.manifest_images import ImageInPlace, replace_images

PLACES = {
    "debian": ImageInPlace("lab/debian:lab"),
    "mine": ImageInPlace("mine", "IfNotPresent"),
    "nobody": ImageInPlace("nobody", "Never"),
}


def _replaced(manifest: str) -> str:
    return replace_images(manifest, PLACES.get)


@pytest.mark.parametrize(
    ("manifest", "replaced"),
    [
        (
            "spec:\n  containers:\n  - image: debian  # root\n",
            "spec:\n  containers:\n  - image: lab/debian:lab  # root\n",
        ),
        ("containers: [{image: 'debian', name: a}]", "containers: [{image: 'lab/debian:lab', name: a}]"),
        ('{"containers": [{"image": "debian"}]}', '{"containers": [{"image": "lab/debian:lab"}]}'),
        (
            "initContainers:\n- name: a\n  image: mine",
            "initContainers:\n- name: a\n  imagePullPolicy: IfNotPresent\n  image: mine",
        ),
        ("containers:\n- image: nobody", "containers:\n- imagePullPolicy: Never\n  image: nobody"),
        ("containers: [{image: mine}]", "containers: [{imagePullPolicy: IfNotPresent, image: mine}]"),
        (
            "containers:\n- image: mine\n  imagePullPolicy: Always",
            "containers:\n- image: mine\n  imagePullPolicy: Always",
        ),
        ("containers:\n- image: &i debian\n- image: *i", "containers:\n- image: &i lab/debian:lab\n- image: *i"),
        ("containers:\n- image: >-\n    debian\n  name: a", "containers:\n- image: lab/debian:lab\n  name: a"),
        ("a: 1\n---\ncontainers:\n- image: debian\n---\n", "a: 1\n---\ncontainers:\n- image: lab/debian:lab\n---\n"),
        ("image: debian", "image: debian"),
        ("containers:\n- image: [debian]", "containers:\n- image: [debian]"),
        ("containers: debian", "containers: debian"),
        ("containers:\n- image: debian\n bad", "containers:\n- image: debian\n bad"),
        ("", ""),
        ("\x00", "\x00"),
        ("a: &a\n  containers:\n  - image: debian\nb: *a", "a: &a\n  containers:\n  - image: lab/debian:lab\nb: *a"),
    ],
)
def test_images_in_place(manifest: str, replaced: str) -> None:
    assert _replaced(manifest) == replaced


@pytest.mark.parametrize("image", ["debian", "mine"])
def test_json_stays_what_kubectl_reads(image: str) -> None:
    text = f'{{"containers": [{{"name": "a", "image": "{image}"}}]}}'
    (container,) = yaml.safe_load(_replaced(text))["containers"]
    assert container["image"] == PLACES[image].reference
    assert container.get("imagePullPolicy") == PLACES[image].policy
