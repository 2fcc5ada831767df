"""What holds for one run of `cas`: global options, environment, terminal, the repository in use.

This is the only module that looks at the environment, the terminal and the identity of the user; the
library below gets all of it as arguments.
"""

from __future__ import annotations

import contextlib
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from cas import fs
from cas.cli.console import Console
from cas.cli.progress import TerminalProgress
from cas.cli.render import hooks
from cas.errors import NotFoundError
from cas.layout import Layout

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cas.hooks.calls import HookCall
    from cas.progress import Progress
    from cas.remotes.settings import Settings
    from cas.repo import Repository
    from cas.view.view import View


@dataclass(slots=True)
class Invocation:
    """One run of one command. typer fills the options in one by one, hence not frozen."""

    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)
    """The variables looked at: CAS_REPO, CAS_HOOK, NO_COLOR, FORCE_COLOR, TERM, USER, LOGNAME, HOME; where
    something is fetched, those of the clouds and of proxies too."""

    directory: str | None = None
    """The value of --repo."""

    is_json: bool = False
    is_quiet: bool = False
    verbosity: int = 0
    has_progress: bool = True
    has_traceback: bool = False
    has_hooks: bool = True
    is_tracing_hooks: bool = False

    @property
    def console(self) -> Console:
        """Where this run writes."""
        return Console(
            is_json=self.is_json,
            is_quiet=self.is_quiet,
            has_color=self._has_color(sys.stdout.isatty()),
            has_error_color=self._has_color(sys.stderr.isatty()),
            cells=self._cells(),
        )

    def _cells(self) -> int | None:
        """Measure the terminal; `shutil` could, but imports every compressor for it."""
        if not sys.stdout.isatty():
            return None
        columns = self.environment.get("COLUMNS", "")
        try:
            return int(columns) if columns.isdecimal() and int(columns) else os.get_terminal_size(1).columns
        except OSError:
            return 80

    def _has_color(self, is_terminal: bool) -> bool:
        if self.environment.get("NO_COLOR"):
            return False
        if self.environment.get("FORCE_COLOR"):
            return True
        return is_terminal and self.environment.get("TERM") != "dumb"

    @contextlib.contextmanager
    def repository(self) -> Iterator[Repository]:
        """Open the repository that --repo or CAS_REPO names, or the nearest one above this directory."""
        from cas.repo import Repository  # noqa: PLC0415 - the whole library; help and usage errors need none

        with Repository.open(self.repository_directory()) as repository:
            repository.set_hooks(
                are_fired=self.has_hooks,
                has_executables=not self._is_hook_of(repository.layout.root),
                actor=self.origin(),
                trace=self._trace if self.is_tracing_hooks else None,
            )
            yield repository

    @contextlib.contextmanager
    def repository_if_any(self) -> Iterator[Repository | None]:
        """Open the repository in use, as `repository` does; None if nobody named one and there is none."""
        if not (self.directory or self.environment.get("CAS_REPO")):
            try:
                Layout.find(working_directory())
            except NotFoundError:
                yield None
                return
        with self.repository() as repository:
            yield repository

    @contextlib.contextmanager
    def view(self) -> Iterator[View]:
        """Open the view: of the repository in use, or without one the two layers that every program has."""
        with self.repository_if_any() as repository:
            yield view_of(repository)

    def settings(self) -> Settings:
        """Gather what fetching from elsewhere depends on: credentials, proxies, the home directory."""
        from cas.remotes.settings import Settings  # noqa: PLC0415 - only what fetches needs it

        home = self.environment.get("HOME")
        return Settings(environment=self.environment, home=Path(home) if home else None)

    @contextlib.contextmanager
    def progress(self) -> Iterator[Progress]:
        """Show how far a long command is, on a terminal only."""
        is_shown = self.has_progress and not (self.is_quiet or self.is_json) and sys.stderr.isatty()
        with TerminalProgress(is_shown=is_shown) as progress:
            yield progress

    def new_repository_directory(self) -> Path:
        """Choose where `cas init` without DIR makes a repository."""
        named = self.directory or self.environment.get("CAS_REPO")
        return Path(named) if named else working_directory()

    def repository_directory(self) -> Path:
        """Find the repository in use, without opening it."""
        named = self.directory or self.environment.get("CAS_REPO")
        return (Layout.at(Path(named)) if named else Layout.find(working_directory())).root

    def nearby(self, path: Path) -> str:
        """Write a path as people would type it here."""
        with contextlib.suppress(OSError, ValueError):
            return str(path.relative_to(Path.cwd()))
        return str(path)

    def _is_hook_of(self, root: Path) -> bool:
        """Whether an executable in this repository's `.cas/hooks` runs us: it might start itself for ever."""
        home = self.environment.get("CAS_REPO")
        if home and self.environment.get("CAS_HOOK"):
            with contextlib.suppress(OSError):
                return root.samefile(home)
        return False

    def _trace(self, call: HookCall) -> None:
        with contextlib.suppress(OSError):  # a closed standard error must not stop a commit
            self.console.trace(hooks.traced(call))

    def origin(self) -> str:
        """Name who commits from where, as records keep it."""
        user = self.environment.get("USER") or self.environment.get("LOGNAME") or _user_name()
        return f"{user}@{os.uname().nodename}"

    def start_logging(self) -> None:
        """Send what the library logs to standard error: warnings, and as much else as -v asks for."""
        from cas.cli import logs  # noqa: PLC0415 - 4 ms that help and usage errors need not wait for

        logs.start(self.console, self.verbosity)


def view_of(repository: Repository | None) -> View:
    """Give the view of a repository, or without one the two layers that every program has."""
    if repository is not None:
        return repository.view()
    from cas.lookup import default_view  # noqa: PLC0415 - only what looks paths up needs it

    return default_view()


def _user_name() -> str:
    import pwd  # noqa: PLC0415 - only `cas commit` without USER asks

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's made-up user
        return str(os.getuid())


def working_directory() -> Path:
    """Return the current directory, which may have been deleted under us."""
    with fs.explained("cannot tell the current directory"):
        return Path.cwd()
