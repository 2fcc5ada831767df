"""Names that may not be given any more, though they can be read."""

from __future__ import annotations

import pytest

from cas.errors import InvalidError
from cas.versions.names import parse_name, parse_new_name


@pytest.mark.parametrize("name", [".cas", ".cas/hooks", "data/.cas/x", "a/.CAS"])
def test_nothing_new_is_called_as_a_repository(name: str) -> None:
    """Whoever checked the view out would have hooks that somebody committed."""
    with pytest.raises(InvalidError) as caught:
        parse_new_name(name)

    assert ("bad-name", "choose another name") == (caught.value.code, caught.value.hint)
    assert name == parse_name(name)


@pytest.mark.parametrize("name", ["cas", "a.cas", ".cass/x", ".git"])
def test_other_names_are_free(name: str) -> None:
    """Only that one would be believed."""
    assert name == parse_new_name(name)
