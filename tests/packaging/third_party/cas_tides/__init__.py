"""Tide tables in a `cas` repository."""
