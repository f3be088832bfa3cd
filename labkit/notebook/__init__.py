"""What a notebook does: run, inspect, make pods, each in the lesson's own namespace."""

from labkit.notebook.lesson import Lesson
from labkit.notebook.lesson_pods import MANIFESTS
from labkit.notebook.opening import diagnose, my_hand, open_lesson, progress_of_mine, reset_lessons

__all__ = ["MANIFESTS", "Lesson", "diagnose", "my_hand", "open_lesson", "progress_of_mine", "reset_lessons"]
