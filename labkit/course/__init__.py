"""The course: its lessons and what they show."""
