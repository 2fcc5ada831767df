"""Whatever the order of commit, remove, restore, gc and recover, a dictionary says what must be there."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from cas.repo import Repository
from tests.maintenance.boxes import Box, Files, noise

NAMES = ("a", "b", "b/c")
PIECES = {
    "empty": b"",
    "tiny": b"x",
    "small": noise(1, 2000),
    "other": noise(2, 2000),
    "chunked": noise(3, 140_000),
    "longer": noise(3, 140_000) + noise(4, 60_000),
}
PATHS = ("f", "g", "d/f", "d/e/f")


class StoreMachine(RuleBasedStateMachine):
    """A repository beside a model of it."""

    specs = Bundle("specs")

    @initialize()
    def make(self) -> None:
        """Begin with an empty repository."""
        self.folder = Path(tempfile.mkdtemp())
        self.box = Box.make(self.folder / "box")
        self.live: dict[str, Files] = {}
        self.removed: dict[str, Files] = {}

    @rule(
        target=specs,
        name=st.sampled_from(NAMES),
        chosen=st.dictionaries(st.sampled_from(PATHS), st.sampled_from(sorted(PIECES)), min_size=1),
    )
    def commit(self, name: str, chosen: dict[str, str]) -> str:
        """Commit something, perhaps again."""
        files = {path: PIECES[piece] for path, piece in chosen.items()}
        spec = self.box.commit(name, files)
        self.live[spec] = files
        self.removed.pop(spec, None)
        return spec

    @rule(spec=specs)
    def remove(self, spec: str) -> None:
        """Remove a version, if it is there."""
        if spec in self.live:
            with self.box.open() as repository:
                repository.remove([spec])
            self.removed[spec] = self.live.pop(spec)

    @rule(spec=specs)
    def restore(self, spec: str) -> None:
        """Bring a removed version back; gc may have taken it."""
        if spec in self.removed:
            with self.box.open() as repository:
                repository.restore(spec)
            self.live[spec] = self.removed.pop(spec)

    @rule()
    def collect(self) -> None:
        """Run gc: what was removed is gone for good, and nothing is left over."""
        with self.box.open() as repository:
            report = repository.gc()
        assert {f"{one.name}@{one.version}" for one in report.freed} == set(self.removed)
        self.removed.clear()
        assert self.box.litter() == []

    @rule()
    def recover(self) -> None:
        """Lose the index and rebuild it."""
        shutil.rmtree(self.box.root / "index")
        report = Repository.recover(self.box.home)
        assert report.lost == ()

    @rule()
    def verify(self) -> None:
        """Check everything."""
        assert self.box.problems() == []

    @invariant()
    def everything_live_is_there(self) -> None:
        """Every live version reads back; no other is live."""
        assert self.box.versions() == self.live

    def teardown(self) -> None:
        """Give the disk space back."""
        if hasattr(self, "folder"):
            shutil.rmtree(self.folder)


StoreMachine.TestCase.settings = settings(
    max_examples=20, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)
)
TestStore = StoreMachine.TestCase
