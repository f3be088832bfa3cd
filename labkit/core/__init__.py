"""The rules that need nothing but Python: identities, pods, causes. Nothing here does I/O."""
