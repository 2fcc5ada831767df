"""`cas layer`: the list in config.yaml is edited, and nothing else in the file or in the store changes."""

from __future__ import annotations

import os
import stat
import string
from typing import TYPE_CHECKING

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from cas import Repository, config
from cas.config import LayerConfig
from cas.errors import AlreadyExistsError, CasError, ConflictError, InvalidError, NotFoundError, ReadOnlyError
from cas.layer_settings import layer_document, read_layers
from cas.layer_text import with_layers
from cas.repo.layer_changes import Position
from cas.versions.events import Hidden
from cas.yaml_values import Value
from tests.processes import start

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def order(repository: Repository) -> list[str]:
    """Names of the layers, as the file has them now."""
    return [layer.name for layer in config.load(repository.layout).layers]


def test_a_new_layer_goes_on_top_and_a_package_to_the_bottom(repository: Repository) -> None:
    """What somebody adds is to be seen; what a package brings is what everything else overrides."""
    repository.add_layer(LayerConfig("work"))
    repository.add_layer(LayerConfig("shared", "directory", writable=False, path="/data"))
    repository.add_layer(LayerConfig("app", "package", package="app"))

    assert ["shared", "work", "runtime", "main", "app"] == order(repository)
    assert order(repository) == [layer.name for layer in repository.layers()]


@pytest.mark.parametrize(
    ("position", "expected"),
    [
        (Position.top(), ["main", "a", "b", "c"]),
        (Position.bottom(), ["a", "b", "c", "main"]),
        (Position.above("a"), ["main", "a", "b", "c"]),
        (Position.above("c"), ["a", "b", "main", "c"]),
        (Position.below("a"), ["a", "main", "b", "c"]),
        (Position.below("c"), ["a", "b", "c", "main"]),
    ],
)
def test_a_layer_moves_to_where_it_is_told(
    repository: Repository, position: Position, expected: list[str]
) -> None:
    """Its place is that among the others."""
    repository.remove_layer("runtime")
    for name in "cba":
        repository.add_layer(LayerConfig(name))

    repository.move_layer("main", position=position)

    assert expected == order(repository)


def test_a_moved_layer_wins_at_once(repository: Repository, file: Path) -> None:
    """For the repository that is open, not only for the next."""
    repository.commit("notes", file)
    repository.add_layer(LayerConfig("base"), position=Position.bottom())
    file.write_text("base's\n")
    repository.commit("notes", file, layer="base")
    assert b"first\n" == repository.read("notes")

    repository.move_layer("base", position=Position.top())

    assert b"base's\n" == repository.read("notes")


@pytest.mark.parametrize(
    ("layer", "code"),
    [
        (LayerConfig("main"), "layer-exists"),
        (LayerConfig("a:b"), "bad-layer"),
        (LayerConfig(""), "bad-layer"),
        (LayerConfig("x\ny"), "bad-layer"),
        (LayerConfig("x", "view"), "bad-layer"),
        (LayerConfig("x", "directory", path=""), "bad-layer"),
        (LayerConfig("x", "directory", path="  "), "bad-layer"),
        (LayerConfig("x", "directory", path="data\udcff"), "bad-layer"),
        (LayerConfig("x", "directory"), "bad-layer"),
        (LayerConfig("x", "directory", path="$(home)/x"), "bad-layer"),
        (LayerConfig("x", "directory", path="a\0b"), "bad-layer"),
        (LayerConfig("x", "directory", path="../other/.cas/hooks"), "bad-layer"),
        (LayerConfig("x", "directory", path="$(cwd)/.cas"), "bad-layer"),
        (LayerConfig("x", "directory", path=".cas/views"), "inside-repository"),
        (LayerConfig("x", "package", package="a-b"), "bad-layer"),
        (LayerConfig("x", "package", package="a", folder="../b"), "bad-layer"),
        (LayerConfig("x", "package"), "bad-layer"),
    ],
)
def test_a_layer_that_breaks_a_rule_is_refused(repository: Repository, layer: LayerConfig, code: str) -> None:
    """Before the file is touched, in words that do not speak of lines in it."""
    before = repository.layout.config.read_bytes()

    with pytest.raises((InvalidError, AlreadyExistsError)) as caught:
        repository.add_layer(layer)

    assert code == caught.value.code
    assert "line" not in str(caught.value.why)
    assert before == repository.layout.config.read_bytes()


