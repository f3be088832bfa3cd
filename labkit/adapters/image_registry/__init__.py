"""Registries of images, asked for an image's configuration alone, by Python's own HTTP.

crane would do the same and is what pulls and pushes here; but it has to be compiled, which a pipeline with nothing but
the light core cannot, and it follows a registry's redirects wherever they lead.
"""

from labkit.adapters.image_registry.registry_access import ConfiguredImage, RegistryAccess
from labkit.adapters.image_registry.registry_failures import RegistryFailed

__all__ = ["ConfiguredImage", "RegistryAccess", "RegistryFailed"]
