"""What a class shares: the registry, and a laptop's side of it."""
