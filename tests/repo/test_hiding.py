"""`hide` and `unhide` by what the view shows: what goes, what stays, what comes back, and what is refused."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING

import pytest

from cas import Repository
from cas.config import LayerConfig
from cas.errors import ConflictError, InvalidError, NotFoundError, ReadOnlyError
from cas.ids import Kind
from cas.repo.layer_changes import Position
from cas.versions import refs
from cas.view.errors import ResourceNotFound

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory, below which the uppermost layer is."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def put(repository: Repository, name: str, data: bytes = b"x", layer: str | None = None) -> str:
    """Commit a file; its spec."""
    return repository.commit(name, io.BytesIO(data), layer=layer).version.ref


def put_folder(repository: Repository, name: str, folder: Path, *files: str) -> None:
    """Commit a directory with these files."""
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(file)
    repository.commit(name, folder)


def write(path: Path) -> Path:
    """Make a file, and the directories above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("mine")
    return path


def sees(repository: Repository, path: str) -> str | None:
    """Say from which layer the view takes a path; None if it has none."""
    try:
        return repository.view().find(path).layer
    except ResourceNotFound:
        return None


def events(repository: Repository) -> list[str]:
    """What the log says, oldest first."""
    return [entry.kind for entry in reversed(repository.log())]


def test_what_is_hidden_is_not_found_until_it_is_shown_again(repository: Repository) -> None:
    """With all that is below; the versions stay what they are, and are named as before."""
    put(repository, "models/old")
    put(repository, "models/old/deep")
    put(repository, "models/older")

    result = repository.hide("models/old")

    assert ("main", "models/old", False, True, ()) == (
        result.layer,
        result.path,
        result.is_opaque,
        result.is_changed,
        result.notes,
    )
    assert [None, None, "main"] == [
        sees(repository, path) for path in ("models/old", "models/old/deep", "models/older")
    ]
    assert b"x" == repository.read("models/old")
    assert repository.unhide("/models//old/").is_changed
    assert "main" == sees(repository, "models/old/deep")
    assert ["hide", "unhide"] == events(repository)[-2:]


def test_lower_layers_are_hidden_with_it(repository: Repository, tmp_path: Path) -> None:
    """Of every kind: that is what a whiteout is for."""
    repository.add_layer(LayerConfig("base"), position=Position.bottom())
    repository.add_layer(
        LayerConfig("files", "directory", path=os.fspath(tmp_path / "files")), position=Position.bottom()
    )
    put(repository, "data/refs", layer="base")
    write(tmp_path / "files" / "data" / "file")
    assert ["base", "files"] == [sees(repository, path) for path in ("data/refs", "data/file")]

    repository.hide("data")

    assert [None, None, None] == [sees(repository, path) for path in ("data", "data/refs", "data/file")]


def test_a_file_inside_of_a_version_can_be_hidden(repository: Repository, tmp_path: Path) -> None:
    """Its neighbours and the version's directory are seen as before."""
    put_folder(repository, "data", tmp_path / "source", "a/x", "a/y", "b")

    repository.hide("data/a/x")

    assert [None, "main", "main", "main"] == [
        sees(repository, f"data{inner}") for inner in ("/a/x", "/a/y", "/b", "")
    ]


def test_what_is_committed_later_is_seen(repository: Repository) -> None:
    """A whiteout hides what its layer held when it was made; what lies lower stays hidden."""
    repository.add_layer(LayerConfig("base"), position=Position.bottom())
    put(repository, "data/low", layer="base")
    put(repository, "data/old")
    repository.hide("data")

    put(repository, "data/new")

    assert [None, None, "main", "main"] == [
        sees(repository, path) for path in ("data/low", "data/old", "data/new", "data")
    ]


def test_committing_the_same_again_shows_it(repository: Repository) -> None:
    """Whoever commits a content expects to find it under its name, though the version was there already."""
    first = put(repository, "data/notes")
    repository.hide("data")
    assert sees(repository, "data/notes") is None

    assert first == put(repository, "data/notes")

    assert "main" == sees(repository, "data/notes")
    assert ["commit", "hide", "renew"] == events(repository)
    put(repository, "data/notes")
    assert ["commit", "hide", "renew"] == events(repository)


