"""The facade fires hooks at its points: once each, with the truth, and a refusal leaves nothing behind."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from cas.errors import HookRefusedError
from cas.hooks import PostRun, PreCommit, PreRun, Subject, hookimpl, refusal
from cas.hooks.calls import HookCall, Outcome
from cas.hooks.events import POINTS
from cas.repo import Repository
from tests.hooks.executables import shell
from tests.repo.examples import files, state

if TYPE_CHECKING:
    from pathlib import Path

    from cas.hooks.events import Event


class Listener:
    """A plug-in that keeps what it is told."""

    def __init__(self) -> None:
        self.heard: list[Event] = []

    def points(self) -> list[str]:
        """The points that were fired, in this order."""
        names = {kind: point for point, kind in POINTS.items()}
        return [names[type(event)] for event in self.heard]

    @hookimpl
    def pre_commit(self, event: Event) -> None:
        """Keep it."""
        self.heard.append(event)

    post_commit = pre_checkout = post_checkout = pre_remove = post_remove = pre_commit
    pre_gc = post_gc = pre_run = post_run = pre_commit


@pytest.fixture
def listener(repository: Repository) -> Listener:
    """What hears everything that happens to the repository."""
    made = Listener()
    repository.set_hooks(made)
    return made


def configure(repository: Repository, **hooks: Any) -> Repository:  # noqa: ANN401 - YAML is anything
    """Write the section `hooks` as a user would, and open the repository again."""
    document = yaml.safe_load(repository.layout.config.read_text())
    repository.layout.config.write_text(yaml.safe_dump(document | {"hooks": hooks}))
    repository.close()
    return Repository.open(repository.layout.root)


def test_every_operation_fires_its_two_points(
    repository: Repository, listener: Listener, tmp_path: Path
) -> None:
    """Before and after, once each; looking fires nothing, and neither do dry runs."""
    repository.commit("notes", io.BytesIO(b"1"), dry_run=True)
    repository.gc(dry_run=True)
    repository.names()
    assert listener.points() == []

    repository.commit("notes", io.BytesIO(b"1"))
    repository.checkout("notes", tmp_path / "out")
    repository.remove(["notes"])
    repository.gc()

    assert listener.points() == [point for point in POINTS if not point.endswith("run")]


def test_an_unchanged_commit_asks_nobody(repository: Repository, listener: Listener) -> None:
    """There is nothing to refuse: the version was approved when it came."""
    repository.commit("notes", io.BytesIO(b"1"))
    repository.commit("notes", io.BytesIO(b"1"))

    assert listener.points() == ["pre_commit", "post_commit", "post_commit"]


def test_events_tell_the_truth(repository: Repository, listener: Listener, file: Path) -> None:
    """What a policy decides by is what is stored."""
    raw = repository.commit("raw", io.BytesIO(b"raw")).version
    done = repository.commit("notes", file, properties={"year": 2024}, inputs=["raw"], message="hello")
    before = listener.heard[2]

    assert isinstance(before, PreCommit)
    assert Subject("main", "notes", done.version.version) == before.subject
    assert (done.version.content, done.size, 1) == (before.content, before.size, before.file_count)
    assert ({"year": 2024}, {"raw": raw.version}, "hello") == (
        before.properties,
        before.inputs,
        before.message,
    )
    assert repository.layout.root == before.repository


def test_a_destination_is_absolute(
    repository: Repository, listener: Listener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An executable has another working directory than the command."""
    repository.commit("notes", io.BytesIO(b"1"))
    listener.heard.clear()
    monkeypatch.chdir(tmp_path)

    repository.checkout("notes")
    repository.checkout("notes", "elsewhere")

    assert [tmp_path / "notes"] * 2 + [tmp_path / "elsewhere"] * 2 == [
        getattr(event, "destination", None) for event in listener.heard
    ]


class Refuser:
    """A plug-in that allows nothing."""

    @hookimpl
    def pre_commit(self, event: PreCommit) -> None:
        """Refuse."""
        raise refusal(event, "not today")

    pre_checkout = pre_remove = pre_gc = pre_run = pre_commit


def test_a_refusal_leaves_nothing_behind(repository: Repository, tmp_path: Path) -> None:
    """No version, no bytes, no checkout, no session: as if it had never been tried."""
    repository.commit("notes", io.BytesIO(b"1"))
    before = state(repository)
    repository.set_hooks(Refuser())

    for refused in (
        lambda: repository.commit("notes", io.BytesIO(b"2")),
        lambda: repository.checkout("notes", tmp_path / "out"),
        lambda: repository.remove(["notes"]),
        repository.gc,
    ):
        with pytest.raises(HookRefusedError, match="not today"):
            refused()

    assert before == state(repository)
    assert [] == files(repository.layout.sessions)
    assert not (tmp_path / "out").exists()


