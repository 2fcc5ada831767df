#!/usr/bin/env python3
"""Count words, except short ones and those in lists; a list that does not exist is empty.

Usage: count.py WORDS MIN_LENGTH RESULT LIST...
"""

import sys
from collections import Counter
from pathlib import Path


def main(words: Path, min_length: int, result: Path, *lists: Path) -> None:
    """Write a line with a word and its count for each word, in the order of the alphabet."""
    left_out = {word for path in lists if path.exists() for word in path.read_text(encoding="utf-8").split()}
    counts = Counter(word for word in words.read_text(encoding="utf-8").split() if len(word) >= min_length)
    lines = [f"{word} {count}\n" for word, count in sorted(counts.items()) if word not in left_out]
    result.write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), *map(Path, sys.argv[3:]))
