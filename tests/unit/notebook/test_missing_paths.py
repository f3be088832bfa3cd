"""A path that an image does not have is told with what lies nearest."""

from __future__ import annotations

from pathlib import Path

import pytest

from labkit.archives import ImageTree, TreeEntry
from labkit.base.errors import Misuse
from labkit.course.progress import Progress
from labkit.notebook.lesson import Lesson
from labkit.notebook.missing_paths import no_such_path
from tests.unit.notebook.paper import opened, paper_engine

_TREE = ImageTree(
    [
        [
            *(TreeEntry(path, "folder") for path in ("/app", "/app/data", "/empty", "/many")),
            TreeEntry("/app/aspnetapp", "file"),
            TreeEntry("/bin", "link", target="/app"),
            TreeEntry("/nowhere", "link", target="/not-there"),
            *(TreeEntry(f"/many/{number:02}", "file") for number in range(25)),
        ]
    ]
)


@pytest.mark.parametrize(
    ("path", "came_back", "remedy"),
    [
        ("/dta", "there is no dta in /, which has app, bin, empty, many, nowhere", "take one that is there"),
        ("/ap", "there is no ap in /", "did you mean /app?"),
        ("app/dat", "there is no dat in /app, which has aspnetapp, data", "did you mean /app/data?"),
        ("/app/dta/notes", "there is no dta in /app", "did you mean /app/data?"),
        ("/bin/aspnetap", "there is no aspnetap in /bin, which has aspnetapp, data", "did you mean /bin/aspnetapp?"),
        ("/empty/x", "there is no x in /empty, which has nothing in it", "take one that is there"),
        ("/many/x", "05, 06, 07, 08, 09, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, and 5 more", "take one that is there"),
        ("/app/aspnetapp/x", "/app/aspnetapp is not a folder", "leave out what follows /app/aspnetapp"),
        ("/nowhere/x", "/nowhere is a link to what is not there", "leave out what follows nowhere"),
    ],
)
def test_what_lies_nearest_is_named(path: str, came_back: str, remedy: str) -> None:
    error = no_such_path("notes", path, _TREE)
    assert came_back in error.came_back
    assert error.remedy == remedy


def test_a_lesson_says_so_of_an_image_that_cannot_be_read_either(tmp_path: Path) -> None:
    lab = Lesson(opened(tmp_path, paper_engine(image=None)), Progress(tmp_path / "progress.json"))
    with pytest.raises(Misuse, match="Looking for '/dta' in the image debian: there is nothing at that path"):
        lab.file("debian", "/dta")
