"""What the tests of resources run in a process of its own (`tests.processes`)."""

from __future__ import annotations

import json
import os
import pickle
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cas.errors import CasError, InvalidError
from cas.ids import VersionId
from cas.repo import Repository
from cas.resources.environment import Environment
from cas.resources.propagators import parse_propagator
from cas.resources.registry import resource_type, type_names
from cas.resources.scratch import Scratch
from tests.children import become_nobody
from tests.processes import say
from tests.resources.hosts import REGION, TYPES, write

if TYPE_CHECKING:
    from cas.resources.base import Resource

PAYLOAD = "0123456789" * 100_000


def commit_when_told(home: str, workspace: str) -> None:
    """Get ready to commit, say so, and commit when told to."""
    with Repository.open(home) as repository:
        resource = TYPES["file"]()
        resource.register(REGION)
        resource.load_environment_settings(Environment(repository, Path(workspace), lambda _: None))
        write(resource, PAYLOAD)
        say("ready")
        input()
        say(resource.logged_commit().outcome)


def leave_read_only_directories() -> None:
    """Fill a scratch folder as a user whom permission bits count for, delete it, and say what is left."""
    become_nobody()
    with tempfile.TemporaryDirectory() as workspace:
        scratch = Scratch()
        place = scratch.place(Path(workspace), "out")
        (place / "deep").mkdir(parents=True)
        (place / "deep" / "file").write_text("text")
        (place / "link").symlink_to(workspace)
        (place / "deep").chmod(0o500)
        place.chmod(0o500)
        scratch.delete()
        say("left:", os.listdir(workspace))


def _table(site: str) -> Resource:
    sys.path.insert(0, site)
    return resource_type("table")("maps/table")


def store_a_table(site: str, home: str, workspace: str) -> None:
    """Store a resource of the type that the package in `site` announces."""
    table: Any = _table(site)
    with Repository.open(home) as repository:
        table.register(REGION)
        table.load_environment_settings(Environment(repository, Path(workspace), lambda _: None))
        table.write(["one", "two"])
        result = table.logged_commit()
        say(result.outcome, result.version.type)
        table.clean()


def live_as_a_table(site: str, home: str, workspace: str) -> None:
    """Store, read, pickle and remove such a resource; say how it went."""
    sys.path.insert(0, site)
    type_names()
    say("imported before it was needed:", "a_package" in sys.modules)
    store_a_table(site, home, workspace)
    table: Any = _table(site)
    with Repository.open(home) as repository:
        environment = Environment(repository, Path(workspace), lambda _: None)
        table.register(REGION)
        table.load_environment_settings(environment)
        table.ensure_available()
        say(table.rows())
        table.clean()
        copied = pickle.loads(pickle.dumps(table))  # noqa: S301 - of our own making
        try:
            copied.rows()
        except InvalidError as error:
            say(error.what)
        stage = copied.stage
        copied.load_environment_settings(environment)
        copied.ensure_available()
        say(stage, copied.rows())
        copied.remove()
        say(copied.stage, repository.names())


def look_up_types(site: str) -> None:
    """Look up everything that the package in `site` calls a type, and say what comes of it."""
    sys.path.insert(0, site)
    for name in (*type_names(), "nowhere"):
        try:
            say(f"{name}: {resource_type(name).__name__}")
        except CasError as error:
            say(f"{name}: {error.code} {error.why}")


def use_propagators(site: str) -> None:
    """Use what the package in `site` calls a propagator, and say what comes of it."""
    sys.path.insert(0, site)
    use = {"use": "a.century"}
    for data in (use, [{"copy_from": "raw"}, use], {"use": "number"}, {"use": "gone"}, {"use": "nowhere"}):
        try:
            say(parse_propagator(data)({"raw": {"year": 2016}}))
        except CasError as error:
            say(error.code, error.why)


def print_versions(vectors: str) -> None:
    """Print the version of every vector in a file, through every type of resource."""
    for vector in json.loads(Path(vectors).read_text(encoding="utf-8")):
        inputs = {role: VersionId.parse(text) for role, text in vector["inputs"].items()}
        found = set()
        for kind in ("file", "directory", "python", "build-params"):
            resource = resource_type(kind)("any/name")
            resource.register(vector["properties"], inputs)
            found.add(str(resource.version))
        say(*found)
