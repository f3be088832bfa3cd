"""`labkit explain` where no engine answers."""

from __future__ import annotations

from typing import Any

from click.testing import CliRunner, Result

from labkit.adapters.engine import EngineUnreachable
from labkit.cli import main


def no_engine(_: object = None) -> Any:
    """In place of what connects to an engine.

    Raises:
        EngineUnreachable: always.
    """
    raise EngineUnreachable("Connecting", "there is no engine's socket", "start one")


def explain(*arguments: str, text: str | None = None) -> Result:
    """Run the command; whatever is wrong, it ends in a sentence.

    Args:
        arguments: what is typed behind `labkit explain`.
        text: what comes by standard input.
    """
    result = CliRunner().invoke(main, ["explain", *arguments], input=text)
    assert "Traceback" not in result.output
    return result
