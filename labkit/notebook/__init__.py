"""What a notebook does: run, inspect, make pods, each in the lesson's own namespace."""

from labkit.notebook.lesson import Lesson
from labkit.notebook.lesson_pods import MANIFESTS
from labkit.notebook.opening import diagnose, open_lesson, progress_of_mine, reset_lessons

__all__ = ["MANIFESTS", "Lesson", "diagnose", "open_lesson", "progress_of_mine", "reset_lessons"]
