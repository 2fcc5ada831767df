"""Types by their names: those of `cas`, and those of packages that are really installed."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from cas.errors import NotFoundError
from cas.resources.files import DirResource, FileResource
from cas.resources.registry import resource_type, type_names
from cas.resources.values import BuildParamsResource, PythonResource
from tests.cli.conftest import arguments, environment
from tests.processes import printed
from tests.resources import children

if TYPE_CHECKING:
    from pathlib import Path

    from cas.repo import Repository

PACKAGE = '''
import io

from cas.resources.base import Resource
from cas.resources.stage import Step


class TableResource(Resource):
    """Rows, kept as lines."""

    type_name = "table"
    _rows = None
    _handle = None

    def write(self, rows):
        self._at_host(Step.WRITE, call="write")
        self._rows = list(rows)
        self._note_written()

    def rows(self):
        self._at_host(Step.READ, call="rows")
        return self._rows

    def _payload(self, environment):
        return io.BytesIO("\\n".join(self._rows).encode())

    def _fetch(self, environment, version):
        self._handle = lambda: environment
        self._rows = environment.repository.read(version.ref).decode().split("\\n")

    def _discard(self):
        self._rows = self._handle = None


class Abstract(Resource):
    type_name = "abstract"


class Liar(TableResource):
    type_name = "truth"


def century(inputs):
    return {"century": inputs["raw"]["year"] // 100 + 1}


nothing = 7
'''

ENTRY_POINTS = """
[cas.resource_types]
table = a_package:TableResource
abstract = a_package:Abstract
number = a_package:nothing
liar = a_package:Liar
gone = a_package:Gone
missing = no_such_package:Thing
file = a_package:TableResource

[cas.propagators]
a.century = a_package:century
number = a_package:nothing
gone = a_package:gone
"""


def install(site: Path, name: str, entry_points: str) -> None:
    """Put a distribution into `site`, as pip would leave it."""
    site.mkdir(exist_ok=True)
    (site / "a_package.py").write_text(PACKAGE)
    information = site / f"{name}-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(entry_points)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder with an installed package, for the path of another process."""
    install(tmp_path / "site", "a_package", ENTRY_POINTS)
    return tmp_path / "site"


def test_built_in_types_have_the_names_of_records() -> None:
    """They can be made of a name alone."""
    kinds = {"file": FileResource, "directory": DirResource, "python": PythonResource}
    kinds["build-params"] = BuildParamsResource

    for name, kind in kinds.items():
        assert resource_type(name) is kind
        assert resource_type(name)("maps/roads").type_name == name
    assert set(kinds) <= set(type_names())


def test_an_unknown_type_is_an_error_where_it_is_needed() -> None:
    """With those that there are."""
    with pytest.raises(NotFoundError) as caught:
        resource_type("no-such-type-at-all")

    assert caught.value.code == "no-such-type"
    assert "build-params, directory, file, python" in str(caught.value.why)


def test_a_type_of_a_package_goes_through_all_of_a_life(
    site: Path, repository: Repository, tmp_path: Path
) -> None:
    """Installing a package is all it takes: declared, written, stored, read, pickled, removed."""
    (tmp_path / "workspace").mkdir()

    said = printed(
        children.live_as_a_table, site, repository.layout.root.parent, tmp_path / "workspace"
    ).splitlines()

    assert said == [
        "imported before it was needed: False",
        "created table",
        "['one', 'two']",
        "cannot call rows() on the resource 'maps/table'",
        "cleaned ['one', 'two']",
        "removed []",
    ]


def test_a_record_of_an_unknown_type_is_listed_shown_and_copied(
    site: Path, repository: Repository, tmp_path: Path
) -> None:
    """By a `cas` that does not have the package: only who makes a resource of it needs the type."""
    (tmp_path / "workspace").mkdir()
    home = repository.layout.root.parent
    printed(children.store_a_table, site, home, tmp_path / "workspace")

    for words in (
        ["ls", "--json"],
        ["ls", "--versions"],
        ["tree", "maps/table"],
        ["cat", "maps/table"],
        ["log"],
        ["verify"],
        ["checkout", "maps/table", str(tmp_path / "out")],
        ["stats"],
    ):
        cas(home, *words)

    assert json.loads(cas(home, "show", "maps/table", "--json"))["type"] == "table"
    assert (tmp_path / "out").read_text() == "one\ntwo"
    with pytest.raises(NotFoundError, match="'table'"):
        resource_type(repository.resolve("maps/table").type)


def cas(home: Path, *words: str) -> str:
    """Run a command that must succeed, in a process that has no package installed."""
    done = subprocess.run(
        arguments(*words, "--repo", str(home)), capture_output=True, text=True, env=environment(), check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_is_no_type_is_named_when_it_is_needed(site: Path) -> None:
    """With the package that announces it; what `cas` has, no package can take its place."""
    said = dict(line.split(": ", 1) for line in printed(children.look_up_types, site).splitlines())

    assert said["file"] == "FileResource"
    assert said["table"] == "TableResource"
    assert said["abstract"].startswith("plugin-unloadable <class 'a_package.Abstract'> is no type")
    assert said["number"] == "plugin-unloadable 7 is no type of resource"
    assert said["liar"] == "plugin-unloadable records of it would say 'truth'"
    assert said["gone"].startswith(
        "plugin-unloadable a_package 1.0 (a_package:Gone) does not load: AttributeError"
    )
    assert "does not load: ModuleNotFoundError: No module named 'no_such_package'" in said["missing"]
    assert "abstract, build-params, directory, file, gone" in said["nowhere"]


def test_a_type_that_two_packages_announce_is_ambiguous(site: Path) -> None:
    """Which one is imported must not depend on the order of a path."""
    install(site, "b_package", "[cas.resource_types]\ntable = a_package:TableResource\n")

    said = printed(children.look_up_types, site)

    assert (
        "table: plugin-ambiguous a_package 1.0 (a_package:TableResource) and "
        "b_package 1.0 (a_package:TableResource) announce it\n"
    ) in said


def test_a_propagator_of_a_package_is_used_by_name(site: Path) -> None:
    """Alone and in a chain; what cannot be called is refused."""
    gone = (
        "a_package 1.0 (a_package:gone) does not load: "
        "AttributeError: module 'a_package' has no attribute 'gone'"
    )

    said = printed(children.use_propagators, site).splitlines()

    assert said == [
        "{'century': 21}",
        "{'year': 2016, 'century': 21}",
        "bad-propagator 'number' is 7, which cannot be called",
        f"plugin-unloadable {gone}",
        "no-such-propagator installed packages announce a.century, gone, number",
    ]
