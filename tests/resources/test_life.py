"""The three flows, and what a repository has after them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cas.errors import (
    ConflictError,
    CorruptError,
    HookRefusedError,
    InvalidError,
    NotFoundError,
    StorageError,
)
from cas.hooks import PreCommit, hookimpl, refusal
from cas.layout import Layout
from cas.repo import Repository
from cas.repo.results import OnConflict, Outcome
from cas.resources.environment import Environment
from cas.resources.files import FileResource
from cas.resources.values import BuildParamsResource
from cas.testing import faults
from cas.versions.version import State
from tests import processes
from tests.resources import children
from tests.resources.hosts import REGION, TYPES, write

if TYPE_CHECKING:
    from pathlib import Path

    from tests.resources.hosts import Host

WITH_PAYLOAD = ["file", "directory", "python", "optional"]


def content_of(resource: Any) -> object:  # noqa: ANN401 - of any type
    """Read what an available resource has."""
    match resource.type_name:
        case "python":
            return resource.load()
        case "directory":
            return ["".join(path.read_text() for path in sorted(resource.path().iterdir()))]
        case "build-params":
            return None
    return [resource.path().read_text()]


@pytest.mark.parametrize("kind", TYPES)
def test_what_one_object_commits_another_reads(kind: str, host: Host) -> None:
    """Flow 1 and flow 2, for every type, by two objects that share nothing but the key."""
    written = host.stored(TYPES[kind]())
    assert written.exists

    read = host.configured(TYPES[kind]())
    read.ensure_available()
    content = content_of(read)
    read.clean()

    assert content == (None if kind == "build-params" else ["content\n"])
    assert read.exists
    assert read.version == written.version
    assert list(host.workspace.iterdir()) == []
    version = host.repository.resolve(written.name)
    assert (version.type, version.properties) == (written.type_name, REGION)
    assert version.record.origin == "tests"


@pytest.mark.parametrize("kind", TYPES)
def test_flow_3_needs_settings_and_nothing_else(kind: str, host: Host) -> None:
    """A server removes what it never fetched."""
    host.stored(TYPES[kind]())
    resource = host.configured(TYPES[kind]())

    resource.remove()

    assert not resource.exists
    assert host.repository.names() == []


def test_logged_commit_logs_what_was_stored(host: Host) -> None:
    """Name, version, type and size, once for each commit."""
    resource = host.configured(TYPES["file"]())
    write(resource)

    resource.logged_commit()
    resource.logged_commit()

    ref = f"maps/roads@{resource.version.short}"
    assert host.logged == [f"created {ref} (file, 8 bytes)", f"unchanged {ref} (file, 8 bytes)"]


def test_commit_alone_neither_logs_nor_says_that_it_exists(host: Host) -> None:
    """The two are what `logged_commit` adds."""
    resource = host.configured(TYPES["file"]())
    write(resource)

    resource.commit()

    assert not resource.exists
    assert host.logged == []


class Refuses:
    """A policy that agrees to nothing."""

    @hookimpl
    def pre_commit(self, event: PreCommit) -> None:
        raise refusal(event, "not today")


class Fails:
    """A post-hook that comes too late to stop anything."""

    @hookimpl
    def post_commit(self) -> None:
        raise RuntimeError("too late")


def test_logged_commit_logs_what_went_wrong_afterwards(host: Host) -> None:
    """The notes of the commit would be seen by nobody else."""
    host.repository.set_hooks(Fails())

    host.stored(TYPES["file"]())

    assert host.logged[0].startswith("created maps/roads@")
    assert "RuntimeError: too late" in host.logged[1]


@pytest.mark.parametrize("kind", WITH_PAYLOAD)
def test_exists_stays_unset_when_a_hook_refuses(kind: str, host: Host) -> None:
    """Who reads `exists` afterwards must not look for what is not there; and it can be tried again."""
    resource = host.configured(TYPES[kind]())
    write(resource)
    host.repository.set_hooks(Refuses())

    with pytest.raises(HookRefusedError):
        resource.logged_commit()

    assert not resource.exists
    host.repository.set_hooks(are_fired=False)
    resource.logged_commit()
    assert resource.exists


def test_exists_stays_unset_when_the_disk_is_full(host: Host) -> None:
    """The upload failed half-way: nothing is visible, and cleaning still works."""
    resource = host.configured(TYPES["file"]())
    write(resource)

    full = StorageError("cannot write", code="disk-full")
    with faults.failing_at("pack.sealed", full), pytest.raises(StorageError):
        resource.logged_commit()
    resource.clean()

    assert not resource.exists
    assert host.repository.names() == []
    assert list(host.workspace.iterdir()) == []


def test_b4_other_content_for_the_version_is_a_conflict(host: Host) -> None:
    """The first is kept, and both contents are named; only an explicit word replaces it."""
    host.stored(TYPES["file"]())
    other = host.configured(TYPES["file"]())
    write(other, "different\n")

    with pytest.raises(ConflictError) as caught:
        other.logged_commit()

    assert caught.value.code == "version-conflict"
    assert not other.exists
    assert host.repository.read("maps/roads") == b"content\n"
    assert other.logged_commit(on_conflict=OnConflict.KEEP).outcome is Outcome.KEPT
    assert host.repository.read("maps/roads") == b"content\n"
    assert other.logged_commit(on_conflict=OnConflict.REPLACE).outcome is Outcome.REPLACED
    assert host.repository.read("maps/roads") == b"different\n"


def test_b5_what_was_never_committed_is_in_nobodys_way(host: Host) -> None:
    """A task that died before its commit leaves a name that the next one may take."""
    first = host.configured(TYPES["file"]())
    write(first, "half")
    first.clean()

    second = host.stored(TYPES["file"]())

    assert second.exists
    assert host.repository.read("maps/roads") == b"content\n"


def test_b6_two_processes_commit_one_key_at_once(host: Host, tmp_path: Path) -> None:
    """Both succeed, there is one record, and its payload is whole."""
    home = host.repository.layout.root.parent
    running = []
    for number in range(2):
        (tmp_path / f"w{number}").mkdir()
        running.append(processes.start(children.commit_when_told, home, tmp_path / f"w{number}"))
    for child in running:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"

    said = []
    for child in running:
        assert child.stdin is not None
        child.stdin.write("\n")
        child.stdin.flush()
    for child in running:
        out, _ = child.communicate()
        said.append(out.strip())
        assert child.returncode == 0

    assert sorted(said) in (["created", "unchanged"], ["unchanged", "created"])
    assert len(host.repository.versions("maps/roads", include_removed=True)) == 1
    assert host.repository.read("maps/roads") == children.PAYLOAD.encode()


def test_b14_what_others_were_made_from_is_removed_only_by_force(host: Host) -> None:
    """The users are named; by force it goes, and the record stays as a tombstone."""
    used = host.stored(TYPES["file"]())
    host.stored(FileResource("maps/city"), {}, {"roads": used.version})
    resource = host.configured(TYPES["file"]())

    with pytest.raises(ConflictError, match="maps/city@") as caught:
        resource.remove()
    assert caught.value.code == "has-dependents"
    assert resource.stage == "configured"
    resource.remove(force=True)

    (left,) = host.repository.versions("maps/roads", include_removed=True)
    assert left.state is State.REMOVED


def test_b15_removing_twice_is_quiet(host: Host) -> None:
    """By one object and by another, and when gc has taken the payload."""
    host.stored(TYPES["file"]())
    for _ in range(2):
        resource = host.configured(TYPES["file"]())
        resource.remove()
        resource.remove()
    host.repository.gc()

    host.configured(TYPES["file"]()).remove()


def test_b15_removing_what_was_never_stored_is_an_error(host: Host) -> None:
    """Neither the name, nor this version of a name that is there."""
    for _ in range(2):
        with pytest.raises(NotFoundError, match="it was never stored here") as caught:
            host.configured(TYPES["file"](), {"region": "fi"}).remove()
        assert caught.value.code == "no-such-version"
        host.stored(TYPES["file"]())


def test_b16_removing_one_does_not_damage_another_with_the_same_payload(host: Host) -> None:
    """Equal bytes are stored once, and are gone when nobody needs them, not before."""
    host.stored(TYPES["file"]())
    host.stored(FileResource("copy"))

    host.configured(TYPES["file"]()).remove()
    host.repository.gc()
    read = host.configured(FileResource("copy"))
    read.ensure_available()

    assert read.path().read_text() == "content\n"


def test_b17_a_second_commit_of_the_same_is_a_no_op(host: Host) -> None:
    """Also from another object on another day."""
    resource = host.configured(TYPES["file"]())
    write(resource)
    assert resource.logged_commit().outcome is Outcome.CREATED

    assert resource.logged_commit().outcome is Outcome.UNCHANGED
    write(resource)
    assert resource.logged_commit().outcome is Outcome.UNCHANGED

    assert len(host.repository.log()) == 1


def test_b17_a_second_commit_of_something_else_is_a_conflict(host: Host) -> None:
    """What was there first is there still, and `exists` says so."""
    resource = host.configured(TYPES["file"]())
    write(resource)
    resource.logged_commit()

    write(resource, "changed\n")
    with pytest.raises(ConflictError):
        resource.logged_commit()

    assert resource.exists
    assert host.repository.read("maps/roads") == b"content\n"


@pytest.mark.parametrize("kind", ["file", "directory", "python"])
def test_what_is_not_stored_is_not_available(kind: str, host: Host) -> None:
    """Never, not any more, or only as a tombstone: each is said, and a later try may find it."""
    resource = host.configured(TYPES[kind]())
    for code, happen in (
        ("no-such-name", lambda: host.stored(TYPES[kind]())),
        (None, lambda: host.configured(TYPES[kind]()).remove()),
        ("version-removed", host.repository.gc),
        ("version-collected", lambda: None),
    ):
        if code is not None:
            with pytest.raises(NotFoundError) as caught:
                resource.ensure_available()
            assert caught.value.code == code
            assert not resource.exists
        happen()


def test_another_type_is_not_available(host: Host) -> None:
    """A directory at the path of a file would only be noticed by the task."""
    host.stored(FileResource("maps/tiles"))

    with pytest.raises(InvalidError) as caught:
        host.configured(TYPES["directory"]()).ensure_available()

    assert caught.value.code == "wrong-type"
    assert caught.value.why == "it was stored as one of type 'file'"


def test_a_damaged_payload_is_not_available(host: Host) -> None:
    """Verified means that a task never sees other bytes; what was placed of them is gone again."""
    host.stored(TYPES["directory"]())
    for pack in host.repository.layout.packs.rglob("*.pack"):
        data = bytearray(pack.read_bytes())
        pack.chmod(0o644)
        pack.write_bytes(bytes(byte ^ 0xFF for byte in data))
    with Repository.open(host.repository.layout.root) as damaged:
        resource = TYPES["directory"]()
        resource.register(REGION)
        resource.load_environment_settings(Environment(damaged, host.workspace, host.logged.append))

        with pytest.raises(CorruptError):
            resource.ensure_available()

        assert resource.stage == "configured"
        assert list(host.workspace.iterdir()) == []


def test_the_same_object_on_another_host(host: Host, tmp_path: Path) -> None:
    """Cleaned, configured again elsewhere: it finds what is there, not what was."""
    resource = host.stored(TYPES["file"]())
    Repository.init(tmp_path / "other").close()
    (tmp_path / "w").mkdir()

    with Repository(Layout.at(tmp_path / "other")) as other:
        resource.load_environment_settings(Environment(other, tmp_path / "w", host.logged.append))
        with pytest.raises(NotFoundError):
            resource.ensure_available()
        write(resource, "elsewhere\n")
        resource.logged_commit()

        assert other.read("maps/roads") == b"elsewhere\n"


def test_build_parameters_exist_as_soon_as_they_are_registered(host: Host) -> None:
    """They are nothing but properties; a commit puts them on record, with an empty file."""
    params = BuildParamsResource("build")
    before = params.exists

    params.register(REGION)
    assert (before, params.exists) == (False, True)
    host.configured(params).ensure_available()
    params.clean()
    version = host.configured(params).logged_commit().version

    assert (version.type, version.size, version.properties) == ("build-params", 0, REGION)
    assert host.repository.read("build") == b""
