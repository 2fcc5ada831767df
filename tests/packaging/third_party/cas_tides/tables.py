"""Tide tables as a type of resource."""

from __future__ import annotations

from cas.resources.files import FileResource


class TideTable(FileResource):
    """A file of times and heights of the water."""

    type_name = "tide-table"
