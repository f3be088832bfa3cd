"""JupyterLab's panel *Course*: the server's part, and what a browser runs, which is built from `extension/`."""
