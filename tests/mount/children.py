"""What tests of mounts run in a process of its own, as somebody else."""

from __future__ import annotations

import importlib
from pathlib import Path

from cas.errors import CasError
from cas.mount import libfuse
from tests.children import become_nobody
from tests.processes import say


def load_as_nobody(device: str) -> None:
    """Look for what mounting needs as a user who may not use `device`; say what comes of it."""
    importlib.import_module("mfusepy")  # nobody may not be allowed to read where it is installed
    become_nobody()
    try:
        libfuse.load(Path(device))
    except CasError as error:
        say(error.code, error.hint)
