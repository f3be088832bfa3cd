"""Names of images, tags and registries, as the SDK's publishing reads them.

PURE. Source: dotnet/sdk:src/Containers/Microsoft.NET.Build.Containers/ReferenceParser.cs and ContainerHelpers.cs;
the grammar is distribution/reference's, with a domain that needs a dot unless it is localhost.
"""

from __future__ import annotations

import re

from labkit.publish.rules.messages import Refused

_ATOM = r"[a-z0-9]+"
_COMPONENT = rf"{_ATOM}(?:(?:[._]|__|[-]*){_ATOM})*"
_PATH = rf"{_COMPONENT}(?:/{_COMPONENT})*"
_LABEL = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_DOMAIN = rf"(?:{_LABEL}(?:\.{_LABEL})+|\[[a-fA-F0-9:]+\]|localhost)(?::[0-9]+)?"
_TAG = r"\w[\w.-]{0,127}"
_NAME = re.compile(rf"(?:(?P<registry>{_DOMAIN})/)?(?P<repository>{_PATH})")
_REFERENCE = re.compile(
    rf"(?P<name>(?:{_DOMAIN}/)?{_PATH})(?::(?P<tag>{_TAG}))?(?:@(?P<digest>[a-z0-9]+(?:[+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+))?"
)
_TAG_RULE = "must be alphanumeric, underscore, hyphen, or period"


def check_registry(name: str) -> None:
    """Refuse what is not a registry's name.

    Raises:
        Refused: it is none.
    """
    if not re.fullmatch(_DOMAIN, name):
        raise Refused("CONTAINER2012", f"could not recognize registry {name!r}")


def is_tag(text: str) -> bool:
    """Whether this may be a tag."""
    return re.fullmatch(_TAG, text) is not None


def bad_tag(name: str, text: str) -> str:
    """What is wrong with a tag, as a sentence."""
    return f"invalid {name} provided: {text}. Image tags {_TAG_RULE}"


def check_base(reference: str) -> None:
    """Refuse what is not an image's reference.

    Raises:
        Refused: it is none.
    """
    match = _REFERENCE.fullmatch(reference)
    if match is None or not _NAME.fullmatch(match["name"]):
        raise Refused("CONTAINER2009", f"could not parse the base image's name: {reference}")


def normal_repository(name: str) -> str:
    """A repository's name with what a name may not have made lower case or a dash.

    Raises:
        Refused: its first character is none that a name may begin with, or nothing of it can stay.
    """
    if _NAME.fullmatch(name):
        return name
    if not re.match(r"[a-zA-Z0-9]", name):
        raise Refused(
            "CONTAINER2005",
            f"the first character of the image name {name!r} must be a lowercase letter or a digit and all characters "
            "must be an alphanumeric character, -, /, or _",
        )
    if not re.search(r"[a-z0-9_/-]", name):
        raise Refused("CONTAINER2005", f"no character of the image name {name!r} may be in such a name")
    return re.sub(r"[^a-z0-9_/-]", "-", re.sub(r"[A-Z]", lambda letter: letter.group().lower(), name))
