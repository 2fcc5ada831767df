"""The section `hooks` of `config.yaml`: defaults, units, and mistakes that are named."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from cas import config, hook_settings
from cas.config import Config
from cas.errors import InvalidError
from cas.hook_settings import HookSettings
from cas.layout import Layout
from cas.yaml_values import Value

if TYPE_CHECKING:
    from pathlib import Path

ID = "6f1c7f0e-4b0a-4a64-9b55-0d8f7e6a5b4c"


def settings() -> st.SearchStrategy[HookSettings]:
    """Draw settings."""
    words = st.text("ab*/é ", min_size=1, max_size=5)
    return st.tuples(
        st.floats(0.001, 604800),
        st.dictionaries(words, st.lists(words, max_size=3).map(tuple), max_size=3),
        st.none() | st.integers(0, 2**60),
        st.booleans(),
    ).map(lambda drawn: HookSettings(*drawn))


@given(written=settings())
def test_what_is_saved_is_loaded(written: HookSettings, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whoever rewrites `config.yaml` keeps the policies."""
    layout = Layout(tmp_path_factory.mktemp("config"))

    config.save(layout, Config(ID, hooks=written))

    assert written == config.load(layout).hooks


def read(text: str) -> HookSettings:
    """Read the text of a section."""
    return hook_settings.read(Value.parse(text.encode()))


def test_without_the_section_nothing_is_switched_on(tmp_path: Path) -> None:
    """Policies are asked for; and a new file has no section, so that there is nothing to read past."""
    layout = Layout(tmp_path)
    config.save(layout, Config(ID))

    assert "hooks" not in yaml.safe_load(layout.config.read_text())
    assert HookSettings(60.0, {}, None, has_audit_log=False) == config.load(layout).hooks
    assert HookSettings() == hook_settings.read(None) == read("{}") == read("timeout:\n")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("timeout: 5", HookSettings(timeout_s=5.0)),
        ("timeout: 0.5", HookSettings(timeout_s=0.5)),
        ("size_limit: 0", HookSettings(size_limit=0)),
        ("size_limit: 123", HookSettings(size_limit=123)),
        ("size_limit: 123 B", HookSettings(size_limit=123)),
        ("size_limit: 10KiB", HookSettings(size_limit=10 * 1024)),
        ("size_limit: 3 GiB", HookSettings(size_limit=3 * 1024**3)),
        ("audit_log: true", HookSettings(has_audit_log=True)),
        ("audit_log: false", HookSettings()),
        (
            'required_properties: {"osm/*": [region, date], x: []}',
            HookSettings(required_properties={"osm/*": ("region", "date"), "x": ()}),
        ),
    ],
)
def test_each_key_says_one_thing(text: str, expected: HookSettings) -> None:
    """As people write it."""
    assert expected == read(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[]", "'hooks' is an empty list, and must be a mapping"),
        ("{timout: 5}", "'hooks.timout' is not a key; there are timeout, required_properties"),
        ("{timeout: 5, timeout: 6}", "'hooks.timeout' is given a second time"),
        ("{timeout: 0}", "'hooks.timeout' is 0, and must be a number of seconds, above 0 and up to 604800"),
        ("{timeout: -1}", "'hooks.timeout' is -1"),
        ("{timeout: .nan}", "'hooks.timeout' is nan"),
        ("{timeout: .inf}", "'hooks.timeout' is inf"),
        ("{timeout: true}", "'hooks.timeout' is true"),
        ("{timeout: 60s}", "'hooks.timeout' is '60s'"),
        (
            "{size_limit: -1}",
            "'hooks.size_limit' is -1, and must be a number of bytes, or a size such as 500 MiB",
        ),
        ("{size_limit: 5 MB}", "'hooks.size_limit' is '5 MB'"),
        ("{size_limit: 1.5}", "'hooks.size_limit' is 1.5"),
        ("{size_limit: true}", "'hooks.size_limit' is true"),
        ("{audit_log: 1}", "'hooks.audit_log' is 1, and must be true or false"),
        ("{audit_log: ja}", "'hooks.audit_log' is 'ja'"),
        (
            "{required_properties: [region]}",
            "'hooks.required_properties' is a list, and must be a mapping of",
        ),
        (
            "{required_properties: {osm: }}",
            "'hooks.required_properties' is a mapping, and must be a mapping of patterns",
        ),
        (
            "{required_properties: {osm: region}}",
            "'hooks.required_properties.osm' is 'region', and must be a list",
        ),
        (
            "{required_properties: {osm: [1]}}",
            "'hooks.required_properties.osm[0]' is 1, and must be the name",
        ),
        ("{required_properties: {1: [region]}}", "'hooks.required_properties' is a mapping"),
    ],
)
def test_a_mistake_is_named_and_not_guessed_at(tmp_path: Path, text: str, words: str) -> None:
    """A policy that was written down and is not understood must not be taken for none."""
    layout = Layout(tmp_path)
    config.save(layout, Config(ID))
    before = layout.config.read_text()
    layout.config.write_text(f"{before}hooks: {text}\n")

    with pytest.raises(InvalidError) as caught:
        config.load(layout)

    assert "bad-config" == caught.value.code
    assert f"line {len(before.splitlines()) + 1}: {words}" in str(caught.value.why)
