"""`remote.yaml`: what is read, and what is refused with which words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cas.errors import InvalidError, NotFoundError
from cas.registry.registry_file import load

if TYPE_CHECKING:
    from pathlib import Path

SEED = """
- name: inception
  dst_path: pretrained_models/slim_inception_pretrained/inception_v3.ckpt
  gs_url: gs://deeplab/pretrained_models/slim_inception_pretrained/inception_v3.ckpt
- name: toy_data
  dst_path: data/
  gs_url: gs://deeplab/toy_data
"""

EVERYTHING = """
resources:
  - name: roads
    dst_path: osm/roads.pbf
    url: https://example.org/roads.pbf
    digest: sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
    size: 0
    mirrors:
      - s3://mirror/roads.pbf
      - file:///srv/roads.pbf
    properties: {region: fi, year: 2024}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the registry stands."""
    return tmp_path / "remote.yaml"


def refusal(file: Path, text: str) -> InvalidError:
    """What is said about a registry that cannot be used."""
    file.write_text(text)
    with pytest.raises(InvalidError) as caught:
        load(file)
    assert "bad-registry" == caught.value.code
    return caught.value


def entry(**keys: str) -> str:
    """A registry of one entry, with some keys set otherwise; an empty one is left out."""
    values = {"name": "a", "dst_path": "a.bin", "url": "https://example.org/a.bin", **keys}
    lines = [f"  {key}: {value}" for key, value in values.items() if value]
    return "-" + "\n".join(lines)[1:] + "\n"


@pytest.mark.parametrize("text", [SEED, "resources:" + SEED], ids=["bare list", "under resources"])
def test_the_registry_of_the_seed_is_read_as_it_stands(file: Path, text: str) -> None:
    """Both forms that the seed and its code have (A6); `gs_url` word for word (A13)."""
    file.write_text(text)

    inception, toys = load(file)

    assert ("inception", False) == (inception.name, inception.is_directory)
    assert "gs://deeplab/pretrained_models/slim_inception_pretrained/inception_v3.ckpt" == inception.url
    assert ("data/", "data", True) == (toys.dst_path, toys.path, toys.is_directory)
    assert ["gs://deeplab/toy_data/"] == [str(location) for location in toys.locations]


def test_every_key_is_kept(file: Path) -> None:
    """What an entry says about its bytes decides whether they are accepted."""
    file.write_text(EVERYTHING)

    (roads,) = load(file)

    assert ("sha256", 0) == (str(roads.digest).partition(":")[0], roads.size)
    assert ("s3://mirror/roads.pbf", "file:///srv/roads.pbf") == roads.mirrors
    assert {"region": "fi", "year": 2024} == roads.properties
    assert 3 == roads.line


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "[]", "resources: []", "resources:\n"])
def test_an_empty_registry_lists_nothing(file: Path, text: str) -> None:
    """A project begins with one."""
    file.write_text(text)

    assert () == load(file)


def test_a_registry_that_is_not_there_is_not_found(file: Path) -> None:
    """Whoever names a file means one (A7)."""
    with pytest.raises(NotFoundError) as caught:
        load(file)

    assert str(file) in caught.value.what


def test_names_must_be_unique(file: Path) -> None:
    """Both places are told; the id on the command line could mean either."""
    why = refusal(file, entry() + entry(dst_path="b.bin")).why

    assert "lines 1 and 4: two resources are called 'a'" == why


def test_all_is_reserved(file: Path) -> None:
    """`download ALL` means every entry (A4)."""
    assert "means every resource" in str(refusal(file, entry(name="ALL")))


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("name", "line 2: a resource has no 'name'"),
        ("dst_path", "resource 'a', line 2: 'dst_path' is missing, and must be where it belongs"),
    ],
)
def test_a_missing_key_is_told_with_its_line(file: Path, key: str, why: str) -> None:
    """Three keys are needed."""
    error = refusal(file, "# first\n" + entry(**{key: ""}))

    assert why in str(error)


def test_a_url_that_cannot_be_used_is_told_with_its_entry(file: Path) -> None:
    """And with what can be used."""
    error = refusal(file, entry(url="ftp://host/a"))

    assert "resource 'a', line 3: 'url' is 'ftp://host…', which cannot be used: " in str(error)


def test_exactly_one_source_is_needed(file: Path) -> None:
    """None, or two that may differ, would be a guess."""
    assert "line 1: it has no 'url'" in str(refusal(file, entry(url="")))
    assert "line 3: 'url' is given, and so is 'gs_url'" in str(refusal(file, entry(gs_url="gs://b/a.bin")))


def test_gs_url_is_for_google_storage(file: Path) -> None:
    """The seed's key says what it holds."""
    error = refusal(file, entry(url="", gs_url="https://example.org/a.bin"))

    assert "must begin with gs://" in str(error)
    assert "call the key 'url'" == error.hint


def test_an_unknown_key_is_refused_and_the_nearest_suggested(file: Path) -> None:
    """A slip in `digest` would turn checking off without a word (A12)."""
    error = refusal(file, entry(digset="md5:d41d8cd98f00b204e9800998ecf8427e"))

    assert "line 4: 'digset' is not a key" in str(error)
    assert "did you mean 'digest'?" == error.hint