def test_runs_are_announced(repository: Repository, listener: Listener) -> None:
    """Whoever runs a graph fires through the facade, too."""
    version = repository.commit("raw", io.BytesIO(b"raw")).version
    subject = Subject(version.layer, version.name, version.version)
    before = PreRun(repository.layout.root, "clean", (subject,), {})
    after = PostRun(repository.layout.root, "clean", (subject,), {}, built=False, seconds=0.5)

    repository.before_run(before)
    assert repository.after_run(after) == ()

    assert [before, after] == listener.heard[2:]
    repository.set_hooks(Refuser())
    with pytest.raises(HookRefusedError, match="cannot run 'clean': not today"):
        repository.before_run(before)


def test_executables_are_fired(repository: Repository, home: Path) -> None:
    """The policy of a repository is a file in it."""
    shell(repository.layout.hooks / "pre_commit", "echo 'no notes' >&2; exit 1")

    with pytest.raises(HookRefusedError, match="no notes"):
        repository.commit("notes", io.BytesIO(b"1"))

    shell(repository.layout.hooks / "post_commit", "cat >event; echo 'no mail' >&2; exit 1")
    (repository.layout.hooks / "pre_commit").unlink()
    repository.set_hooks()
    result = repository.commit("notes", io.BytesIO(b"1"))

    assert ("the hook '.cas/hooks/post_commit' failed: no mail",) == result.notes
    event = json.loads((home / "event").read_text())
    assert ("post_commit", "created", "notes") == (event["point"], event["outcome"], event["subject"]["name"])


def test_policies_of_the_configuration_hold(repository: Repository) -> None:
    """All three at once, and the time limit."""
    with configure(
        repository,
        required_properties={"n*": ["source"]},
        size_limit="2 B",
        audit_log=True,
        timeout=0.25,
    ) as strict:
        with pytest.raises(HookRefusedError, match="need the property 'source'"):
            strict.commit("notes", io.BytesIO(b"1"))
        with pytest.raises(HookRefusedError, match="the limit is 2"):
            strict.commit("other", io.BytesIO(b"123"))
        assert not strict.layout.audit_log.exists()
        shell(strict.layout.hooks / "pre_gc", "exec sleep 600")
        strict.set_hooks(actor="ann@box")
        strict.commit("other", io.BytesIO(b"12"))
        with pytest.raises(HookRefusedError, match=r"did not end within 0\.25 s"):
            strict.gc()

        (line,) = strict.layout.audit_log.read_text().splitlines()
        assert ("ann@box", "post_commit") == (json.loads(line)["by"], json.loads(line)["point"])


def test_hooks_can_be_left_out(repository: Repository) -> None:
    """All of them, those of the configuration too: for repairing what a broken hook stops."""
    shell(repository.layout.hooks / "pre_commit", "exit 1")
    with configure(repository, size_limit=0, audit_log=True) as strict:
        strict.set_hooks(Refuser(), are_fired=False)

        strict.commit("notes", io.BytesIO(b"1"))

        assert strict.hooks() == []
        assert not strict.layout.audit_log.exists()


def test_executables_alone_can_be_left_out(repository: Repository) -> None:
    """For a command that an executable runs on its own repository; policies hold all the same."""
    shell(repository.layout.hooks / "pre_commit", "exit 1")
    with configure(repository, size_limit=1) as strict:
        strict.set_hooks(has_executables=False)

        strict.commit("notes", io.BytesIO(b"1"))

        with pytest.raises(HookRefusedError, match="the limit is 1"):
            strict.commit("notes", io.BytesIO(b"12"))


def test_hooks_are_traced_and_listed(repository: Repository) -> None:
    """In the order of their calls: what is built in, plug-ins, the executable."""
    shell(repository.layout.hooks / "pre_commit", "echo fine")
    with configure(repository, size_limit=10) as strict:
        calls: list[HookCall] = []
        strict.set_hooks(Listener(), trace=calls.append)

        strict.commit("notes", io.BytesIO(b"1"))

        expected = ["size_limit", "Listener", ".cas/hooks/pre_commit"]
        assert [*expected, "Listener"] == [call.hook.name for call in calls]
        assert expected == [hook.name for hook in strict.hooks() if hook.point == "pre_commit"]
        assert {Outcome.AGREED} == {call.outcome for call in calls}
        assert "fine" == calls[2].said


def test_a_trial_changes_nothing(repository: Repository, home: Path) -> None:
    """The audit log holds what happened, and nothing has; policies and executables are asked."""
    shell(repository.layout.hooks / "post_commit", "cat >event")
    with configure(repository, audit_log=True, size_limit=1) as strict:
        before = state(strict)

        after = strict.try_hooks("post_commit")
        (asked,) = strict.try_hooks("pre_commit")

        assert [".cas/hooks/post_commit"] == [call.hook.name for call in after]
        assert Outcome.REFUSED == asked.outcome
        assert "sample/roads" == json.loads((home / "event").read_text())["subject"]["name"]
        assert before == state(strict)
        assert not strict.layout.audit_log.exists()
