"""The pipeline tutorial is run from top to bottom, on the example that it is about."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from tests.docs.test_examples import ROOT, Page, blocks_of

if TYPE_CHECKING:
    from pathlib import Path


def test_the_tutorial_does_what_it_says(tmp_path: Path) -> None:
    """Built, built again, changed, checked, broken, repaired: its files are where the page takes them from.

    Its sessions have a language of their own, because other pages start in an empty directory.
    """
    work = tmp_path.resolve() / "work"
    shutil.copytree(ROOT / "docs" / "examples", work / "docs" / "examples")
    text = (ROOT / "docs" / "pipeline-tutorial.md").read_text(encoding="utf-8")
    path = tmp_path / "pipeline-tutorial.md"
    path.write_text(text.replace("```shellsession\n", "```console\n"), encoding="utf-8")
    page, blocks = Page(path, work), blocks_of(path)

    for block in blocks:
        page.run(block)

    assert len(blocks) == text.count("```shellsession\n")
