"""Data of the package: what is in `blobs/` is a layer of the view. Nothing imports this."""

from __future__ import annotations

raise ImportError("a lookup of data runs no code")
