"""Measures a first start on a machine made bare, and enters it in docs/timings.md (`make bench-bare`).

Nothing of this machine is used but its kernel, its network and Go; all that was made is removed again, also when it
is interrupted. With --front only what a lesson needs to begin is measured, in three minutes, and nothing is entered.
"""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

CHECKOUT = Path(__file__).parents[1]
FILE = CHECKOUT / "docs" / "timings.md"
_MACHINE = CHECKOUT / "tools" / "bare_machine.sh"
_ROWS = {
    "bare machine, no registry: a lesson's first container cell": "first container",
    "bare machine, no registry: the first refusal by the kubelet": "first refusal",
}


def measure(options: list[str]) -> dict[str, object]:
    """Make a bare machine, start a lab on it, remove it."""
    with tempfile.TemporaryDirectory(prefix="labkit-bare-") as parent:
        folder = str(Path(parent, "machine"))
        try:
            subprocess.run([_MACHINE, "make", folder], check=True)
            argv = [str(_MACHINE), "run", folder, "python3", "tools/first_start.py", *options]
            with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as running:
                stdout, _ = running.communicate()
            if running.returncode != 0:
                sys.exit(f"the first start failed, for the reason above (exit status {running.returncode})")
        finally:
            subprocess.run([_MACHINE, "remove", folder], check=True)
    figures: dict[str, object] = json.loads(stdout.splitlines()[-1])
    return figures


def enter(figures: dict[str, object], text: str) -> str:
    """The page with the figures in their rows."""
    for row, name in _ROWS.items():
        seconds = float(str(figures[name]))
        shown = f"{seconds / 60:.1f} min on {datetime.now(UTC):%Y-%m-%d} (JupyterLab: {figures['JupyterLab open']} s)"
        text = re.sub(rf"^(\| {re.escape(row)} \| [^|]* \|) [^|]* \|$", rf"\1 {shown} |", text, flags=re.MULTILINE)
    return text


def main() -> None:
    """Measure, print and enter."""
    # Whoever ends us by a signal gets his machine back, too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    options = sys.argv[1:]
    figures = measure(options)
    for name, value in figures.items():
        for line, seconds in value.items() if isinstance(value, dict) else [(name, value)]:
            print(f"{line}: {seconds} s" if isinstance(seconds, float) else seconds)
    if "--front" not in options:
        FILE.write_text(enter(figures, FILE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
