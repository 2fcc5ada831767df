"""Resources for the tests, and the host on which they live."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

from cas.resources.environment import Environment
from cas.resources.files import DirResource, FileResource
from cas.resources.optional import OptionalResource
from cas.resources.stage import Stage
from cas.resources.values import BuildParamsResource, PythonResource

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from cas.ids import VersionId
    from cas.repo import Repository
    from cas.resources.base import Resource

R = TypeVar("R", bound="Resource")

REGION: Final = {"region": "ru"}
EMPTY: Final = {"is_empty": True}

TYPES: Final[dict[str, Callable[[], Any]]] = {
    "file": lambda: FileResource("maps/roads", "roads_{region}.geojson"),
    "directory": lambda: DirResource("maps/tiles", "tiles_{region}"),
    "python": lambda: PythonResource("maps/index"),
    "build-params": lambda: BuildParamsResource("build"),
    "optional": lambda: OptionalResource(FileResource("maps/bridges")),
}
"""One resource of every kind, not registered."""


class Host:
    """A repository, a workspace, and what resources logged."""

    def __init__(self, repository: Repository, workspace: Path) -> None:
        self.repository = repository
        self.workspace = workspace
        self.logged: list[str] = []
        workspace.mkdir()

    @property
    def environment(self) -> Environment:
        """What resources are told about this host."""
        return Environment(self.repository, self.workspace, self.logged.append, origin="tests")

    def configured(
        self,
        resource: R,
        properties: Mapping[str, Any] = REGION,
        inputs: Mapping[str, VersionId] | None = None,
    ) -> R:
        """Register `resource`, unless it is, and bring it here."""
        if resource.stage is Stage.DECLARED:
            resource.register(properties, inputs)
        resource.load_environment_settings(self.environment)
        return resource

    def stored(
        self,
        resource: R,
        properties: Mapping[str, Any] = REGION,
        inputs: Mapping[str, VersionId] | None = None,
    ) -> R:
        """Go through flow 1 with `resource`: settings, task, commit, clean."""
        write(self.configured(resource, properties, inputs))
        resource.logged_commit()
        resource.clean()
        return resource


def write(resource: Any, text: str = "content\n") -> None:  # noqa: ANN401 - of any type
    """Do what a task would do: write what this type of resource takes."""
    if isinstance(resource, OptionalResource) and not resource:
        return
    match resource.type_name:
        case "file":
            resource.path().write_text(text)
        case "directory":
            resource.path().mkdir(exist_ok=True)
            (resource.path() / "part").write_text(text)
        case "python":
            resource.set([text])
