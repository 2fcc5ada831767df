"""Whatever the order of commands, a few dictionaries say what must be there."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from cas.repo import Repository
from cas.versions.version import State
from tests.maintenance.boxes import Box, Files, files_of, noise

NAMES = ("a", "b", "b/c")
TAGS = ("best", "old")
PIECES = {
    "empty": b"",
    "tiny": b"x",
    "small": noise(1, 2000),
    "other": noise(2, 2000),
    "chunked": noise(3, 140_000),
    "longer": noise(3, 140_000) + noise(4, 60_000),
}
PATHS = ("f", "g", "d/f", "d/e/f")


@dataclass(slots=True)
class Model:
    """What a version is and was."""

    name: str
    files: Files
    place: int
    """The higher, the newer."""
    state: State = State.LIVE
    tags: set[str] = field(default_factory=set)
    """Of a removed version, those that it had."""


class StoreMachine(RuleBasedStateMachine):
    """A repository beside a model of it."""

    specs = Bundle("specs")

    @initialize()
    def make(self) -> None:
        """Begin with an empty repository."""
        self.folder = Path(tempfile.mkdtemp())
        self.box = Box.make(self.folder / "box")
        self.known: dict[str, Model] = {}
        self.count = 0

    def of(self, state: State, name: str | None = None) -> dict[str, Model]:
        """Choose versions by state, and perhaps by name."""
        return {
            spec: one for spec, one in self.known.items() if one.state is state and name in {None, one.name}
        }

    def take_tag(self, name: str, tag: str) -> None:
        """Take a tag away from whatever version of `name` has it."""
        for one in self.of(State.LIVE, name).values():
            one.tags.discard(tag)

    @rule(
        target=specs,
        name=st.sampled_from(NAMES),
        chosen=st.dictionaries(st.sampled_from(PATHS), st.sampled_from(sorted(PIECES)), min_size=1),
    )
    def commit(self, name: str, chosen: dict[str, str]) -> str:
        """Commit something, perhaps again: it is the newest then, and a removed one has lost its tags."""
        files = {path: PIECES[piece] for path, piece in chosen.items()}
        spec = self.box.commit(name, files)
        old = self.known.get(spec)
        tags = old.tags if old is not None and old.state is State.LIVE else set()
        self.count += 1
        self.known[spec] = Model(name, files, self.count, tags=tags)
        return spec

    @rule(spec=specs, tag=st.sampled_from(TAGS))
    def tag(self, spec: str, tag: str) -> None:
        """Tag a version; the tag moves from where it was."""
        if self.known[spec].state is State.LIVE:
            with self.box.open() as repository:
                repository.tag(spec, tag, force=True)
            self.take_tag(self.known[spec].name, tag)
            self.known[spec].tags.add(tag)

    @rule(spec=specs, tag=st.sampled_from(TAGS))
    def untag(self, spec: str, tag: str) -> None:
        """Take a tag away."""
        one = self.known[spec]
        if one.state is State.LIVE and tag in one.tags:
            with self.box.open() as repository:
                repository.untag(f"{one.name}@{tag}")
            one.tags.remove(tag)

    @rule(spec=specs)
    def remove(self, spec: str) -> None:
        """Remove a version, if it is there."""
        if self.known[spec].state is State.LIVE:
            with self.box.open() as repository:
                repository.remove([spec])
            self.known[spec].state = State.REMOVED

    @rule(spec=specs)
    def restore(self, spec: str) -> None:
        """Bring a removed version back, in its old place, with those of its tags that are still free."""
        one = self.known[spec]
        if one.state is State.REMOVED:
            with self.box.open() as repository:
                repository.restore(spec)
            one.tags -= set().union(*(other.tags for other in self.of(State.LIVE, one.name).values()))
            one.state = State.LIVE

    @rule()
    def collect(self) -> None:
        """Run gc: what was removed is gone for good, as announced, and nothing is left over."""
        with self.box.open() as repository:
            announced = repository.gc(dry_run=True)
            report = repository.gc()
        assert announced.freed == report.freed
        removed = self.of(State.REMOVED)
        assert {f"{one.name}@{one.version}" for one in report.freed} == set(removed)
        for one in removed.values():
            one.state = State.COLLECTED
        assert self.box.litter() == []

    @rule(is_lost=st.booleans())
    def recover(self, *, is_lost: bool) -> None:
        """Rebuild the index, lost or not."""
        if is_lost:
            shutil.rmtree(self.box.root / "index")
        assert Repository.recover(self.box.home).lost == ()

    @rule()
    def verify(self) -> None:
        """Check everything."""
        assert self.box.problems() == []

    @invariant()
    def everything_is_as_it_should_be(self) -> None:
        """Every live version reads back; names, order, tags and states are the model's."""
        with self.box.open() as repository:
            for name in NAMES:
                found = repository.versions(name, include_removed=True)
                assert {f"{name}@{one.version}": one.state for one in found} == {
                    spec: one.state for spec, one in self.known.items() if one.name == name
                }
                live = self.of(State.LIVE, name)
                newest_first = sorted(live, key=lambda spec: -live[spec].place)
                shown = [one for one in found if one.state is State.LIVE]
                assert [f"{name}@{one.version}" for one in shown] == newest_first
                assert [one.is_current for one in shown] == [spec == newest_first[0] for spec in newest_first]
                assert [set(one.tags) for one in shown] == [live[spec].tags for spec in newest_first]
            for spec, one in self.of(State.LIVE).items():
                assert files_of(repository, spec) == one.files

    def teardown(self) -> None:
        """Give the disk space back."""
        if hasattr(self, "folder"):
            shutil.rmtree(self.folder)


StoreMachine.TestCase.settings = settings(
    max_examples=15, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)
TestStore = StoreMachine.TestCase