def test_hiding_twice_is_one_event(repository: Repository) -> None:
    """Unless something has come since, or it becomes another kind of hidden."""
    put(repository, "data/old")

    assert [True, False, True, False, True] == [
        repository.hide("data", opaque=opaque).is_changed for opaque in (False, False, True, True, False)
    ]
    assert ["commit", "hide", "hide", "hide"] == events(repository)
    put(repository, "data/new")
    assert repository.hide("data").is_changed
    assert sees(repository, "data/new") is None


def test_an_opaque_directory_shows_its_own_layer_only(repository: Repository, tmp_path: Path) -> None:
    """Whenever that came; and it is a directory even when nothing is in it."""
    repository.add_layer(LayerConfig("base"), position=Position.bottom())
    put(repository, "data/low", layer="base")
    put(repository, "data/own")
    write(tmp_path / "here" / "runtime_resources" / "data" / "above")

    result = repository.hide("data", opaque=True)
    repository.hide("nothing", opaque=True)

    assert (True, True, ()) == (result.is_opaque, result.is_changed, result.notes)
    assert [None, "main", "runtime"] == [
        sees(repository, path) for path in ("data/low", "data/own", "data/above")
    ]
    assert Kind.DIRECTORY is repository.view().find("nothing").kind
    assert repository.unhide("data").is_opaque
    assert "base" == sees(repository, "data/low")


def test_what_is_not_there_is_hidden_in_advance(repository: Repository) -> None:
    """A lower layer may get it later; a note says that there is nothing now."""
    repository.add_layer(LayerConfig("base"), position=Position.bottom())

    result = repository.hide("soon")

    assert (True, ("nothing is there now",)) == (result.is_changed, result.notes)
    put(repository, "soon", layer="base")
    assert sees(repository, "soon") is None


def test_the_uppermost_writable_layer_of_refs_notes_it(repository: Repository) -> None:
    """Where commits go, too; another one if it is named."""
    repository.add_layer(LayerConfig("work"))
    repository.add_layer(LayerConfig("frozen", writable=False))
    put(repository, "data", layer="main")

    assert "work" == repository.hide("data").layer
    assert "main" == repository.hide("data", layer="main").layer
    assert "work" == repository.unhide("data").layer
    assert sees(repository, "data") is None
    assert "main" == repository.unhide("data").layer
    assert "main" == sees(repository, "data")


def test_a_name_above_cannot_be_hidden_from_below(repository: Repository) -> None:
    """It would go on being seen; the hint is the command that works."""
    repository.add_layer(LayerConfig("work"))
    put(repository, "data")

    with pytest.raises(ConflictError, match="it is in layer 'work', which is above") as caught:
        repository.hide("data", layer="main")

    assert ("cannot-hide", "cas hide --layer work data") == (caught.value.code, caught.value.hint)
    assert "hide" not in events(repository)


def test_a_read_only_layer_above_is_overridden_by_another(repository: Repository) -> None:
    """There is nothing to delete and nothing to write: a layer on top can hide it."""
    repository.add_layer(LayerConfig("work"))
    put(repository, "data")
    config = repository.layout.config
    text = config.read_text()
    config.write_text(
        text.replace("name: work\n  kind: refs\n  writable: true", "name: work\n  writable: false")
    )

    with Repository.open(repository.layout.root) as frozen:
        with pytest.raises(ConflictError) as caught:
            frozen.hide("data", layer="main")
        assert "cas layer add NAME --above work" in str(caught.value.hint)
        frozen.add_layer(LayerConfig("over"), position=Position.above("work"))
        frozen.hide("data")
        assert sees(frozen, "data") is None


@pytest.mark.parametrize("is_opaque", [False, True])
def test_a_file_above_is_to_be_deleted(repository: Repository, here: Path, *, is_opaque: bool) -> None:
    """A whiteout below does nothing for it, and one beside it hides lower layers only."""
    file = write(here / "runtime_resources" / "data" / "notes")

    for layer in (None, "runtime"):
        with pytest.raises(ConflictError) as caught:
            repository.hide("data/notes", layer=layer, opaque=is_opaque)
        assert ("cannot-hide", f"delete '{file}'") == (caught.value.code, caught.value.hint)


def test_a_directory_layer_hides_what_is_below_it(repository: Repository, here: Path) -> None:
    """By a file that other tools know; nothing is noted among the refs."""
    put(repository, "data/notes")
    put(repository, "data/more")

    result = repository.hide("data/notes", layer="runtime")

    assert ("runtime", True) == (result.layer, result.is_changed)
    assert [None, "main"] == [sees(repository, "data/notes"), sees(repository, "data/more")]
    assert (here / "runtime_resources" / "data" / ".wh.notes").is_file()
    assert not repository.hide("data/notes", layer="runtime").is_changed
    assert ["commit", "commit"] == events(repository)
    assert "runtime" == repository.unhide("data/notes").layer
    assert "main" == sees(repository, "data/notes")


