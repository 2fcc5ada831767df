"""A lineage as text and for graphviz."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from cas.graph import draw
from cas.graph.lineage import Direction, lineage
from cas.ids import VersionId
from cas.repo import Repository
from tests.graph.families import bury, make

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ELSEWHERE = VersionId(b"e" * 32)


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    """A model with an input that is dead, one that is unknown and one that is unclear, and its users."""
    with Repository.init(tmp_path) as opened:
        make(opened, "raw", lang="en")
        make(opened, "config", rate=1)
        config = make(opened, "same", rate=1)
        raw = make(opened, "text", ["source=raw", "config"])
        make(opened, "model", {"text": raw.version, "settings": config.version, "seed": ELSEWHERE})
        opened.tag("model", "best")
        make(opened, "report", ["model"])
        make(opened, "slides", ["report", "chart=model"])
        bury(opened, "text")
        yield opened


def text(repository: Repository, spec: str, direction: Direction = Direction.BOTH) -> str:
    """Draw it; ids are cut to four digits, which is enough to compare."""
    drawn = "\n".join(draw.text_tree(lineage(repository, spec, direction)))
    return re.sub(r"\b([0-9a-f]{4})[0-9a-f]{8}\b", r"\1", drawn)


def test_the_text_is_a_tree(repository: Repository) -> None:
    """Inputs with their roles, then users; what is shared is opened once, what is dead or unclear is said."""
    ids = {name: repository.names(name)[0].current.version.short[:4] for name in ("raw", "config")}
    model, report, slides = (
        repository.resolve(name).version.short[:4] for name in ("model", "report", "slides")
    )
    dead = repository.versions("text", include_removed=True)[0].version.short[:4]

    assert f"""\
model@{model} [best]
made from
├── seed: 6565 (unknown)
├── settings: config@{ids["config"]} (or same: the record does not say)
└── text@{dead} (collected)
    ├── config@{ids["config"]}
    └── source: raw@{ids["raw"]}
used by
├── report@{report}
│   └── slides@{slides}
└── slides@{slides} as chart""" == text(repository, "model")


def test_what_is_shared_and_has_more_below_is_opened_once(repository: Repository) -> None:
    """Elsewhere it refers to where it is."""
    lines = text(repository, "slides", Direction.UP).splitlines()

    opened, closed = (line for line in lines if "model@" in line)
    assert opened.startswith("├── chart: ")
    assert closed.endswith(" (see above)")
    assert 1 == sum("text@" in line for line in lines)


def test_nothing_is_a_line(repository: Repository) -> None:
    """What has no relations is only named."""
    version = make(repository, "alone", x=1)

    assert [version.ref] == list(draw.text_tree(lineage(repository, "alone")))


def test_dot(repository: Repository) -> None:
    """One statement a line; nodes that are not alive are dashed, unknown ones dotted."""
    lines = list(draw.dot(lineage(repository, "model", Direction.UP)))

    assert ["digraph lineage {", "}"] == [lines[0], lines[-1]]
    labels = dict(re.findall(r"^  (n\d+) \[label=\"([^\"]*)\"", "\n".join(lines), re.MULTILINE))
    assert ["model@", "656565", "config", "text@5", "raw@5a"][:3] == [label[:6] for label in labels.values()][
        :3
    ]
    assert 5 == len(labels)
    assert 5 == sum(" -> " in line for line in lines)
    assert any("dotted" in line and "there is no record of it" in line for line in lines)
    assert any("dashed" in line and "collected" in line for line in lines)
    assert '  n4 -> n3 [label="source"];' in lines


def test_dot_quotes_what_users_write(repository: Repository) -> None:
    """Quotes and backslashes in a property end no string, and a line break ends no line."""
    make(repository, 'a "b"', note='c:\\new "x"\n\u2028')

    (line,) = (line for line in draw.dot(lineage(repository, 'a "b"')) if line.startswith("  n0"))

    assert re.fullmatch(r'  n0 (\[(\w+=("([^"\\]|\\.)*"|\d), )*\w+=("([^"\\]|\\.)*"|\d)\]);', line)
    assert r'label="a \"b\"@' in line
    assert r"note: \"c:\\\\new \\\"x\\\"\\n \"" in line
