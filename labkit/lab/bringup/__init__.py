"""Bringing the lab up: a schedule of steps, what runs it, how far it is, and following it from another process."""
