"""The secrets of a class on a cluster: made once, by the instructor's machine. Pure but for the system's randomness."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Self

_CONSONANTS = "bdfghjklmnprstvwz"
_VOWELS = "aeiou"
HUB_SETTINGS_FILE = "hub-settings.py"
_SYLLABLES = 6
"""Six of 85 syllables are 38 bits: with the hub's limit of tries, guessing takes longer than any class."""


@dataclass(frozen=True)
class ClassKeys:
    """Who may do what.

    Args:
        cookie_secret: signs the hub's cookies; 32 bytes as hexadecimal digits.
        proxy_token: lets the hub tell the proxy its routes.
        class_code: lets a participant in; shown to the class.
        instructor_token: opens the instructor's page; the instructor's alone.
        hub_settings: JupyterHub settings of the instructor's, in Python; another sign-in has its secrets there.
    """

    cookie_secret: str
    proxy_token: str
    class_code: str
    instructor_token: str
    hub_settings: str = ""

    @classmethod
    def generate(cls) -> Self:
        """New ones."""
        return cls(secrets.token_hex(32), secrets.token_hex(32), new_class_code(), secrets.token_urlsafe(24))

    def files(self) -> dict[str, str]:
        """File name -> content, as the hub finds them."""
        return {
            "cookie-secret": self.cookie_secret,
            "proxy-token": self.proxy_token,
            "class-code": self.class_code,
            "instructor-token": self.instructor_token,
            HUB_SETTINGS_FILE: self.hub_settings,
        }


def new_class_code() -> str:
    """A code that can be said aloud and typed from a screen, such as tarozi-kemupa."""
    syllables = [secrets.choice(_CONSONANTS) + secrets.choice(_VOWELS) for _ in range(_SYLLABLES)]
    return "".join(syllables[: _SYLLABLES // 2]) + "-" + "".join(syllables[_SYLLABLES // 2 :])