def test_a_directory_of_its_own_is_made_opaque(repository: Repository, here: Path) -> None:
    """A whiteout beside it would hide lower layers and leave it there, which is not what was asked for."""
    put(repository, "data/low")
    write(here / "runtime_resources" / "data" / "own")

    with pytest.raises(ConflictError, match="which hides lower layers only") as caught:
        repository.hide("data", layer="runtime")
    result = repository.hide("data", layer="runtime", opaque=True)

    assert "--opaque" in str(caught.value.hint)
    assert result.is_changed
    assert [None, "runtime"] == [sees(repository, "data/low"), sees(repository, "data/own")]
    assert repository.unhide("data").is_opaque
    assert "main" == sees(repository, "data/low")


def test_a_file_of_the_layer_is_no_opaque_directory(repository: Repository) -> None:
    """Its own entries stay seen, so the two contradict each other."""
    put(repository, "notes")

    with pytest.raises(ConflictError, match="--opaque makes a directory") as caught:
        repository.hide("notes", opaque=True)

    assert "cas hide --layer main notes" == caught.value.hint


@pytest.mark.parametrize(
    ("layer", "error", "code"),
    [
        ("nix", NotFoundError, "no-such-layer"),
        ("app", ReadOnlyError, "layer-read-only"),
        ("frozen", ReadOnlyError, "layer-read-only"),
    ],
)
def test_only_a_writable_layer_notes_anything(
    repository: Repository, layer: str, error: type[Exception], code: str
) -> None:
    """Neither a package, nor what config.yaml says is only read, nor what is not there."""
    repository.add_layer(LayerConfig("app", "package", package="cas", folder="repo"))
    repository.add_layer(LayerConfig("frozen", writable=False))

    for do in (repository.hide, repository.unhide):
        with pytest.raises(error) as caught:
            do("data", layer=layer)
        assert code == getattr(caught.value, "code", None)


def test_without_a_writable_layer_of_refs_there_is_nowhere_to_note_it(repository: Repository) -> None:
    """A directory is not chosen unasked: it would be a file that nobody expects."""
    config = repository.layout.config
    config.write_text(config.read_text().replace("kind: refs\n  writable: true", "writable: false"))

    with Repository.open(repository.layout.root) as frozen, pytest.raises(NotFoundError) as caught:
        frozen.hide("data")

    assert "no-writable-layer" == caught.value.code


def test_the_root_is_always_there(repository: Repository) -> None:
    """It can be made opaque, which hides all of lower layers, and is shown again."""
    put(repository, "own")
    repository.add_layer(LayerConfig("base"), position=Position.bottom())
    put(repository, "low", layer="base")

    with pytest.raises(InvalidError, match="the root of the view is always there"):
        repository.hide("/")
    repository.hide("", opaque=True)

    assert ["main", None] == [sees(repository, "own"), sees(repository, "low")]
    assert repository.unhide("").is_opaque
    assert "base" == sees(repository, "low")


def test_a_path_too_long_for_the_index_is_told(repository: Repository, here: Path, tmp_path: Path) -> None:
    """Among refs; a directory takes what its file system takes."""
    path = "/".join(["d" * 99] * 5)
    low = LayerConfig("files", "directory", path=os.fspath(tmp_path / "files"))
    repository.add_layer(low, position=Position.bottom())
    write(tmp_path / "files" / path)

    with pytest.raises(InvalidError, match="it has 499 bytes, and 470 can be hidden at most"):
        repository.hide(path)

    assert repository.hide(path, layer="runtime").is_changed
    assert (here / "runtime_resources" / path).with_name(".wh." + "d" * 99).is_file()


@pytest.mark.parametrize("path", ["../up", "a/./b", "a\0b"])
def test_what_is_no_path_is_refused(repository: Repository, path: str) -> None:
    """By both, in every kind of layer."""
    for layer in ("main", "runtime"):
        for do in (repository.hide, repository.unhide):
            with pytest.raises(InvalidError) as caught:
                do(path, layer=layer)
            assert "bad-path" == caught.value.code


