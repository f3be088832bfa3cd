"""What a class adds to JupyterHub: signing in by a code and a name, a sandbox each, records for the instructor."""
