"""The grammar of specs, by example and by round trip."""

from __future__ import annotations

import pytest
from hypothesis import given

from cas.errors import InvalidError
from cas.testing import strategies
from cas.versions.spec import Back, Spec, VersionPrefix, Where, Word

FULL = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("roads", Spec("roads")),
        ("osm/roads 2", Spec("osm/roads 2")),
        ("work:roads", Spec("roads", "work")),
        ("roads@v1.0", Spec("roads", None, Word("v1.0"))),
        ("roads@1f3a", Spec("roads", None, Word("1f3a"))),
        ("roads@" + FULL, Spec("roads", None, VersionPrefix(FULL))),
        ("roads@" + FULL.upper(), Spec("roads", None, VersionPrefix(FULL))),
        ("roads@~0", Spec("roads", None, Back(0))),
        ("work:roads@~12", Spec("roads", "work", Back(12))),
        ("roads@region=ru", Spec("roads", None, Where((("region", "ru"),)))),
        ("roads@region=", Spec("roads", None, Where((("region", ""),)))),
        ("roads@mail=a@b:c", Spec("roads", None, Where((("mail", "a@b:c"),)))),
        ("roads@region=ru,year:=2016", Spec("roads", None, Where((("region", "ru"), ("year", 2016))))),
        ('roads@a:=[1,"x,y"],b=1=2', Spec("roads", None, Where((("a", [1, "x,y"]), ("b", "1=2"))))),
    ],
)
def test_specs(text: str, expected: Spec) -> None:
    """`[LAYER:]NAME[@SELECTOR]`, each selector with its own look."""
    assert expected == Spec.parse(text)


@pytest.mark.parametrize(
    ("text", "code", "why"),
    [
        ("", "bad-name", "empty"),
        ("@v1", "bad-name", "empty"),
        (":roads", "bad-layer", "empty"),
        ("a:b:roads", "bad-layer", "contains ':'"),
        ("work:", "bad-name", "empty"),
        ("a/../b", "bad-name", "'.' and '..'"),
        ("roads@", "bad-spec", "nothing follows the '@'"),
        ("roads@~", "bad-spec", "as in ~1"),
        ("roads@~-1", "bad-spec", "as in ~1"),
        ("roads@~²", "bad-spec", "as in ~1"),
        ("roads@v1@v2", "bad-tag", "contains '@'"),
        ("roads@a,b", "bad-tag", "contains ','"),
        ("roads@=x", "bad-spec", "key=text or key:=json"),
        ("roads@:=1", "bad-spec", "key=text or key:=json"),
        ("roads@a=1,", "bad-spec", "key=text or key:=json"),
        ("roads@a=1,b", "bad-spec", "key=text or key:=json"),
        ("roads@a:=1x", "bad-spec", "'x' follows the JSON of 'a'"),
        ("roads@a:=nope", "bad-json", "'nope' is not JSON"),
        ("roads@a:=1e999", "bad-property", "JSON has no inf"),
    ],
)
def test_what_is_no_spec_is_refused(text: str, code: str, why: str) -> None:
    """The message says which part breaks which rule."""
    with pytest.raises(InvalidError) as caught:
        Spec.parse(text)

    assert code == caught.value.code
    assert why in str(caught.value.why)


@given(strategies.specs())
def test_specs_survive_being_written(spec: Spec) -> None:
    """What one command prints, the next one must read."""
    assert spec == Spec.parse(str(spec))


@pytest.mark.parametrize(
    ("word", "digits"), [("1f3a", "1f3a"), ("CAFE", "cafe"), ("abc", None), ("v1.0", None), ("2024", "2024")]
)
def test_a_word_may_be_the_start_of_an_id(word: str, digits: str | None) -> None:
    """Four hex digits or more; only the repository knows whether a tag is called so."""
    prefix = Word(word).prefix

    assert digits == (None if prefix is None else prefix.digits)
