"""Built-in pre-hooks that a line in `config.yaml` switches on."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from cas.hooks.dispatch import refusal
from cas.hooks.specs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cas.hooks.events import PreCommit


@dataclass(frozen=True, slots=True, eq=False)  # pluggy keeps plug-ins in sets
class RequiredProperties:
    """No version without the properties that its name calls for."""

    required: Mapping[str, tuple[str, ...]]
    """Pattern of names → properties; all patterns that match count, and `*` matches `/` too."""

    @hookimpl(tryfirst=True)
    def pre_commit(self, event: PreCommit) -> None:
        """Refuse a version that lacks one."""
        for pattern, keys in self.required.items():
            missing = [key for key in keys if key not in event.properties]
            if missing and fnmatchcase(event.subject.name, pattern):
                raise refusal(
                    event,
                    f"names like '{pattern}' need the {_counted(missing)}",
                    hint=f"add {' '.join(f'-p {key}=…' for key in missing)}",
                )


@dataclass(frozen=True, slots=True, eq=False)  # pluggy keeps plug-ins in sets
class SizeLimit:
    """No version larger than a limit."""

    limit: int
    """Bytes, before deduplication and compression."""

    @hookimpl(tryfirst=True)
    def pre_commit(self, event: PreCommit) -> None:
        """Refuse a version that is larger."""
        if event.size > self.limit:
            raise refusal(event, f"it has {event.size:,} bytes, and the limit is {self.limit:,}")


def _counted(keys: list[str]) -> str:
    noun = "property" if len(keys) == 1 else "properties"
    return f"{noun} {', '.join(map(repr, keys))}"
