"""An explorer for a notebook: whatever is chosen in it is a call of `labkit.explain`, which it shows."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import ipywidgets as widgets  # type: ignore[import-untyped]
from IPython.display import display

from labkit.base.errors import LabError
from labkit.core.mappings import ManifestPart
from labkit.core.pods.manifest import container_manifest, pod_manifest, to_yaml
from labkit.show.cards import COPY_BUTTON
from labkit.show.table import fold_html

_PRE = "margin:4px 0;white-space:pre-wrap"
_SIDE_BY_SIDE = "display:flex;align-items:flex-start;gap:8px"
_BUSY = "explaining …"
_TRYING = "asking the cluster …"
_NO_IMAGE_OF_IT = "The cluster takes an image as it is: clear USER and Dockerfile, and try again."
_POD = "explored"
# A Dropdown whose value is None shows an empty line, not the option that has it (ipywidgets: _Selection).
_NOT_SET = ""
_FLAGS = (("not set", _NOT_SET), ("true", True), ("false", False))
_LEVELS = (("not known", _NOT_SET), *((level, level) for level in ("privileged", "baseline", "restricted")))
_WHEN = "<small>What you type counts when you leave its field, with Tab or a click beside it.</small>"


@dataclass(frozen=True)
class Choice:
    """What is chosen: the arguments of `labkit.explain`.

    Args:
        image: a name or a reference.
        image_user: a USER in place of the image's own, None for its own.
        pod: the pod's securityContext.
        container: the container's securityContext.
        user: as `docker run --user`, None for no run on the engine.
        namespace_level: what the namespace enforces, None if that is not known.
        dockerfile: the text of a Dockerfile whose image is asked about in place of `image`; None for none.
    """

    image: str
    image_user: str | None = None
    pod: Mapping[str, Any] = field(default_factory=dict)
    container: Mapping[str, Any] = field(default_factory=dict)
    user: str | None = None
    namespace_level: str | None = None
    dockerfile: str | None = None

    def arguments(self) -> dict[str, object]:
        """The keyword arguments that differ from the call's defaults; a pod is always asked for."""
        given: dict[str, object] = {"pod": dict(self.pod)}
        if self.dockerfile is not None:
            given["dockerfile"] = self.dockerfile
        elif self.image_user is not None:
            given["image_user"] = self.image_user
        if self.container:
            given["container"] = dict(self.container)
        if self.user is not None:
            given["user"] = self.user
        if self.namespace_level is not None:
            given["namespace_level"] = self.namespace_level
        return given

    def images(self) -> tuple[str, ...]:
        """The positional arguments: the image, if no Dockerfile takes its place."""
        return () if self.dockerfile is not None else (self.image,)

    def yaml(self) -> str:
        """The same as a pod's manifest; empty where no image is chosen that a pod could have."""
        if not self.is_of_an_image:
            return ""
        container = container_manifest("main", self.image, security=self.container)
        return to_yaml(pod_manifest(_POD, [container], security=self.pod))

    @property
    def is_of_an_image(self) -> bool:
        """Whether an image is chosen as it is, so that a cluster can be asked."""
        return self.dockerfile is None and self.image_user is None

    def call(self) -> str:
        """The line of Python for the same."""
        named = (f"{name}={value!r}" for name, value in self.arguments().items())
        return f"labkit.explain({', '.join([*map(repr, self.images()), *named])})"


