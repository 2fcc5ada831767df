#!/usr/bin/env python3
"""Put the statistics on a page.

Usage: report.py TOP SENTENCES PAGE
"""

import json
import sys
from pathlib import Path


def main(top: Path, sentences: Path, page: Path) -> None:
    """Write the page, in Markdown."""
    measured = json.loads(sentences.read_text(encoding="utf-8"))
    rows = [line.split() for line in top.read_text(encoding="utf-8").splitlines()]
    lines = [
        "# How the standard library talks",
        "",
        f"{measured['sentences']} sentences, {measured['mean']} words each on average.",
        "",
        "| word | times |",
        "|---|---|",
        *(f"| {word} | {count} |" for word, count in rows),
    ]
    page.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