def test_what_is_not_there_is_not_found(repository: Repository) -> None:
    """The layer, or the one that is to be its neighbour; the error lists those that there are."""
    changes: list[Callable[[], None]] = [
        lambda: repository.remove_layer("nix"),
        lambda: repository.move_layer("nix", position=Position.top()),
        lambda: repository.move_layer("main", position=Position.above("nix")),
        lambda: repository.add_layer(LayerConfig("x"), position=Position.below("nix")),
    ]
    for change in changes:
        with pytest.raises(NotFoundError, match="the layers are 'runtime'") as caught:
            change()
        assert "no-such-layer" == caught.value.code
    with pytest.raises(InvalidError, match="above or below itself"):
        repository.move_layer("main", position=Position.above("main"))
    assert ["runtime", "main"] == order(repository)


def test_a_layer_with_versions_stays(repository: Repository, file: Path) -> None:
    """Or what it holds would vanish from every list, and gc would keep it for ever all the same."""
    repository.add_layer(LayerConfig("work"))
    spec = repository.commit("notes", file).version.ref

    with pytest.raises(ConflictError, match="it holds 'notes'") as caught:
        repository.remove_layer("work")

    assert "layer-in-use" == caught.value.code
    assert "cas remove --all work:notes" in str(caught.value.hint)
    repository.remove([f"work:{spec}"])
    repository.remove_layer("work")
    assert ["runtime", "main"] == order(repository)


def test_a_layer_that_hides_something_stays(repository: Repository) -> None:
    """Or it would be seen again without anybody having said so."""
    repository.add_layer(LayerConfig("work"))
    repository._index.write(lambda txn: repository._ledger.record(txn, [Hidden("work", b"old")], 1))

    with pytest.raises(ConflictError, match="it hides 'old'") as caught:
        repository.remove_layer("work")

    assert "cas unhide --layer work old" in str(caught.value.hint)


def test_what_is_to_be_typed_can_be_typed(repository: Repository, file: Path) -> None:
    """Names and paths may have blanks in them."""
    repository.add_layer(LayerConfig("my work"))
    repository.commit("my notes", file, layer="my work")
    hints = []
    for undo in (lambda: repository.remove(["my notes"]), lambda: repository.unhide("old ones")):
        with pytest.raises(ConflictError) as caught:
            repository.remove_layer("my work")
        hints.append(caught.value.hint)
        repository.hide("old ones", layer="my work")
        undo()

    assert [
        "remove those first: `cas remove --all 'my work:my notes'` …",
        "show it first: `cas unhide --layer 'my work' 'old ones'`",
    ] == hints


def test_commits_always_have_somewhere_to_go(repository: Repository) -> None:
    """The last writable layer of refs is not removed, though it is empty; other kinds are none."""
    repository.add_layer(LayerConfig("frozen", writable=False))

    with pytest.raises(ConflictError, match="the only layer of refs that commits can go to") as caught:
        repository.remove_layer("main")

    assert "cas layer add" in str(caught.value.hint)
    repository.add_layer(LayerConfig("work"))
    repository.remove_layer("main")
    repository.remove_layer("runtime")
    repository.remove_layer("frozen")
    assert ["work"] == order(repository)


def test_the_only_layer_stays(home: Path) -> None:
    """A view is made of something."""
    Repository.init(home).close()
    path = home / ".cas" / "config.yaml"
    document = yaml.safe_load(path.read_text())
    document["layers"] = [{"name": "data", "kind": "directory", "path": "/data"}]
    path.write_text(yaml.safe_dump(document))

    with Repository.open(home) as repository, pytest.raises(ConflictError, match="it is the only layer"):
        repository.remove_layer("data")


def test_a_layer_that_comes_back_has_lost_nothing(repository: Repository, file: Path) -> None:
    """Removed versions are restored from it as before."""
    repository.add_layer(LayerConfig("work"))
    spec = repository.commit("notes", file).version.ref
    repository.remove([spec])
    repository.remove_layer("work")

    repository.add_layer(LayerConfig("work"))

    assert "work" == repository.restore(spec).layer


