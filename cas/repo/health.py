"""The part of the facade that looks after the store itself: is it whole, what is in it, can it be rebuilt."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from cas.layout import Layout
from cas.repo.reader import SILENT, Reader

if TYPE_CHECKING:
    from pathlib import Path

    from cas.maintenance.recover import RecoverReport
    from cas.maintenance.stats import Stats
    from cas.maintenance.verify import VerifyReport
    from cas.progress import Progress


class Health(Reader):
    """An open repository, for looking and for its upkeep."""

    def verify(
        self, *, quick: bool = False, repair: bool = False, progress: Progress = SILENT
    ) -> VerifyReport:
        """Check that every live version is whole; fully means that every byte is hashed again.

        Args:
            quick: Only that everything is present, not that the bytes are right.
            repair: Mend what can be mended from other copies: packs, views, checkouts.
            progress: Told about bytes as they are hashed.
        """
        from cas.maintenance import verify

        return verify.verify(self._store, self._ledger, quick=quick, repair=repair, progress=progress)

    @staticmethod
    def recover(directory: Path, *, progress: Progress = SILENT) -> RecoverReport:
        """Rebuild the index of the repository in `directory` from its packs and its journal.

        If its `config.yaml` is missing, a default one is written first.

        Raises:
            ConflictError: Somebody is writing to the repository.
        """
        from cas.maintenance import recover
        from cas.repo import reconfigure

        layout = Layout.at(directory)
        lost = reconfigure.write_missing(layout)
        try:
            report = recover.recover(layout, now_ns=time.time_ns(), progress=progress)
        except BaseException:
            if lost:  # as before, so that the next attempt reports it
                layout.config.unlink(missing_ok=True)
            raise
        return replace(report, lost=lost + report.lost)

    def stats(self, *, progress: Progress = SILENT) -> Stats:
        """Say how much is stored, how much that saves, and where it is."""
        from cas.maintenance import stats

        return stats.stats(self._store, progress=progress)
