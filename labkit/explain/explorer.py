"""An explorer for a notebook: whatever is chosen in it is a call of `labkit.explain`, which it shows."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import ipywidgets as widgets  # type: ignore[import-untyped]
from IPython.display import display

from labkit.base.errors import LabError

_PRE = "margin:4px 0;white-space:pre-wrap"
_FLAGS = (("not set", None), ("true", True), ("false", False))


@dataclass(frozen=True)
class Choice:
    """What is chosen: the arguments of `labkit.explain`.

    Args:
        image: a name or a reference.
        image_user: a USER in place of the image's own, None for its own.
        pod: the pod's securityContext.
        container: the container's securityContext.
        user: as `docker run --user`, None for no run on the engine.
    """

    image: str
    image_user: str | None = None
    pod: Mapping[str, Any] = field(default_factory=dict)
    container: Mapping[str, Any] = field(default_factory=dict)
    user: str | None = None

    def arguments(self) -> dict[str, Any]:
        """The keyword arguments that differ from the call's defaults; a pod is always asked for."""
        given: dict[str, Any] = {"pod": dict(self.pod)}
        if self.image_user is not None:
            given["image_user"] = self.image_user
        if self.container:
            given["container"] = dict(self.container)
        if self.user is not None:
            given["user"] = self.user
        return given

    def call(self) -> str:
        """The line of Python for the same."""
        rest = "".join(f", {name}={value!r}" for name, value in self.arguments().items())
        return f"labkit.explain({self.image!r}{rest})"


class Explorer:
    """Widgets for a choice, and the answer below; shows itself in a notebook.

    Args:
        images: names to choose from; any other reference can be typed.
        explain: answers a choice, as `labkit.explain` does.
    """

    def __init__(self, images: Sequence[str], explain: Callable[..., Any]) -> None:
        self._explain = explain
        wide, narrow = widgets.Layout(width="260px"), widgets.Layout(width="220px")
        style = {"description_width": "110px"}

        def text(label: str, hint: str) -> Any:
            return widgets.Text(description=label, placeholder=hint, layout=wide, style=style, continuous_update=False)

        def flag(label: str) -> Any:
            return widgets.Dropdown(description=label, options=_FLAGS, layout=narrow, style=style)

        self.image = widgets.Combobox(
            description="image", value=images[0], options=list(images), ensure_option=False, layout=wide, style=style
        )
        self.image_user = text("USER", "the image's own")
        self.docker_user = text("docker run -u", "not given")
        self.pod_non_root, self.container_non_root = flag("runAsNonRoot"), flag("runAsNonRoot")
        self.pod_user, self.container_user = text("runAsUser", "not set"), text("runAsUser", "not set")
        self.pod_group, self.container_group = text("runAsGroup", "not set"), text("runAsGroup", "not set")
        self.answer = widgets.HTML()
        columns = [
            [widgets.HTML("<strong>image and engine</strong>"), self.image, self.image_user, self.docker_user],
            [widgets.HTML("<strong>pod</strong>"), self.pod_non_root, self.pod_user, self.pod_group],
            [
                widgets.HTML("<strong>container</strong>"),
                self.container_non_root,
                self.container_user,
                self.container_group,
            ],
        ]
        for column in columns:
            for control in column[1:]:
                control.observe(self._show, names="value")
        self.widget = widgets.VBox([widgets.HBox([widgets.VBox(column) for column in columns]), self.answer])
        self._show()

    def choice(self) -> Choice:
        """What is chosen now.

        Raises:
            ValueError: a uid or gid is not a number.
        """
        return Choice(
            self.image.value,
            self.image_user.value or None,
            _settings(self.pod_non_root.value, self.pod_user.value, self.pod_group.value),
            _settings(self.container_non_root.value, self.container_user.value, self.container_group.value),
            self.docker_user.value or None,
        )

    def _show(self, _: object = None) -> None:
        try:
            choice = self.choice()
            rows = self._explain(choice.image, **choice.arguments())
            self.answer.value = f'<pre style="{_PRE}">{html.escape(choice.call())}</pre>{rows._repr_html_()}'
        except (ValueError, LabError) as error:
            self.answer.value = f'<pre style="{_PRE}">{html.escape(str(error))}</pre>'

    def _ipython_display_(self) -> None:
        display(self.widget)  # type: ignore[no-untyped-call]


def _settings(non_root: bool | None, user: str, group: str) -> dict[str, Any]:
    settings: dict[str, Any] = {} if non_root is None else {"runAsNonRoot": non_root}
    for name, text in (("runAsUser", user), ("runAsGroup", group)):
        if text.strip():
            try:
                settings[name] = int(text)
            except ValueError:
                raise ValueError(f"{name} must be a whole number, not {text!r}") from None
    return settings
