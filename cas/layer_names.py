"""What is said of a layer that there is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cas.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterable


def no_such_layer(name: str, known: Iterable[str], *, are_refs: bool = False) -> NotFoundError:
    """Build the error for a layer that is none of `known`; suggests the nearest.

    Args:
        name: What was asked for.
        known: The layers that it might have been.
        are_refs: Whether those are the layers of refs only, because versions were asked for.
    """
    from difflib import get_close_matches  # noqa: PLC0415 - 3 ms that only an error needs

    names = list(known)
    near = get_close_matches(name, names, n=1)
    whose = "the layers that hold versions are" if are_refs else "the layers are"
    return NotFoundError(
        f"cannot find layer '{name}'",
        code="no-such-layer",
        why=f"{whose} {', '.join(repr(one) for one in names)}",
        hint=f"did you mean '{near[0]}'?" if near else "run `cas layer list`",
    )
