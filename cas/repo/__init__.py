"""The facade: what the command line and Python programs use."""

from cas.repo.repository import Repository

__all__ = ["Repository"]
