"""A lineage as a picture: valid XML that says everything, with nothing on top of anything."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cas.graph.lineage import lineage
from cas.graph.svg import svg
from cas.ids import VersionId
from cas.repo import Repository
from cas.testing import strategies
from tests.graph.families import bury, make

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cas.versions.values import JSON

SVG = "{http://www.w3.org/2000/svg}"
ELSEWHERE = VersionId(b"e" * 32)


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    """A model with a live, a collected and an unknown input, and one of its inputs used twice."""
    with Repository.init(tmp_path) as opened:
        make(opened, "docs/raw", lang="en")
        text = make(opened, "docs/text", ["source=docs/raw"])
        raw = opened.resolve("docs/raw")
        make(opened, "model", {"training": text.version, "raw": raw.version, "seed": ELSEWHERE}, size="large")
        make(opened, "docs/report", ["model"])
        opened.tag("model", "best")
        bury(opened, "docs/text")
        yield opened


def drawn(repository: Repository, spec: str) -> ET.Element:
    return ET.fromstring("\n".join(svg(lineage(repository, spec))))  # noqa: S314 - our own output


def boxes(picture: ET.Element) -> dict[str, ET.Element]:
    """The groups of the nodes by the name that stands in them."""
    return {
        group.findtext(f"{SVG}text[@class='name']") or "": group
        for group in picture.iter(f"{SVG}g")
        if group.get("class")
    }


def test_each_node_is_a_box_with_its_name_and_version(repository: Repository) -> None:
    """What is special about it too; the style follows the state."""
    found = boxes(drawn(repository, "model"))

    told = {name: group.findtext(f"{SVG}text[@class='more']") for name, group in found.items()}
    assert {
        "model": f"{repository.resolve('model').version.short} · best",
        "docs/raw": repository.resolve("docs/raw").version.short,
        "docs/text": f"{repository.versions('docs/text', include_removed=True)[0].version.short} · collected",
        "docs/report": repository.resolve("docs/report").version.short,
        "?": f"{ELSEWHERE.short} · unknown",
    } == told
    assert {"model": "live root", "docs/text": "collected", "?": "unknown"}.items() <= {
        name: group.get("class") for name, group in found.items()
    }.items()


def test_the_tooltip_has_the_properties_and_the_whole_id(repository: Repository) -> None:
    """There is room for everything that the box has no room for."""
    version = repository.resolve("model")

    tooltip = boxes(drawn(repository, "model"))["model"].findtext(f"{SVG}title") or ""

    assert [f"model@{version.version}", "file, 1 bytes, live", 'size: "large"'] == tooltip.splitlines()


def test_the_picture_is_named(repository: Repository) -> None:
    """For who cannot see it, and for the tab of a browser."""
    picture = drawn(repository, "model")

    assert f"Lineage of {repository.resolve('model').ref}" == picture.findtext(f"{SVG}title")
    assert "img" == picture.get("role")


def test_roles_stand_at_the_edges_unless_they_are_the_name(repository: Repository) -> None:
    """`raw` says nothing new of `docs/raw`; the tooltip has it all the same."""
    picture = drawn(repository, "model")

    roles = {one.text for one in picture.iter(f"{SVG}text") if one.get("class") == "role"}
    told = {path.findtext(f"{SVG}title") for path in picture.iter(f"{SVG}path") if path.get("marker-end")}

    assert {"training", "seed", "source"} == roles
    assert 5 == len(told)
    assert any(str(one).endswith(" as 'raw'") for one in told)


def test_a_doubtful_edge_is_dashed(repository: Repository) -> None:
    """And its tooltip says between what."""
    make(repository, "twin", lang="en")
    make(repository, "made", ["x=docs/raw"])

    (edge,) = (one for one in drawn(repository, "made").iter(f"{SVG}path") if one.get("marker-end"))

    assert "edge doubtful" == edge.get("class")
    assert "(or twin: the record does not say)" in (edge.findtext(f"{SVG}title") or "")


def test_long_names_are_cut_at_the_front(repository: Repository) -> None:
    """The end of a path says most; the whole of it is in the tooltip. Wide characters count twice."""
    for name in ("a/" * 40 + "end", "地" * 40):
        make(repository, name, x=1)

        ((shown, group),) = boxes(drawn(repository, name)).items()

        assert shown.startswith("…")
        assert name.endswith(shown[1:])
        assert len(shown.encode()) < 60
        assert (group.findtext(f"{SVG}title") or "").startswith(name)


def test_light_and_dark(repository: Repository) -> None:
    """Every colour of the light picture has one for the dark."""
    style = drawn(repository, "model").findtext(f"{SVG}style") or ""

    light, dark = style.split("@media (prefers-color-scheme: dark)")
    for name in (".paper", ".box", ".name", ".more", ".role", ".edge", ".arrow", ".root .box"):
        assert f"\n{name} {{" in light
        assert f"\n  {name} {{" in dark


@settings(max_examples=30)
@given(
    strategies.names(),
    strategies.names(),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    strategies.json_values(),
)
def test_whatever_users_write_is_valid_xml(name: str, role: str, key: str, value: JSON) -> None:
    """Names and properties may hold markup, and characters that XML has no way to write."""
    with tempfile.TemporaryDirectory() as folder, Repository.init(Path(folder)) as repository:
        source = make(repository, "source", note="\x00<&>\ufffe]]>")
        make(repository, name, {role: source.version}, p={key: value})

        picture = drawn(repository, f"main:{name}")

    assert len(list(picture.iter(f"{SVG}title"))) >= 3
