"""What the hub's pages and the spawner share: the class's settings and secrets, who is in it, what they share."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from classhub.roster import Roster
from classhub.shared_documents import SharedDocuments
from classhub.sign_in import SignIn
from labkit.instructor.flood_limits import Pace
from labkit.lab.classroom.class_settings import (
    SECRETS_FOLDER,
    SETTINGS_FOLDER,
    STATE_FOLDER,
    ClassSettings,
    new_participant,
)


@dataclass
class HubDesk:
    """All of it.

    Args:
        settings: of the class.
        secrets: file name -> content, as `ClassKeys.files` gives them.
        state: the folder of the hub's volume.
        shares: how often a participant may send.
        wrong: how often a neighbourhood may have the wrong token for the records.
    """

    settings: ClassSettings
    secrets: dict[str, str]
    state: Path
    shares: Pace = field(default_factory=lambda: Pace(1.0, 10))
    wrong: Pace = field(default_factory=lambda: Pace(0.2, 20))

    def __post_init__(self) -> None:
        self.roster = Roster(self.state / "roster.json", new_participant, self.settings.prepared)
        # Its own use of the cookies' secret, which outlives the hub's database.
        key = hashlib.sha256(b"labkit return codes" + self.secrets["cookie-secret"].encode()).digest()
        self.sign_in = SignIn(self.roster, self.secrets["class-code"], self.secrets["instructor-token"], key)
        self.shared = SharedDocuments()

    @classmethod
    def read(cls, settings: Path, secrets: Path, state: Path) -> HubDesk:
        """The desk of the files in three folders.

        Raises:
            OSError: one is missing.
            Misuse: the settings are none.
        """
        files = ("cookie-secret", "proxy-token", "class-code", "instructor-token")
        contents = {name: (secrets / name).read_text(encoding="utf-8").strip() for name in files}
        return cls(ClassSettings.from_json((settings / "settings.json").read_bytes()), contents, state)


@cache
def the_desk() -> HubDesk:
    """The one of this hub, from where a pod has the files."""
    return HubDesk.read(Path(SETTINGS_FOLDER), Path(SECRETS_FOLDER), Path(STATE_FOLDER))
