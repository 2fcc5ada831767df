"""Hypothesis strategies for what `cas` works on: names, properties, specs, records, trees of files.

    @given(strategies.trees(), strategies.properties())
    def test_my_pipeline(tree, properties): ...

Everything drawn is valid; what is not is for a test to write down, because each has its own message.
"""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from hypothesis import strategies as st

from cas.ids import BlobId, Content, Kind, TreeId, VersionId
from cas.name_rules import parse_layer
from cas.testing.trees import File, Symlink
from cas.versions import names as rules
from cas.versions.identity import version_id
from cas.versions.properties import check_properties
from cas.versions.record import Record
from cas.versions.spec import Back, Spec, VersionPrefix, Where, Word
from cas.versions.values import MAX_INTEGER

if TYPE_CHECKING:
    from collections.abc import Callable

    from cas.testing.trees import Node, Tree
    from cas.versions.spec import Selector
    from cas.versions.values import JSON

_SECONDS_TO_3000: Final = 32_503_680_000


def _accepted(parse: Callable[[str], str]) -> Callable[[str], bool]:
    """Turn a parser that raises into a filter; almost everything drawn passes it."""

    def is_accepted(text: str) -> bool:
        try:
            parse(text)
        except ValueError:
            return False
        return True

    return is_accepted


def _words(reserved: str) -> st.SearchStrategy[str]:
    alphabet = st.characters(exclude_categories=["Cc", "Cs"], exclude_characters=reserved)
    return st.text(alphabet, min_size=1, max_size=12).map(lambda text: unicodedata.normalize("NFC", text))


def names() -> st.SearchStrategy[str]:
    """Draw names of resources, of one component or a few."""
    return st.lists(_words("@:\\/"), min_size=1, max_size=4).map("/".join).filter(_accepted(rules.parse_name))


def tags() -> st.SearchStrategy[str]:
    """Draw tags."""
    return _words("@:\\/,=").filter(_accepted(rules.parse_tag))


def layers() -> st.SearchStrategy[str]:
    """Draw names of layers."""
    return _words("@:\\/").filter(_accepted(parse_layer))


def json_values() -> st.SearchStrategy[JSON]:
    """Draw property values of any shape, in the one form that `check_properties` gives them."""
    numbers = st.integers(-MAX_INTEGER, MAX_INTEGER) | st.floats(allow_nan=False, allow_infinity=False)
    scalars = st.none() | st.booleans() | numbers | _texts()
    values = st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_texts(), inner, max_size=3),
        max_leaves=6,
    )
    return values.map(lambda value: check_properties({"": value})[""])


def properties(*, min_size: int = 0) -> st.SearchStrategy[dict[str, JSON]]:
    """Draw checked properties."""
    return st.dictionaries(_texts(), json_values(), min_size=min_size, max_size=4)


def version_ids() -> st.SearchStrategy[VersionId]:
    """Draw version ids; nobody has their properties."""
    return st.binary(min_size=32, max_size=32).map(VersionId)


def inputs() -> st.SearchStrategy[dict[str, VersionId]]:
    """Draw the inputs of a version."""
    return st.dictionaries(names(), version_ids(), max_size=3)


def contents() -> st.SearchStrategy[Content]:
    """Draw content ids of files and directories; nothing is stored under them."""
    digests = st.binary(min_size=32, max_size=32)
    files = st.builds(Content, st.sampled_from([Kind.FILE, Kind.EXECUTABLE]), digests.map(BlobId))
    return files | st.builds(Content, st.just(Kind.DIRECTORY), digests.map(TreeId))


@st.composite
def records(draw: st.DrawFn, name: str | None = None) -> Record:
    """Draw records whose version is the hash of their properties and inputs."""
    drawn_properties, drawn_inputs = draw(properties()), draw(inputs())
    seconds = draw(st.integers(0, _SECONDS_TO_3000))
    return Record(
        name=draw(names()) if name is None else name,
        type=draw(st.sampled_from(["file", "directory", "table"])),
        version=version_id(drawn_properties, drawn_inputs),
        properties=drawn_properties,
        inputs=drawn_inputs,
        content=draw(contents()),
        size=draw(st.integers(0, 2**60)),
        file_count=draw(st.integers(0, 2**40)),
        created_at=datetime.fromtimestamp(0, UTC)
        + timedelta(seconds=seconds, microseconds=draw(st.integers(0, 999_999))),
        message=draw(_texts()),
        origin=draw(_texts()),
    )


def selectors() -> st.SearchStrategy[Selector]:
    """Draw selectors of every kind."""
    keys = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="=:~"), min_size=1, max_size=6)
    conditions = st.lists(st.tuples(keys, json_values()), min_size=1, max_size=3).map(tuple)
    return st.one_of(
        tags().map(Word),
        version_ids().map(str).map(VersionPrefix),
        st.integers(0, 1000).map(Back),
        st.builds(Where, conditions),
    )


def specs() -> st.SearchStrategy[Spec]:
    """Draw specs with and without a layer and a selector."""
    return st.builds(Spec, names(), st.none() | layers(), st.none() | selectors())


def file_names() -> st.SearchStrategy[bytes]:
    """Draw raw names for a directory's entries: any bytes that Linux allows, mostly readable ones."""
    readable = st.text("abcXYZ019.-_ äé漢", min_size=1, max_size=8).map(str.encode)
    raw = st.binary(min_size=1, max_size=8)
    return (readable | raw).filter(
        lambda name: b"/" not in name and b"\0" not in name and name not in {b".", b".."}
    )


def files(max_size: int = 200) -> st.SearchStrategy[File]:
    """Draw files of at most `max_size` bytes."""
    return st.builds(File, st.binary(max_size=max_size), is_executable=st.booleans())


def trees(max_leaves: int = 12) -> st.SearchStrategy[Tree]:
    """Draw directories: files, executable files, symlinks, directories, empty ones too."""
    targets = st.binary(min_size=1, max_size=12).filter(lambda target: b"\0" not in target)
    leaves: st.SearchStrategy[Node] = files() | st.builds(Symlink, targets)
    return _directory(st.recursive(leaves, _directory, max_leaves=max_leaves))


def _directory(nodes: st.SearchStrategy[Node]) -> st.SearchStrategy[Tree]:
    return st.dictionaries(file_names(), nodes, max_size=5)


def _texts() -> st.SearchStrategy[str]:
    return st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
