"""Manifests as kubectl reads them: bytes to documents, documents to the pods that they describe."""
