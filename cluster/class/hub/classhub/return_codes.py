"""The personal code by which a participant comes back from another browser. Pure.

It is made of the participant's id and a tag that only the hub can make (HMAC), so that nothing need be kept, and a lost
database loses nobody their way back.
"""

from __future__ import annotations

import hashlib
import hmac
import re

_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"  # Nothing that looks like something else on a screen.
_TAG_BITS = 48
"""With the hub's limit of tries nobody guesses a tag for an id; and one is right for one id alone."""

_ID_BITS = 24
_LENGTH = 15  # 31**15 is more than 72 bits.
_GROUP = 5
_PARTICIPANT = re.compile(r"p-([0-9a-f]{6})")


def return_code(key: bytes, participant: str) -> str:
    """A participant's code, such as k7fq2-9xwhm-3tbze.

    Args:
        key: the hub's own; nobody else knows it.
        participant: the id.

    Raises:
        ValueError: it is no participant's id.
    """
    match = _PARTICIPANT.fullmatch(participant)
    if match is None:
        raise ValueError(f"{participant!r} is no participant's id")
    identifier = int(match[1], 16)
    # The id lies under a pad of the tag's, so that codes of neighbours do not look alike.
    number = (_tag(key, identifier) << _ID_BITS) | (identifier ^ _pad(key, _tag(key, identifier)))
    digits = []
    for _ in range(_LENGTH):
        number, digit = divmod(number, len(_ALPHABET))
        digits.append(_ALPHABET[digit])
    text = "".join(reversed(digits))
    return "-".join(text[start : start + _GROUP] for start in range(0, _LENGTH, _GROUP))


def participant_of(key: bytes, typed: str) -> str | None:
    """Whose code it is; None if it is nobody's.

    Args:
        key: the hub's own.
        typed: what somebody typed, in any case, with or without what stands between the groups.
    """
    text = re.sub(r"[\s-]+", "", typed[:100]).lower()
    if len(text) != _LENGTH or not set(text) <= set(_ALPHABET):
        return None
    number = 0
    for character in text:
        number = number * len(_ALPHABET) + _ALPHABET.index(character)
    tag, masked = number >> _ID_BITS, number & (1 << _ID_BITS) - 1
    if tag >= 1 << _TAG_BITS:
        return None
    identifier = masked ^ _pad(key, tag)
    expected = _tag(key, identifier).to_bytes(_TAG_BITS // 8, "big")
    return f"p-{identifier:06x}" if hmac.compare_digest(expected, tag.to_bytes(_TAG_BITS // 8, "big")) else None


def _tag(key: bytes, identifier: int) -> int:
    return _bits(key, b"return code" + identifier.to_bytes(_ID_BITS // 8, "big"), _TAG_BITS)


def _pad(key: bytes, tag: int) -> int:
    return _bits(key, b"return pad" + tag.to_bytes(_TAG_BITS // 8, "big"), _ID_BITS)


def _bits(key: bytes, message: bytes, bits: int) -> int:
    return int.from_bytes(hmac.digest(key, message, hashlib.sha256)[: bits // 8], "big")
