"""Unquoted text in YAML files: taken for text only where every reader of YAML does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from cas.errors import InvalidError
from cas.versions.property_file import read_mapping

# The core schema of YAML 1.2, chapter 10.3, and what lax readers of JSON take for numbers.
CORE = re.compile(
    r"~|null|Null|NULL|true|True|TRUE|false|False|FALSE|[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+"
    r"|[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?(\.inf|\.Inf|\.INF)|\.nan|\.NaN|\.NAN"
)
JSON_WORDS = {"NaN", "Infinity", "-Infinity"}


@given(st.text(st.sampled_from("+-.0123456789eExXoO_:naAfFTtruIiyYsl~=<"), min_size=1, max_size=12))
@example("Infinity")
@example("false")
@example("2024-02-29")
@example("190:20:30")
@example("685.230_15e+03")
def test_what_is_taken_for_text_is_text_to_every_reader(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    """The glance that spares long words the rules must let no number of any reader through."""
    path = tmp_path_factory.getbasetemp() / "file.yaml"
    path.write_text(f"key: {text}")

    try:
        found = _read(path)
    except InvalidError:
        return

    if isinstance(found, str):
        assert found == yaml.safe_load(path.read_text())["key"], "YAML 1.1"
        assert not CORE.fullmatch(found), "YAML 1.2"
        assert found not in JSON_WORDS


def _read(path: Path) -> object:
    return read_mapping(path, holds="properties", code="bad-property-file")["key"]


def test_a_number_of_thousands_of_digits_is_refused_like_any_other_that_is_too_large(tmp_path: Path) -> None:
    """Python itself refuses to read it, which is no bug of ours."""
    (tmp_path / "big.yaml").write_text(f"x: {'1' * 5000}")

    with pytest.raises(InvalidError, match="beyond"):
        read_mapping(tmp_path / "big.yaml", holds="properties", code="bad-property-file")


def test_a_file_without_an_end_is_not_read_to_its_end() -> None:
    """A device says that it has no bytes, and gives them for ever."""
    with pytest.raises(InvalidError, match="larger than"):
        read_mapping(Path("/dev/zero"), holds="properties", code="bad-property-file")
