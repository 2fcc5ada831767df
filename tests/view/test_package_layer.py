"""Layers that are data of installed packages: found without importing them."""

from __future__ import annotations

import importlib
import logging
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

from cas.testing.trees import File, write_tree
from cas.view.errors import ResourceNotFound
from cas.view.package_layer import missing, package_folder, package_layer
from cas.view.view import View

if TYPE_CHECKING:
    from pathlib import Path

    from cas.testing.trees import Tree

EXPLODES = File(b"raise AssertionError('imported')\n")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place for packages, on the path of this interpreter."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    importlib.invalidate_caches()
    return folder


def test_nothing_is_imported(site: Path) -> None:
    """Looking for data must not run a package's code, nor that of its parents."""
    inner: Tree = {b"__init__.py": EXPLODES, b"blobs": {b"a": File(b"1")}}
    write_tree({b"__init__.py": EXPLODES, b"resources": inner}, site / "cas_test_explodes")
    view = View(lambda: [package_layer("app", "cas_test_explodes.resources", "blobs")])

    assert view.get_resource_path("a") == site / "cas_test_explodes" / "resources" / "blobs" / "a"
    assert [(layer.name, layer.kind, layer.is_writable) for layer in view.layers] == [
        ("app", "package", False)
    ]


def test_a_package_that_is_not_installed_is_empty(caplog: pytest.LogCaptureFixture) -> None:
    """Its layer says so once, and the others go on."""
    view = View(lambda: [layer])
    layer = package_layer("app", "cas_test_nowhere.resources", "blobs")

    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            with pytest.raises(ResourceNotFound):
                view.get_resource_path("a")

    assert [record.getMessage() for record in caplog.records] == [
        "layer 'app' is empty: there is no Python package 'cas_test_nowhere.resources' for " + sys.executable
    ]
    assert list(view.walk()) == []


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize("name", ["__main__", "sys", "cas_test_none", "cas.nothing.here"])
def test_what_is_no_package_has_no_folder(name: str) -> None:
    """Whatever the finders of Python make of the name."""
    assert package_folder(name, "blobs") is None


def test_a_namespace_has_several_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first that has the folder is it."""
    trees: list[Tree] = [{}, {b"blobs": {b"a": File(b"1")}}]
    for at, names in enumerate(trees):
        write_tree({b"cas_test_spread": names}, tmp_path / str(at))
        monkeypatch.syspath_prepend(tmp_path / str(at))
    importlib.invalidate_caches()

    assert package_folder("cas_test_spread", "blobs") == tmp_path / "1" / "cas_test_spread" / "blobs"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("sys", "'sys' is a Python module, and not a package, which could have folders"),
        ("cas_test_module", "'cas_test_module' is a Python module, and not a package"),
        ("cas.nothing.here", "there is no 'cas.nothing.here' in the Python package 'cas', which is in '"),
        ("cas_test_zipped", "the Python package 'cas_test_zipped' is in '"),
        ("cas_test_none", "there is no Python package 'cas_test_none' for "),
    ],
)
def test_why_a_package_has_no_folders_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, why: str
) -> None:
    """What Python can import is not said to be missing."""
    (tmp_path / "cas_test_module.py").touch()
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("cas_test_zipped/__init__.py", "")
        archive.writestr("cas_test_zipped/blobs/a", "1")
    for place in (tmp_path, tmp_path / "all.zip"):
        monkeypatch.syspath_prepend(str(place))

    assert package_folder(name, "blobs") is None
    assert missing(name).startswith(why)