def test_layers_are_described(repository: Repository, file: Path, tmp_path: Path) -> None:
    """Where each is and what it holds; a directory that is not there yet is no problem."""
    (tmp_path / "file").write_text("")
    repository.commit("a", file)
    repository.commit("a", file, properties={"n": 1})
    repository.commit("b/c", file)
    repository._index.write(lambda txn: repository._ledger.record(txn, [Hidden("main", b"a")], 1))
    repository.add_layer(LayerConfig("wrong", "directory", path="../file"), position=Position.bottom())
    repository.add_layer(LayerConfig("absent", "package", package="no_such_package_at_all"))
    repository.add_layer(LayerConfig("empty", "package", package="cas.repo"))
    repository.add_layer(LayerConfig("there", "package", package="cas", folder="repo"))
    repository.add_layer(LayerConfig("mainly"), position=Position.bottom())

    found = {layer.name: layer for layer in repository.layers()}

    assert ["runtime", "main", "wrong", "absent", "empty", "there", "mainly"] == list(found)
    assert (2, 1, None) == (found["main"].names, found["main"].hidden, found["main"].where)
    assert 0 == found["mainly"].names
    assert (None, None) == (found["runtime"].names, found["runtime"].problem)
    assert os.path.join(os.getcwd(), "runtime_resources") == found["runtime"].where
    assert f"'{tmp_path / 'file'}' is no directory" == found["wrong"].problem
    assert "no_such_package_at_all:blobs" == found["absent"].where
    assert "no Python package 'no_such_package_at_all'" in str(found["absent"].problem)
    assert not found["absent"].is_writable
    assert str(found["empty"].problem).endswith("cas/repo/blobs'")
    assert found["there"].problem is None


WRITTEN = """\
# Ours. Ask ann before you change anything.
format: 1   # one
repository: 6f1c7f0e-4b0a-4a64-9b55-0d8f7e6a5b4c
layers:  # the first wins
  # downloads
  - name: runtime  # here
    kind: directory
    path: $(cwd)/x

  # what we share
  - {name: "main"}

# of a later version
remotes: [far]
chunking: {}
"""


def test_comments_and_foreign_keys_survive(repository: Repository) -> None:
    """The file is for people; a command changes the lines of what it was told to change."""
    repository.layout.config.write_text(WRITTEN)

    repository.add_layer(LayerConfig("wärme", writable=False), position=Position.below("runtime"))
    repository.move_layer("main", position=Position.top())

    assert repository.layout.config.read_text() == (
        "# Ours. Ask ann before you change anything.\n"
        "format: 1   # one\n"
        "repository: 6f1c7f0e-4b0a-4a64-9b55-0d8f7e6a5b4c\n"
        "layers:  # the first wins\n"
        "\n"
        "  # what we share\n"
        '  - {name: "main"}\n'
        "  # downloads\n"
        "  - name: runtime  # here\n"
        "    kind: directory\n"
        "    path: $(cwd)/x\n"
        "  - name: wärme\n"
        "    kind: refs\n"
        "    writable: false\n"
        "\n"
        "# of a later version\n"
        "remotes: [far]\n"
        "chunking: {}\n"
    )


def test_a_list_in_one_line_is_written_anew(repository: Repository) -> None:
    """What cannot be kept line by line is written as `cas init` writes it; the rest stays."""
    repository.layout.config.write_text(
        "layers: [{name: main}, {name: 'work'}]\nformat: 1\n"
        "repository: 6f1c7f0e-4b0a-4a64-9b55-0d8f7e6a5b4c\nchunking: {}"
    )

    repository.move_layer("work", position=Position.top())

    assert repository.layout.config.read_text() == (
        "layers:\n- name: work\n  kind: refs\n  writable: true\n- name: main\n  kind: refs\n"
        "  writable: true\nformat: 1\nrepository: 6f1c7f0e-4b0a-4a64-9b55-0d8f7e6a5b4c\nchunking: {}"
    )


ID = "6f1c7f0e-4b0a-4a64-9b55-0d8f7e6a5b4c"


@pytest.mark.parametrize(
    "text",
    [
        f"{{format: 1, repository: {ID}, layers: [{{name: main}}], chunking: {{}}}}",
        f"format: 1\nrepository: {ID}\nlayers: &all [{{name: main}}]\nchunking: {{}}\nmine: *all\n",
        f"format: 1\nrepository: {ID}\nlayers: [{{name: main}}]\nchunking: {{}}\n".encode("utf-16").decode(
            "latin-1"
        ),
    ],
    ids=["one line", "an anchor", "UTF-16"],
)
def test_a_file_that_would_change_in_more_is_left_alone(repository: Repository, text: str) -> None:
    """It is refused in words, not turned into something that means less."""
    repository.layout.config.write_bytes(text.encode("latin-1"))
    assert ["main"] == order(repository)

    with pytest.raises(InvalidError) as caught:
        repository.add_layer(LayerConfig("work"))

    assert "layers-not-editable" == caught.value.code
    assert "by hand" in str(caught.value.hint)
    assert text.encode("latin-1") == repository.layout.config.read_bytes()


