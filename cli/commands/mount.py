"""Look at a version, or at the view, through a file system: mount."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path  # noqa: TC003 - typer evaluates the annotations of commands
from typing import TYPE_CHECKING, Annotated

import typer

from cas.cli import completers, text
from cas.cli.command import command
from cas.cli.context import Invocation
from cas.cli.render import shapes

if TYPE_CHECKING:
    from collections.abc import Callable

    from cas.cli.console import Console
    from cas.versions.version import Version


@command("mount", example="cas mount view", shape=shapes.MOUNT)
def mount(
    ctx: typer.Context,
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", file_okay=False, help="Where to mount: an empty directory.")
    ],
    spec: Annotated[
        str | None,
        typer.Argument(
            metavar="[SPEC]",
            autocompletion=completers.spec,
            help="Show this version only, as it is.  [default: the view, as it changes]",
        ),
    ] = None,
) -> None:
    """Show the view, or one version, as a read-only file system

    Content comes straight from the packs; nothing is written to the disk. It stays mounted until Ctrl-C, or
    until `fusermount -u DIR`. The line that says where it is mounted comes once it can be read.
    """
    invocation = ctx.ensure_object(Invocation)
    _choose_library()
    from cas.mount import mount as mounts  # noqa: PLC0415 - no other command needs it

    with invocation.repository() as repository:
        owner = (os.getuid(), os.getgid())
        version = None if spec is None else repository.resolve(spec)
        on_ready = _teller(invocation.console, directory, version)
        if version is not None:
            mounts.mount_version(repository, version, directory, owner=owner, on_ready=on_ready)
        else:
            now_ns = time.time_ns()
            mounts.mount_view(repository, directory, owner=owner, now_ns=now_ns, on_ready=on_ready)


def _choose_library() -> None:
    """Have mfusepy load the library that reads fastest, unless the user has named one."""
    from cas.mount import libfuse  # noqa: PLC0415 - as above

    better = libfuse.better_library(is_root=os.geteuid() == 0)
    if better is not None:
        os.environ.setdefault(libfuse.CHOICE, better)


def _teller(console: Console, directory: Path, version: Version | None) -> Callable[[], None]:
    """Give what says where it is mounted, for scripts to wait for and people to read."""

    def tell() -> None:
        at = str(directory.resolve())
        if console.is_json:
            console.document({"directory": at, "version": None if version is None else version.as_dict()})
        elif console.is_quiet:
            console.line(text.printable(at))
        else:
            shown = "the view" if version is None else version.ref
            console.line(f"mounted {text.printable(shown)} at {text.printable(at)}")
            console.note("Ctrl-C unmounts it")
        sys.stdout.flush()

    return tell
