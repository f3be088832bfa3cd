"""This machine: what it is, what it lacks (the doctor), and adding and starting the engine."""
