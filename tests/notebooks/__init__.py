"""What runs the notebooks as tests, and what holds them to their form."""

import tests.quick_imports  # noqa: F401  # before anything here imports nbformat
