"""What the lessons' statements stand on, and which of them age."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from labkit.cli import main
from labkit.course.claims import aging_claims, claims_of, claims_table


def _cell(*claims: dict[str, Any]) -> dict[str, Any]:
    source = ["It is **so**, they say. It was not.\n", "It will be."]
    return {"id": "00-01", "source": source, "metadata": {"labkit": {"claims": list(claims)}}}


def test_a_claim_is_for_one_statement_or_for_several() -> None:
    (claim,) = claims_of(_cell({"says": ["It is", "It was"], "shown_by": "00-02", "tested_by": ["tests/a.py"]}))
    assert claim.beginnings == ("It is", "It was")
    assert claim.cells == ("00-02",)
    assert claim.tests == ("tests/a.py",)
    assert claims_of({"metadata": {}}) == []


@pytest.mark.parametrize(
    ("claim", "problem"),
    [
        ({"says": "It is"}, "stands on nothing"),
        ({"says": "It is", "source": "a page"}, "a source has a date"),
        ({"says": "It is", "shown_by": "00-02", "date": "2026-11"}, "a source has a date"),
        ({"says": "It is", "shown_by": "00-02", "ages": True}, "no source to look at again"),
        ({"says": "It is", "source": "a page", "date": "2026-13"}, "date"),
        ({"says": "It is", "source": "a page", "date": "November"}, "date"),
        ({"says": "It is", "shown": "00-02"}, "shown"),
        ({"shown_by": "00-02"}, "says"),
    ],
)
def test_what_is_no_claim_is_refused(claim: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        claims_of(_cell(claim))


def test_what_ages_is_listed_oldest_first(tmp_path: Path) -> None:
    claims: list[dict[str, Any]] = [
        {"says": ["It is", "It was"], "source": "a page", "date": "2026-11-24", "ages": True},
        {"says": "It will be", "source": "another", "date": "2026-08", "ages": True},
        {"says": "It stays", "source": "a man page", "date": "2026-08"},
    ]
    (tmp_path / "00-start-here.ipynb").write_text(json.dumps({"cells": [_cell(*claims)]}), encoding="utf-8")
    aging = aging_claims(tmp_path)
    assert [(claim["date"], claim["says"]) for claim in aging] == [
        ("2026-08", "It will be."),
        ("2026-11-24", "It is so, they say."),
        ("2026-11-24", "It was not."),
    ]
    text = claims_table(aging).text(80)
    assert "It will be" in text and max(map(len, text.splitlines())) <= 80


def test_the_command_lists_them() -> None:
    done = CliRunner().invoke(main, ["lessons", "--claims", "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.output) == aging_claims()
    assert "What may have changed" in CliRunner().invoke(main, ["lessons", "--claims"]).output
