"""The cards of known ways out of a container: what they say, what a version means, how they look."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.base.errors import Misuse
from labkit.threat.cve_cards import card_table, cards_table
from labkit.threat.cves import CARDS, Card, CardVerdict, MachineVersions, Where, check, find_card

FIXED, AFFECTED, NOT_HERE, UNKNOWN = CardVerdict
RUNC, LEAKY = CARDS["CVE-2019-5736"], CARDS["CVE-2024-21626"]
AGENT, OPTION, PIPE = CARDS["CVE-2022-0492"], CARDS["CVE-2022-0185"], CARDS["CVE-2022-0847"]
LARGE, LONG = CARDS["CVE-2024-40635"], CARDS["CVE-2026-46680"]

cards = st.sampled_from(list(CARDS.values()))
numbers = st.integers(0, 400)
versions = st.builds("{}.{}.{}".format, st.integers(0, 8), numbers, numbers)
suffixes = st.sampled_from(
    ["+ds1-1+deb12u1", "~ds1", "-18-amd64", "-0ubuntu3.1", "+dev", " (no commit named)", ".el8", "-fc", "+unknown"]
) | st.from_regex(r"[-+~_ ][a-z0-9.+~-]{1,12}", fullmatch=True).filter(
    lambda text: not re.search("alpha|beta|rc", text)
)
texts = st.text() | versions | st.builds("{}{}".format, versions, suffixes)


def machine_with(text: str | None) -> MachineVersions:
    """A machine of which all versions are the same text, and no setting is known."""
    return MachineVersions(kernel=text, engine_runc=text, engine_containerd=text, node_runc=text, node_containerd=text)


def verdict_of(card: Card, text: str) -> CardVerdict:
    """What a version alone means, the same wherever it is found."""
    (verdict,) = {finding.verdict for finding in check(card, machine_with(text))}
    return verdict


def test_there_are_these_cards() -> None:
    assert list(CARDS) == [
        *("CVE-2019-5736", "CVE-2024-21626", "CVE-2022-0492", "CVE-2022-0185", "CVE-2022-0847"),
        *("CVE-2024-40635", "CVE-2026-46680"),
    ]


@pytest.mark.parametrize("card", CARDS.values(), ids=lambda card: card.name)
def test_a_card_is_whole(card: Card) -> None:
    may_be_empty = {"since", "at_engine", "not_here"}
    assert all(value for name, value in asdict(card).items() if name not in may_be_empty)
    assert card.non_root in ("yes", "partly", "no")
    assert card.component in ("runc", "containerd", "kernel")
    assert json.loads(json.dumps(card.to_dict()))["name"] == card.name
    if card.not_here:
        assert card.not_here.fact in asdict(MachineVersions())


@pytest.mark.parametrize("card", CARDS.values(), ids=lambda card: card.name)
def test_a_fixed_release_is_fixed(card: Card) -> None:
    assert {verdict_of(card, text) for text in card.fixed} == {FIXED}
    assert {verdict_of(card, f"v{text}") for text in card.fixed} == {FIXED}


def test_only_what_defeats_non_root_or_needs_no_root_is_not_stopped_by_it() -> None:
    assert {name: card.non_root for name, card in CARDS.items()} == {
        "CVE-2019-5736": "yes",
        "CVE-2024-21626": "no",
        "CVE-2022-0492": "partly",
        "CVE-2022-0185": "no",
        "CVE-2022-0847": "no",
        "CVE-2024-40635": "no",
        "CVE-2026-46680": "no",
    }


@pytest.mark.parametrize(
    ("card", "text", "verdict"),
    [
        (RUNC, "1.0.0-rc6", AFFECTED),
        (RUNC, "1.0.0-rc10", FIXED),
        (RUNC, "1.0.0-rc6+dev", UNKNOWN),
        (RUNC, "1.0.0~rc6+dfsg1-3", UNKNOWN),
        (RUNC, "1.1.5+ds1-1+deb12u1", FIXED),
        (RUNC, "0.1.1", AFFECTED),
        (LEAKY, "1.1.12-0ubuntu3.1", FIXED),
        (LEAKY, "1.1.12~ds1", FIXED),
        (LEAKY, "1.1.12~git20240101", UNKNOWN),
        (LEAKY, "1.1.12-dev", UNKNOWN),
        (LEAKY, "1.1.12-rc.1", UNKNOWN),
        (LEAKY, "1.1.5+ds1-1+deb12u1", UNKNOWN),
        (LEAKY, "1.1.5 (no commit named)", UNKNOWN),
        (LEAKY, "1.1.5", AFFECTED),
        (LEAKY, "1.0.3", AFFECTED),
        (LEAKY, "1.0.0-rc93", AFFECTED),
        (LEAKY, "1.0.0-rc92", NOT_HERE),
        (LEAKY, "1.2.0-rc.1", FIXED),
        (LEAKY, "1.4.3", FIXED),
        (OPTION, "6.18.44-fc-v669", FIXED),
        (OPTION, "5.17.0-rc1", FIXED),
        (OPTION, "5.16.1", AFFECTED),
        (OPTION, "5.16.2-rc1", UNKNOWN),
        (OPTION, "5.13.0", AFFECTED),
        (OPTION, "5.15.0-91-generic", UNKNOWN),
        (OPTION, "5.10.0-28-amd64", UNKNOWN),
        (OPTION, "5.0.21", NOT_HERE),
        (OPTION, "4.18.0-348.el8.x86_64", UNKNOWN),
        (AGENT, "5.17.0-rc2", AFFECTED),
        (AGENT, "5.17.0-rc3", FIXED),
        (AGENT, "5.17.0", FIXED),
        (PIPE, "5.10.102.1-microsoft-standard-WSL2", FIXED),
        (PIPE, "5.10.101", AFFECTED),
        (PIPE, "5.7.19", NOT_HERE),
        (LARGE, "1.7.24~ds1-6+deb13u1", UNKNOWN),
        (LARGE, "v1.7.26", AFFECTED),
        (LARGE, "2.1.0", FIXED),
        (LONG, "v2.1.7", AFFECTED),
        (LONG, "v2.1.8", FIXED),
        (LONG, "1.6.39", AFFECTED),
        (LONG, "2.3.4+unknown", FIXED),
        (LONG, "N/A", UNKNOWN),
        (LONG, "", UNKNOWN),
    ],
)
def test_what_a_version_means(card: Card, text: str, verdict: CardVerdict) -> None:
    assert verdict_of(card, text) is verdict


def test_the_reason_says_that_distributions_backport_fixes() -> None:
    (engine, _) = check(LEAKY, MachineVersions(engine_runc="1.1.5+ds1-1+deb12u1"))
    assert engine.reason == (
        "runc 1.1.5+ds1-1+deb12u1 is lower than 1.1.12, which fixed it; "
        "but distributions backport fixes without changing the number: ask yours"
    )


def test_engine_and_node_are_told_apart() -> None:
    engine, node = check(LONG, MachineVersions(engine_containerd="v2.2.3", node_containerd="2.3.4"))
    assert (engine.where, engine.verdict, node.where, node.verdict) == (Where.ENGINE, AFFECTED, Where.NODE, FIXED)
    assert "The engine looks users up itself" in engine.reason
    assert "The engine" not in node.reason
    assert engine.to_dict()["where"] == "engine"


@pytest.mark.parametrize(
    ("card", "machine", "verdict"),
    [
        (AGENT, MachineVersions("5.15.0", cgroup_version=2), NOT_HERE),
        (AGENT, MachineVersions(cgroup_version=2), NOT_HERE),
        (AGENT, MachineVersions("5.15.0", cgroup_version=1), AFFECTED),
        (AGENT, MachineVersions("5.15.0"), AFFECTED),
        (AGENT, MachineVersions("6.1.0", cgroup_version=2), FIXED),
        (OPTION, MachineVersions("5.15.0-91-generic", max_user_namespaces=0), NOT_HERE),
        (OPTION, MachineVersions("5.15.0-91-generic", max_user_namespaces=63000), UNKNOWN),
        (PIPE, MachineVersions("5.15.0", cgroup_version=2, max_user_namespaces=0), AFFECTED),
    ],
)
def test_a_setting_excludes(card: Card, machine: MachineVersions, verdict: CardVerdict) -> None:
    (finding,) = check(card, machine)
    assert (finding.card, finding.where, finding.verdict) == (card.name, Where.KERNEL, verdict)


@pytest.mark.parametrize("card", CARDS.values(), ids=lambda card: card.name)
def test_of_an_unknown_machine_nothing_is_known(card: Card) -> None:
    findings = check(card, MachineVersions())
    assert {finding.verdict for finding in findings} == {UNKNOWN}
    assert all("is not known" in finding.reason for finding in findings)


@given(cards, st.data())
def test_what_is_fixed_stays_fixed(card: Card, data: st.DataObject) -> None:
    branch = data.draw(st.sampled_from([text.split("-")[0].split(".")[:2] for text in card.fixed]))
    patch, more = data.draw(numbers), data.draw(st.integers(1, 400))
    low, high = (verdict_of(card, f"{'.'.join(branch)}.{number}") for number in (patch, patch + more))
    assert low is not FIXED or high is FIXED


@given(cards, versions, suffixes)
def test_a_suffix_never_makes_affected(card: Card, text: str, suffix: str) -> None:
    plain, marked = verdict_of(card, text), verdict_of(card, text + suffix)
    assert marked is not AFFECTED
    assert marked in (FIXED, UNKNOWN)
    assert plain is FIXED or marked is UNKNOWN


@given(cards, versions)
def test_a_plain_number_is_always_judged(card: Card, text: str) -> None:
    assert verdict_of(card, text) is not UNKNOWN


@given(cards, texts, st.none() | st.integers(0, 3), st.none() | st.integers(0, 3))
def test_any_text_is_answered(card: Card, text: str, cgroup: int | None, namespaces: int | None) -> None:
    machine = replace(machine_with(text), cgroup_version=cgroup, max_user_namespaces=namespaces)
    findings = check(card, machine)
    assert all(finding.reason for finding in findings)
    assert str(card_table(card, findings))


def test_a_card_is_found_by_its_number() -> None:
    assert find_card("cve-2022-0847") is PIPE


@pytest.mark.parametrize(
    ("name", "remedy"), [("CVE-2022-0846", "did you mean CVE-2022-0847?"), ("?", "there are CVE-")]
)
def test_a_card_that_is_not_there(name: str, remedy: str) -> None:
    with pytest.raises(Misuse) as caught:
        find_card(name)
    assert caught.value.remedy.startswith(remedy)


def test_all_cards_in_a_table() -> None:
    table = cards_table([finding for card in CARDS.values() for finding in check(card, machine_with("1.1.5"))])
    assert [str(row[0]).splitlines()[0] for row in table.rows] == list(CARDS)
    assert table.rows[0][2:] == ("yes", "engine: fixed\nnode: fixed")
    assert table.rows[1][3] == "engine: affected\nnode: affected"
    assert {row[3] for row in cards_table().rows} == {"not looked at"}


def test_one_card_in_a_table() -> None:
    others = check(PIPE, machine_with("5.10.0"))
    table = card_table(LEAKY, [*others, *check(LEAKY, MachineVersions(node_runc="1.4.3"))])
    rows = {str(label): text for label, text in table.rows}
    assert rows["here, engine"] == "unknown: the version of runc is not known"
    assert str(rows["here, node"]).startswith("fixed: runc 1.4.3")
    assert "here, kernel" not in rows
    assert rows["fixed in"] == "1.1.12"
    assert str(rows["would non-root have stopped it"]).startswith("no. ")
