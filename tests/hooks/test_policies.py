"""The built-in policies: what a line in `config.yaml` forbids."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cas.errors import HookRefusedError
from cas.hooks import Hooks, PreCommit, Subject
from cas.hooks.policies import RequiredProperties, SizeLimit
from tests.hooks.samples import PRE_COMMIT, VERSION


def commit(name: str, *keys: str, size: int = 1) -> PreCommit:
    """A commit of `name` with these properties."""
    return replace(
        PRE_COMMIT, subject=Subject("main", name, VERSION), properties=dict.fromkeys(keys, 0), size=size
    )


def ask(policy: object, event: PreCommit) -> HookRefusedError | None:
    """What the policy says to a commit."""
    try:
        Hooks(built_in={"policy": policy}, installed=False).pre_commit(event)
    except HookRefusedError as error:
        return error
    return None


REQUIRED = RequiredProperties({"osm/*": ("region", "date"), "*roads": ("source",), "*": ()})


@pytest.mark.parametrize(
    ("name", "keys", "missing"),
    [
        ("osm/lakes", ("region", "date"), None),
        ("osm/lakes", ("region",), "names like 'osm/*' need the property 'date'"),
        ("osm/a/b", (), "names like 'osm/*' need the properties 'region', 'date'"),
        ("osm/roads", ("region", "date"), "names like '*roads' need the property 'source'"),
        ("osm/roads", ("region", "date", "source"), None),
        ("OSM/lakes", (), None),
        ("osm", (), None),
    ],
)
def test_names_call_for_properties(name: str, keys: tuple[str, ...], missing: str | None) -> None:
    """All patterns that match count, `*` goes through `/`, and case matters."""
    error = ask(REQUIRED, commit(name, *keys))

    assert missing == (error.why if error is not None else None)


def test_the_hint_can_be_pasted() -> None:
    """It is the option that was forgotten."""
    error = ask(REQUIRED, commit("osm/lakes"))

    assert error is not None
    assert ("hook-refused", "add -p region=… -p date=…") == (error.code, error.hint)


@pytest.mark.parametrize(("size", "is_allowed"), [(0, True), (1000, True), (1001, False)])
def test_a_limit_is_the_largest_that_is_allowed(size: int, is_allowed: bool) -> None:
    """Both numbers are in the message."""
    error = ask(SizeLimit(1000), commit("roads", size=size))

    assert is_allowed == (error is None)
    if error is not None:
        assert error.why == "it has 1,001 bytes, and the limit is 1,000"
