#!/usr/bin/env python3
"""Measure the sentences of all texts in a directory.

Usage: sentences.py DIRECTORY RESULT
"""

import json
import re
import sys
from pathlib import Path
from statistics import mean


def main(texts: Path, result: Path) -> None:
    """Count the words of each sentence."""
    joined = "\n\n".join(path.read_text(encoding="utf-8") for path in sorted(texts.iterdir()))
    lengths = [len(sentence.split()) for sentence in re.split(r"[.!?](?:\s+|$)|\n\n", joined)]
    lengths = [length for length in lengths if length]
    measured = {"sentences": len(lengths), "mean": round(mean(lengths), 2), "longest": max(lengths)}
    result.write_text(json.dumps(measured) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
