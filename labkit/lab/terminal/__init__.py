"""What a terminal of the lab has: `docker` and `kubectl` that know the lab's names, and the lesson's namespace."""
