"""PURE: manifests of pods, and what became of a pod."""
