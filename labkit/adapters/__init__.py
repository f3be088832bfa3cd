"""The outside tools: one file or folder for each, and nothing else calls them."""