def layer_lists() -> st.SearchStrategy[list[LayerConfig]]:
    """Draw layers of every kind, each name once."""
    names = st.text(string.ascii_letters + " #'ü", min_size=1, max_size=6)
    paths = st.text(string.ascii_letters + "/.# :'\"", min_size=1, max_size=12)
    one = (
        st.builds(LayerConfig, names, writable=st.booleans())
        | st.builds(LayerConfig, names, st.just("directory"), st.booleans(), path=paths)
        | st.builds(LayerConfig, names, st.just("package"), package=st.just("a.b"))
    )
    return st.lists(one, min_size=1, max_size=5, unique_by=lambda layer: layer.name)


@given(
    old=layer_lists(),
    new=layer_lists(),
    margin=st.integers(0, 4),
    comment=st.sampled_from(["", "  # c", "\n# c", "\n\n"]),
    flow=st.booleans(),
)
def test_the_text_says_the_new_layers_and_all_else_as_before(
    old: list[LayerConfig], new: list[LayerConfig], margin: int, comment: str, *, flow: bool
) -> None:
    """However the file is laid out; some layers are in both lists, as when one is moved."""
    new = [*new, *(layer for layer in old[::-1] if layer.name not in {one.name for one in new})]
    listed = yaml.safe_dump([layer_document(x) for x in old], default_flow_style=flow or None, width=10**6)
    indented = "".join(" " * (margin + flow) + line for line in listed.splitlines(keepends=True))
    head, tail = "# head\nformat: 1\n", "\n# tail\nother: [1]\n"
    text = f"{head}layers:{comment}\n{indented}{tail}"

    changed = with_layers(text.encode(), old, new)

    assert tuple(new) == read_layers(Value.parse(changed).required("layers", ""))
    assert {"format": 1, "other": [1]} == {
        key: value for key, value in yaml.safe_load(changed).items() if key != "layers"
    }
    assert changed.decode().startswith(head)
    assert changed.decode().endswith(tail)
    assert text.encode() == with_layers(text.encode(), old, old) or flow


def test_who_may_read_the_file_still_may(repository: Repository) -> None:
    """It is replaced by a new one, which must not be open to more people than the old."""
    repository.layout.config.chmod(0o640)

    repository.add_layer(LayerConfig("work"))

    assert 0o640 == stat.S_IMODE(repository.layout.config.stat().st_mode)


def add_ten(home: str, letter: str) -> None:
    """Be the child: add layers one by one."""
    with Repository.open(home) as repository:
        for number in range(10):
            repository.add_layer(LayerConfig(f"{letter}{number}"))


def test_two_processes_lose_nothing(repository: Repository, home: Path) -> None:
    """Each reads the file, changes it and writes it: one after the other, however they meet."""
    both = [start(add_ten, home, letter) for letter in "ab"]
    for process in both:
        process.communicate()
        assert process.returncode == 0

    found = order(repository)

    assert {f"{letter}{number}" for letter in "ab" for number in range(10)} == set(found) - {
        "runtime",
        "main",
    }
    for letter in "ab":
        assert [f"{letter}{number}" for number in reversed(range(10))] == [x for x in found if x[0] == letter]


def test_a_repository_of_a_later_version_is_not_changed(repository: Repository, home: Path) -> None:
    """One that uses a feature that forbids writing keeps its layers, too."""
    path = repository.layout.config
    path.write_text(path.read_text().replace("read_only_compatible: []", "read_only_compatible: [quotas]"))
    before = path.read_bytes()

    with Repository.open(home) as later, pytest.raises(ReadOnlyError):
        later.add_layer(LayerConfig("work"))

    assert before == path.read_bytes()


def test_a_broken_file_is_told_and_kept(repository: Repository) -> None:
    """Somebody made a mistake in it while this process was running."""
    path = repository.layout.config
    path.write_text(path.read_text().replace("kind: refs", "kind: ref"))
    before = path.read_bytes()

    with pytest.raises(CasError) as caught:
        repository.add_layer(LayerConfig("work"))

    assert "bad-config" == caught.value.code
    assert before == path.read_bytes()
