"""How properties are tried. The conftest.py of a folder that has some imports it; Hypothesis takes long to import.

No test is timed: machines are noisy, and the unit tests use every core. `make unit` tries fewer examples of each
property than `make test` and pytest by itself do (tools/test.sh): while one works, most mistakes show in the first.
"""

from __future__ import annotations

from hypothesis import settings

from tests.examples import USUAL, share_of

settings.register_profile("labkit", deadline=None, max_examples=share_of(USUAL))
settings.load_profile("labkit")
