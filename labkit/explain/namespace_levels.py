"""What namespaces enforce of Pod Security: as said on the command line, or by a Namespace in the same files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from labkit.base.errors import Misuse
from labkit.core.admission.policy import LEVELS, Policy


@dataclass(frozen=True)
class NamespaceLevels:
    """What is said of namespaces.

    Args:
        default: what a namespace enforces of which nothing else is known, None if that is not known either.
        by_name: what namespaces enforce, whatever a Namespace in the files says.
    """

    default: Policy | None = None
    by_name: Mapping[str, Policy] = field(default_factory=dict)

    @classmethod
    def parse(cls, texts: Iterable[str]) -> NamespaceLevels:
        """Read LEVEL or NAMESPACE=LEVEL, each with a version behind it or not: restricted:v1.30.

        Raises:
            Misuse: one is none of these.
        """
        default, by_name = None, {}
        for text in texts:
            name, equals, level = text.rpartition("=")
            policy = Policy.parse(level)
            if policy is None or bool(name) != bool(equals):
                raise Misuse(
                    f"Reading --namespace-level {text!r}",
                    f"it is not LEVEL or NAMESPACE=LEVEL, with one of {', '.join(LEVELS)}",
                    "for example\n  --namespace-level shop=restricted\n  --namespace-level baseline:v1.30",
                )
            if name:
                by_name[name] = policy
            else:
                default = policy
        return cls(default, by_name)

    def policy(self, namespace: str, declared: Mapping[str, Policy]) -> Policy | None:
        """What a namespace enforces, None if that is not known.

        Args:
            namespace: its name.
            declared: what the Namespaces in the files say.
        """
        return self.by_name.get(namespace) or declared.get(namespace) or self.default