def test_what_is_not_hidden_cannot_be_shown(repository: Repository) -> None:
    """The hint names what hides it, if that is above it; hidden in another layer is not hidden in this."""
    repository.add_layer(LayerConfig("work"))
    repository.hide("data/deep", layer="main")

    for path, layer, hint in [
        ("data", None, "cas which data"),
        ("data/deep/er", None, "cas unhide data/deep"),
        ("data/deep", "work", "cas which data/deep"),
        ("data/deep", "runtime", "cas which data/deep"),
    ]:
        with pytest.raises(NotFoundError) as caught:
            repository.unhide(path, layer=layer)
        assert ("not-hidden", hint) == (caught.value.code, caught.value.hint)


def test_what_is_hidden_survives_the_loss_of_the_index(repository: Repository, home: Path) -> None:
    """Place in history included: what was committed later is seen after the recovery as before."""
    put(repository, "data/old")
    repository.hide("data")
    put(repository, "data/new")
    repository.hide(os.fsdecode(b"data/\xff"), opaque=True)
    with repository.snapshot() as txn:
        before = refs.whiteouts(txn, "main")
    repository.close()

    Repository.recover(home)

    with Repository.open(home) as recovered:
        with recovered.snapshot() as txn:
            assert before == refs.whiteouts(txn, "main")
        assert [None, "main"] == [sees(recovered, "data/old"), sees(recovered, "data/new")]


def test_a_layer_that_somebody_added_meanwhile_counts(repository: Repository) -> None:
    """The view shows it, so what hides it must know it."""
    repository.view()
    with Repository.open(repository.layout.root) as other:
        other.add_layer(LayerConfig("work"))
        put(other, "data")

    with pytest.raises(ConflictError, match="it is in layer 'work', which is above"):
        repository.hide("data", layer="main")
    assert "work" == repository.hide("data").layer
    assert ["work", "runtime", "main"] == [one.name for one in repository.layers()]


@pytest.mark.parametrize("has_layer", [True, False])
def test_a_directory_that_a_program_has_set_is_part_of_it(
    repository: Repository, tmp_path: Path, *, has_layer: bool
) -> None:
    """It takes the place of a layer, or is on top: what is in it is deleted there, and hidden there."""
    if not has_layer:
        repository.remove_layer("runtime")
    file = write(tmp_path / "set" / "data")
    put(repository, "low")
    repository.view().set_user_resources_directory(tmp_path / "set")

    with pytest.raises(ConflictError, match="it is in layer 'runtime', which is above") as caught:
        repository.hide("data")
    assert f"delete '{file}'" == caught.value.hint
    if has_layer:
        repository.hide("low", layer="runtime")
        assert (tmp_path / "set" / ".wh.low").exists()
        assert "runtime" == repository.unhide("low").layer


def test_a_symlink_is_hidden_as_such(repository: Repository, here: Path, tmp_path: Path) -> None:
    """Not what it leads to: the hint names the link, and one in a version is hidden by its own path."""
    source = tmp_path / "source"
    put_folder(repository, "data", source, "a", "b")
    (source / "link").symlink_to("a")
    repository.commit("data", source)
    write(here / "runtime_resources" / "file")
    link = here / "runtime_resources" / "link"
    link.symlink_to("file")

    repository.hide("data/link")
    with pytest.raises(ConflictError) as caught:
        repository.hide("link")

    assert [None, "main"] == [sees(repository, "data/link"), sees(repository, "data/a")]
    assert f"delete '{link}'" == caught.value.hint


@pytest.mark.parametrize("layer", ["main", "runtime"])
def test_nothing_is_hidden_through_a_symlink(
    repository: Repository, here: Path, tmp_path: Path, layer: str
) -> None:
    """The link would go on leading to it, and beside what it leads to is another path: the hint says so."""
    source = tmp_path / "source"
    put_folder(repository, "data", source, "d/a")
    (source / "link").symlink_to("d")
    repository.commit("data", source)
    (here / "runtime_resources" / "own").mkdir(parents=True)
    write(here / "runtime_resources" / "own" / "b")
    (here / "runtime_resources" / "mine").symlink_to("own")

    for path, link in [("data/link/a", "data/link"), ("data/link/x/y", "data/link"), ("mine/b", "mine")]:
        for opaque in (False, True):
            with pytest.raises(ConflictError, match="is a symlink") as caught:
                repository.hide(path, layer=layer, opaque=opaque)
            assert "cannot-hide" == caught.value.code
            assert f"`cas hide {link}`" in str(caught.value.hint)

    assert "hide" not in events(repository)
    assert ["mine", "own"] == sorted(path.name for path in (here / "runtime_resources").iterdir())
    repository.hide("data/d/a", layer=layer)
    assert (None if layer == "main" else "main") == sees(repository, "data/link/a")


