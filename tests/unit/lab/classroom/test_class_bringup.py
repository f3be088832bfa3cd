"""What the wishes leave open, the trials decide; what they contradict is said before anything is made."""

from __future__ import annotations

import pytest

from labkit.base.errors import LabFailed, Misuse
from labkit.lab.classroom.class_bringup import ClassWishes, _keys, _settled, planned_settings
from labkit.lab.classroom.class_keys import ClassKeys
from labkit.lab.classroom.class_placement import PlacedImages
from labkit.lab.classroom.class_trials import ClusterTrial, ClusterTrials

NO = ClusterTrial(False, "cannot clone: Operation not permitted")
YES = ClusterTrial(True, "podman version 5.4.2")
IMAGES = PlacedImages("hub", "participant", "engine", "registry.example/labkit")


def settled(wished: str, engine: ClusterTrial) -> tuple[str, tuple[str, ...]]:
    wishes = ClassWishes(engine=wished)
    settings, remarks = _settled(planned_settings(wishes, IMAGES), wishes, ClusterTrials(YES, YES, engine), "paper")
    return settings.engine, remarks


def test_the_trial_decides_which_engine_there_is_and_it_is_said() -> None:
    assert settled("auto", YES) == ("podman", ("each participant has an engine of their own: podman version 5.4.2",))
    engine, remarks = settled("auto", NO)
    assert engine == "none"
    assert remarks == (f"no engine beside the participants' servers: {NO.message}",)
    assert settled("none", YES) == ("none", ("no engine beside the participants' servers: as you asked",))


def test_an_engine_that_is_insisted_on_and_cannot_be_is_an_error_in_its_own_words() -> None:
    with pytest.raises(LabFailed, match="Operation not permitted") as caught:
        settled("podman", NO)
    assert "--engine auto" in caught.value.remedy


@pytest.mark.parametrize(
    "wishes",
    [
        {"engine_image": "e"},
        {"engine": "podman", "hub_image": "h", "participant_image": "p"},
        {"engine": "none", "hub_image": "h", "participant_image": "p", "engine_image": "e"},
    ],
)
def test_images_that_do_not_fit_the_engine(wishes: dict[str, str]) -> None:
    with pytest.raises(Misuse, match=r"engine|podman"):
        ClassWishes(**wishes)  # type: ignore[arg-type]


def test_how_long_an_idle_server_stays_is_the_instructors_choice() -> None:
    assert planned_settings(ClassWishes(idle_minutes=0)).idle_minutes == 0
    assert planned_settings(ClassWishes()).idle_minutes == 60


@pytest.mark.parametrize(("given", "kept"), [(None, "old"), ("new", "new"), ("", "")])
def test_settings_for_the_hub_stay_until_others_are_given_and_have_nothing_to_do_with_the_code(
    given: str | None, kept: str
) -> None:
    there = ClassKeys("c", "p", "tarozi-kemupa", "t", "old")
    assert _keys(there, ClassWishes(), given) == ClassKeys("c", "p", "tarozi-kemupa", "t", kept)
    other = _keys(there, ClassWishes(new_code=True), given)
    assert (other.class_code != there.class_code, other.hub_settings) == (True, kept)
    assert _keys(None, ClassWishes(), given).hub_settings == (given or "")
