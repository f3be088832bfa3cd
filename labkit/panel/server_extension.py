"""The extension of the Jupyter server; its module's name is what the server's configuration enables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit.panel.panel_handlers import panel_handlers

if TYPE_CHECKING:
    from labkit.panel.panel_state import PanelState


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    """What Jupyter asks a package for that extends its server."""
    return [{"module": __name__}]


def _load_jupyter_server_extension(app: Any) -> None:
    """Add the panel's handlers to a server.

    Args:
        app: jupyter_server's ServerApp.
    """
    root = Path(app.root_dir).absolute()

    def make_state() -> PanelState:
        from labkit.panel.panel_state import open_panel_state

        return open_panel_state(root)

    app.web_app.add_handlers(".*$", panel_handlers(app.web_app.settings["base_url"], make_state))
