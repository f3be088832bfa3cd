"""Commands about the course."""

from __future__ import annotations

from labkit.cli.frame import command, json_option, main, print_result


@main.command()
@json_option
@command
def lessons(as_json: bool) -> None:
    """List the lessons, with their minutes and the claims of the article that each shows."""
    from labkit.course import lessons as course
    from labkit.show.views import lessons_table

    found = course.lessons()
    print_result(as_json, found, lessons_table(found))