@pytest.mark.parametrize(
    "path",
    [
        "../x",
        "a/../../x",
        "a/..",
        "..",
        "/etc/passwd",
        "//x",
        '"a\\0b"',
        '"a\\nb"',
        "a//b",
        "a//",
        "/",
        "./a",
        "a/./b",
        "-rf",
        "a@b",
        "'a:b'",
        '"a\\\\b"',
        "x" * 401,
        ".cas/config.yaml",
        ".cas-downloads/x",
        "a/.wh.b",
        "a/.wh..wh..opq",
    ],
)
def test_a_destination_that_cannot_be_is_refused_with_the_entry_named(file: Path, path: str) -> None:
    """Out of the layer (A11), against the rules of names, or where cas keeps what is its own."""
    error = refusal(file, entry(dst_path=path))

    assert "resource 'a', line 2: 'dst_path' is" in str(error)


@pytest.mark.parametrize("paths", [("a/x", "a/x"), ("a/x", "a/x/"), ("a", "a/x"), ("a/b/c/d", "a/b")])
def test_two_entries_that_cannot_both_be_there_are_refused(file: Path, paths: tuple[str, str]) -> None:
    """The same place twice, or a place below a file; each place is told."""
    first, second = paths

    error = refusal(file, entry(dst_path=first) + entry(name="b", dst_path=second))

    assert "lines 1 and 4" in str(error).replace("lines 4 and 1", "lines 1 and 4")


def test_an_entry_may_lie_inside_of_a_directory(file: Path) -> None:
    """The seed's `data/` is such a directory, and others may add to it."""
    file.write_text(entry(dst_path="data/") + entry(name="b", dst_path="data/more/b.bin"))

    assert ["data/", "data/more/b.bin"] == [one.dst_path for one in load(file)]


@pytest.mark.parametrize(
    "keys",
    [
        {"url": "ftp://example.org/a"},
        {"url": "no url at all"},
        {"mirrors": "[nonsense]"},
        {"mirrors": "https://example.org/a"},
        {"digest": "sha256:12"},
        {"digest": "crc32:00000000"},
        {"size": "-1"},
        {"size": "'10'"},
        {"properties": "[a]"},
        {"properties": "{etag: x}"},
        {"url": "s3://bucket/prefix/"},
        {"mirrors": "[s3://bucket/prefix/]"},
        {"dst_path": "d/", "digest": "md5:d41d8cd98f00b204e9800998ecf8427e"},
    ],
    ids=str,
)
def test_a_value_that_means_nothing_is_refused_with_its_line(file: Path, keys: dict[str, str]) -> None:
    """Everything is said when the file is read, before anything is fetched."""
    error = refusal(file, entry(**keys))

    assert "resource 'a', line " in str(error)


@pytest.mark.parametrize(
    "text",
    [
        "!!python/object/apply:os.system [true]",
        "- !include x",
        "- &a {}\n- *a",
        "a: 1\n---\nb: 2",
        "just text",
        "{",
    ],
)
def test_yaml_that_is_more_than_data_is_refused(file: Path, text: str) -> None:
    """Tags above all: the original ran whatever they named."""
    refusal(file, text)


def test_a_property_that_yaml_readers_disagree_about_is_refused(file: Path) -> None:
    """It would be hashed into the version id."""
    assert "quote it" in str(refusal(file, entry(properties="{country: no}")).hint)


@pytest.mark.parametrize(
    "text",
    [
        entry(url="", gs_url="https://ann:secret@example.org/a.bin"),
        entry(url="https://ann:secret@example.org:port/a.bin"),
        entry(mirrors="https://ann:secret@example.org/a.bin"),
        entry(digest="https://ann:secret@example.org/a.bin"),
        entry(dst_path="https://ann:secret@example.org/a.bin"),
        entry(dst_path="https://example.org/a.bin?token=secret"),
        entry(**{"https://ann:secret@example.org/a.bin": "1"}),
        "- https://ann:secret@example.org/a.bin",
    ],
)
def test_a_password_in_a_url_is_not_repeated(file: Path, text: str) -> None:
    """Error messages end up in logs; also of URLs that stand where none belongs."""
    error = refusal(file, text)

    assert "secret" not in str(error)
    assert "https://" in str(error)


@given(st.text(max_size=30))
def test_no_destination_leads_out_of_the_layer(tmp_path_factory: pytest.TempPathFactory, path: str) -> None:
    """Whatever is accepted, joined to a directory, is below it and is called as it was written."""
    file = tmp_path_factory.mktemp("law") / "remote.yaml"
    quoted = path.encode("unicode_escape", "surrogatepass").decode().replace('"', '\\"')
    file.write_text(entry(dst_path=f'"{quoted}"'))

    try:
        (found,) = load(file)
    except InvalidError:
        return

    place = tmp_path_factory.getbasetemp() / "layer" / found.dst_path
    assert place.resolve().is_relative_to((tmp_path_factory.getbasetemp() / "layer").resolve())
    assert path == found.dst_path


def test_a_line_that_is_quoted_has_no_secrets(tmp_path: Path) -> None:
    """What is no YAML may be a URL with a password."""
    path = tmp_path / "remote.yaml"
    path.write_text('- name: x\n  dst_path: x\n  url: "https://ann:s3cret@host/x?token=abcdef\n')

    with pytest.raises(InvalidError) as caught:
        load(path)

    assert "cannot use the registry" in str(caught.value)
    assert "line 3, column 8: a quote that is not closed: 'url: \"https://host/x?token=***'" in str(
        caught.value
    )
    assert "close it" in (caught.value.hint or "")
