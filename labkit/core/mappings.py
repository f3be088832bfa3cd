"""Names for mappings whose fields are not named one by one. PURE.

What the API answers has types of its own (`core/pods/api_objects.py`). What is written has none: it may be of any
kind, and wrong on purpose, for the API server to refuse. Typed copies of Kubernetes' hundreds of types would have to
follow each of its versions, and the API server decides in the end.
"""

from __future__ import annotations

from typing import Any

Manifest = dict[str, Any]
"""A whole object as it is written: of Kubernetes' API, or of a tool that took its form over, such as kind."""

ManifestPart = dict[str, Any]
"""A mapping in a manifest: metadata, a spec, a container, a securityContext, a rule."""
