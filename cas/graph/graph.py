"""A graph of modules: checked when it is made, in an order in which it can be built."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, Final

from cas.errors import InvalidError, NotFoundError
from cas.graph.check import check_externals, check_module
from cas.graph.module import External

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from cas.graph.module import Module


_MOST_COMPARED: Final = 5000
"""Names that are looked at for a near miss: a wrong guess must not take longer than a right one."""


class Graph:
    """Modules and the resources between them. It does not change."""

    __slots__ = ("_makers", "externals", "modules", "order", "targets")

    modules: Mapping[str, Module]
    """Name → module."""
    externals: Mapping[str, External]
    """Name → resource that some module reads and none makes, sorted; those nobody declared, too."""
    order: tuple[Module, ...]
    """The modules, makers first; the same for the same modules, however they were listed."""
    targets: tuple[str, ...]
    """Names of the modules that were asked for, sorted; by default all of them."""

    def __init__(
        self,
        modules: Iterable[Module],
        externals: Iterable[External] = (),
        *,
        targets: Iterable[str] | None = None,
    ) -> None:
        """Check the modules and put them in order.

        Args:
            modules: The modules; their names and their outputs' are unique.
            externals: What is to be said about resources that come from outside.
            targets: Names of modules; by default all of them.

        Raises:
            InvalidError: A name is there twice or breaks a rule, a command asks for what its module does not
                have, or modules need each other in a circle.
        """
        self.modules = _by_name(modules)
        self._makers = _makers(self.modules.values())
        self.externals = self._externals(externals)
        self.order = self._ordered()
        self.targets = tuple(sorted(self.modules if targets is None else targets))

    def maker(self, name: str) -> Module | None:
        """Return the module that makes the resource `name`; None if it comes from outside."""
        return self._makers.get(name)

    def select(self, targets: Sequence[str]) -> Graph:
        """Keep the targets, each a module or one of its outputs, and what they need.

        Raises:
            NotFoundError: Nothing is called so.
        """
        asked = {self._target(target).name for target in targets}
        kept, waiting = dict.fromkeys(asked), sorted(asked)
        while waiting:
            for maker in self._needed_by(self.modules[waiting.pop()]):
                if maker.name not in kept:
                    kept[maker.name] = None
                    waiting.append(maker.name)
        modules = [self.modules[name] for name in kept]
        read = {one.name for module in modules for one in module.inputs}
        return Graph(modules, [one for one in self.externals.values() if one.name in read], targets=asked)

    def _target(self, target: str) -> Module:
        """Find what a target names; a module comes before an output of the same name."""
        found = self.modules.get(target) or self._makers.get(target)
        if found is None:
            from difflib import get_close_matches  # noqa: PLC0415 - 3 ms that only an error needs

            known = {*self.modules, *self._makers}
            near = get_close_matches(target, sorted(known)[:_MOST_COMPARED], n=3)
            raise NotFoundError(
                f"cannot build '{target}'",
                code="no-such-target",
                why="no module and no output is called so",
                hint=f"did you mean {' or '.join(map(repr, near))}?" if near else None,
            )
        return found

    def _needed_by(self, module: Module) -> Iterable[Module]:
        """List the modules that make what `module` reads, each once, in the order of its inputs."""
        makers = (self._makers.get(one.name) for one in module.inputs)
        return {maker.name: maker for maker in makers if maker is not None}.values()

    def _externals(self, declared: Iterable[External]) -> dict[str, External]:
        read = {one.name for module in self.modules.values() for one in module.inputs}
        said = check_externals(declared, read, self._makers)
        return {name: said.get(name) or External(name) for name in sorted(read - self._makers.keys())}

    def _ordered(self) -> tuple[Module, ...]:
        """Sort by need and then by name, so that equal graphs are run and shown alike."""
        missing = dict.fromkeys(self.modules, 0)
        users: dict[str, list[str]] = {name: [] for name in self.modules}
        for module in self.modules.values():
            for maker in self._needed_by(module):
                missing[module.name] += 1
                users[maker.name].append(module.name)
        ready = [name for name, count in missing.items() if not count]
        heapify(ready)
        order = []
        while ready:
            name = heappop(ready)
            del missing[name]
            order.append(self.modules[name])
            for user in users[name]:
                missing[user] -= 1
                if not missing[user]:
                    heappush(ready, user)
        if missing:
            raise self._circle(missing)
        return tuple(order)

    def _circle(self, stuck: Mapping[str, int]) -> InvalidError:
        """Show one circle among modules of which each waits for another, and what goes round in it."""
        name = min(stuck)
        seen: dict[str, str] = {}  # module → the input for which it waits
        while name not in seen:
            seen[name] = min(
                one.name
                for one in self.modules[name].inputs
                if (maker := self._makers.get(one.name)) and maker.name in stuck
            )
            name = self._makers[seen[name]].name
        walked = list(seen)
        circle = walked[walked.index(name) :]
        way = "".join(f" -({seen[module]})-> {module}" for module in reversed(circle))
        return InvalidError(
            "cannot put the modules in order",
            code="graph-cycle",
            why=f"they go round in a circle: {name}{way}",
            hint="one of these modules must not read what is made from its own output",
        )


def _by_name(modules: Iterable[Module]) -> dict[str, Module]:
    found: dict[str, Module] = {}
    known: set[str] = set()
    for module in modules:
        check_module(module, known)
        if found.setdefault(module.name, module) is not module:
            raise InvalidError(
                f"cannot have two modules called '{module.name}'",
                code="duplicate-module",
                why="a module is known by its name",
            )
    return found


def _makers(modules: Iterable[Module]) -> dict[str, Module]:
    found: dict[str, Module] = {}
    for module in modules:
        for output in module.outputs:
            other = found.setdefault(output.name, module)
            if other is not module:
                raise InvalidError(
                    f"cannot tell who makes '{output.name}'",
                    code="two-makers",
                    why=f"it is an output of '{other.name}' and of '{module.name}'",
                    hint="give one of them another name",
                )
    return found