class Explorer:
    """Widgets for a choice, and the answer below; shows itself in a notebook.

    Each control has a label of its own, for who hears them one by one, and is reached with Tab in the order in which
    they are read: image and engine, pod, container, Dockerfile. What is typed counts when one leaves the control.

    Args:
        images: names to choose from; any other reference can be typed.
        explain: answers a choice, as `labkit.explain` does.
        try_pod: makes a pod of a choice and gives what became of it, as HTML; None if there is nowhere to make it.
    """

    def __init__(
        self, images: Sequence[str], explain: Callable[..., Any], try_pod: Callable[[Choice], str] | None = None
    ) -> None:
        self._explain, self._try_pod = explain, try_pod
        wide, narrow = widgets.Layout(width="276px"), widgets.Layout(width="276px")
        style = {"description_width": "170px"}

        def text(label: str, hint: str) -> Any:
            return widgets.Text(description=label, placeholder=hint, layout=wide, style=style, continuous_update=False)

        def choose(label: str, options: Sequence[tuple[str, object]] = _FLAGS) -> Any:
            return widgets.Dropdown(description=label, options=options, layout=narrow, style=style)

        self.image = widgets.Combobox(
            description="image",
            value=images[0],
            options=list(images),
            ensure_option=False,
            layout=wide,
            style=style,
            continuous_update=False,
        )
        self.image_user = text("USER", "its own")
        self.docker_user = text("docker run -u", "not given")
        self.pod_non_root, self.container_non_root = choose("pod runAsNonRoot"), choose("container runAsNonRoot")
        self.pod_user, self.container_user = text("pod runAsUser", "not set"), text("container runAsUser", "not set")
        self.pod_group, self.container_group = (
            text("pod runAsGroup", "not set"),
            text("container runAsGroup", "not set"),
        )
        self.host_users = choose("pod hostUsers")
        self.namespace_level = choose("namespace's level", _LEVELS)
        self.dockerfile = widgets.Textarea(
            description="Dockerfile",
            placeholder="its text, in place of an image",
            rows=4,
            layout=widgets.Layout(width="838px", max_width="100%"),
            style=style,
            continuous_update=False,
        )
        self.answer = widgets.HTML()
        columns = [
            [widgets.HTML("<strong>image and engine</strong>"), self.image, self.image_user, self.docker_user],
            [widgets.HTML("<strong>pod</strong>"), self.pod_non_root, self.pod_user, self.pod_group, self.host_users],
            [
                widgets.HTML("<strong>container</strong>"),
                self.container_non_root,
                self.container_user,
                self.container_group,
                self.namespace_level,
            ],
        ]
        for control in (*(control for column in columns for control in column[1:]), self.dockerfile):
            control.observe(self._show, names="value")
        side_by_side = widgets.HBox(
            [widgets.VBox(column) for column in columns], layout=widgets.Layout(flex_flow="row wrap")
        )
        layout = widgets.Layout(width="auto", align_self="flex-start")
        self.try_it = widgets.Button(description="Try it on the cluster", layout=layout)
        self.try_it.on_click(self._try)
        self.tried = widgets.HTML()
        trying = [self.try_it, self.tried] if try_pod is not None else []
        self.widget = widgets.VBox([side_by_side, self.dockerfile, widgets.HTML(_WHEN), self.answer, *trying])
        self._show()

    def choice(self) -> Choice:
        """What is chosen now.

        Raises:
            ValueError: a uid or gid is not a number.
        """
        return Choice(
            self.image.value,
            self.image_user.value or None,
            _settings(self.pod_non_root.value, self.pod_user.value, self.pod_group.value)
            | ({} if self.host_users.value == _NOT_SET else {"hostUsers": self.host_users.value}),
            _settings(self.container_non_root.value, self.container_user.value, self.container_group.value),
            self.docker_user.value or None,
            self.namespace_level.value or None,
            self.dockerfile.value if self.dockerfile.value.strip() else None,
        )

    def _show(self, _: object = None) -> None:
        self.tried.value = ""  # It was about what had been chosen before.
        self.answer.value = _spoken(_BUSY)
        try:
            choice = self.choice()
            rows = self._explain(*choice.images(), **choice.arguments())
            manifest = choice.yaml()
            folded = fold_html("The pod as YAML", _copied(manifest)) if manifest else ""
            self.answer.value = _spoken(_copied(choice.call()) + rows._repr_html_() + folded)
        except (ValueError, LabError) as error:
            self.answer.value = _spoken(_failure(error))

    def _try(self, _: object = None) -> None:
        self.tried.value = _spoken(_TRYING)
        try:
            choice = self.choice()
            is_tried = self._try_pod is not None and choice.is_of_an_image
            self.tried.value = _spoken(self._try_pod(choice) if self._try_pod and is_tried else _NO_IMAGE_OF_IT)
        except (ValueError, LabError) as error:
            self.tried.value = _spoken(_failure(error))

    def _ipython_display_(self) -> None:
        display(self.widget)  # type: ignore[no-untyped-call]


def _spoken(inside: str) -> str:
    """A live region: a screen reader reads what has come."""
    return f'<div role="status">{inside}</div>'


def _failure(error: Exception) -> str:
    return f'<pre style="{_PRE}">{html.escape(str(error))}</pre>'


def _copied(text: str) -> str:
    """Text with a button that copies it."""
    code = f'<pre class="labkit-line" style="{_PRE}">{html.escape(text)}</pre>'
    return f'<div class="labkit-command" style="{_SIDE_BY_SIDE}">{code}{COPY_BUTTON}</div>'


def _settings(non_root: bool | str, user: str, group: str) -> ManifestPart:
    settings: ManifestPart = {} if non_root == _NOT_SET else {"runAsNonRoot": non_root}
    for name, text in (("runAsUser", user), ("runAsGroup", group)):
        if text.strip():
            try:
                settings[name] = int(text)
            except ValueError:
                raise ValueError(f"{name} must be a whole number, not {text!r}") from None
    return settings
