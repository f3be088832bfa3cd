"""Bundles: one file with all that a machine needs to bring the lab up without a network."""
