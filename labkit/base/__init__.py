"""What every room may use: errors, the configuration, files, locks, waiting."""
