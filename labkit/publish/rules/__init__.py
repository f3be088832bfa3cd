"""The SDK's rule for the image that it makes, as pure functions; held to recordings in tests/recorded/sdk."""