@pytest.mark.parametrize("opaque", [False, True])
@pytest.mark.parametrize("layer", ["main", "runtime"])
def test_what_is_below_a_file_does_not_hide_the_file(
    repository: Repository, here: Path, layer: str, *, opaque: bool
) -> None:
    """A directory would have to be in its place; among the refs, a path can be hidden without one."""
    repository.add_layer(LayerConfig("base"), position=Position.bottom())
    put(repository, "a/file", layer="base")

    if layer == "main" and not opaque:
        assert repository.hide("a/file/b").notes
    else:
        with pytest.raises(ConflictError, match="'a/file' is a file in layer 'base'"):
            repository.hide("a/file/b/c", layer=layer, opaque=opaque)

    assert "base" == sees(repository, "a/file")
    assert [] == list(here.iterdir())


def test_a_directory_layer_hides_nothing_in_advance_where_no_directory_is(
    repository: Repository, here: Path
) -> None:
    """It would have to be made, and be seen; the hint is what works."""
    put(repository, "data/old")
    repository.hide("data")

    for path in ("nothing/here", "data/old"):
        with pytest.raises(ConflictError, match="an empty directory would be shown") as caught:
            repository.hide(path, layer="runtime")
        assert f"note it among the refs: `cas hide {path}`" == caught.value.hint

    assert [] == list(here.iterdir())
    assert repository.hide("nothing/here").is_changed


@pytest.mark.parametrize("opaque", [False, True])
def test_showing_again_undoes_all_that_hiding_made(
    repository: Repository, here: Path, *, opaque: bool
) -> None:
    """Directories, too, unless something is in them by now, or nothing else would be there."""
    put(repository, "data/a/b/old/x")
    put(repository, "data/kept")
    before = [node.path for node in repository.view().walk()]
    write(here / "runtime_resources" / "data" / "mine")
    (here / "runtime_resources" / "empty").mkdir()

    repository.hide("data/a/b/old", layer="runtime", opaque=opaque)
    assert sees(repository, "data/a/b/old/x") is None
    repository.hide("empty/x", layer="runtime")
    repository.unhide("data/a/b/old")
    repository.unhide("empty/x")

    assert [*before, "data/mine", "empty"] == [node.path for node in repository.view().walk()]
    root = here / "runtime_resources"
    assert ["data", "data/mine", "empty"] == sorted(
        os.fspath(one.relative_to(root)) for one in root.rglob("*")
    )


def test_hidden_versions_are_live(repository: Repository) -> None:
    """Out of sight is not removed: gc takes nothing, and whoever names them gets them."""
    spec = put(repository, "data/notes", b"keep me")
    repository.hide("data")

    assert 0 == repository.gc().objects_deleted
    assert b"keep me" == repository.read(spec)
    assert [] == list(repository.verify().problems)


@pytest.mark.parametrize("path", [".wh..opq", "models/.wh.a", ".cas/config.yaml", ".cas-downloads"])
def test_what_a_directory_never_shows_is_not_hidden_in_it(
    repository: Repository, here: Path, path: str
) -> None:
    """A whiteout of `.wh..opq` would be the mark that makes all of the directory opaque."""
    with pytest.raises(InvalidError, match="never part of the view") as caught:
        repository.hide(path, layer="runtime")

    assert caught.value.code == "bad-path"
    assert list(here.iterdir()) == []


@pytest.mark.parametrize("mark", [".wh.a", ".wh..wh..opq"])
def test_a_whiteout_is_known_by_its_name_alone(repository: Repository, here: Path, mark: str) -> None:
    """A symlink that leads nowhere hides as a file does, and a lookup says what a listing says."""
    put(repository, "data/a")
    folder = here / "runtime_resources" / "data"
    folder.mkdir(parents=True)
    (folder / mark).symlink_to("nowhere")
    view = repository.view()

    assert sees(repository, "data/a") is None
    assert [] == [*view.list("data"), *view.names()]
    assert repository.unhide("data/a" if mark == ".wh.a" else "data").is_changed
    assert "main" == sees(repository, "data/a")
    assert ["data/a"] == [node.path for node in view.list("data")]
