"""The sample images: what they are, where they come from, how they are made, what they must show."""
