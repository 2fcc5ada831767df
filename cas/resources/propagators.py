"""Property propagators: how the properties of what a module makes follow from those of what it reads.

A propagator is any pure function from the inputs' properties by role to the outputs' properties. It is called
when a graph is filled, before any task runs. In a `Chain` there are two kinds of steps:

    sources   EnsureEqualProperties, CopyFrom, Merge, any function: each looks at the inputs, and adds to what
              is gathered so far; to give a property that is there another value is a conflict
    edits     Constant, Rename, Drop: each changes what is gathered so far. Where nothing is yet (the first
              step, or a propagator that stands alone) Rename and Drop work on the union of all inputs

When values are equal, and what becomes of empty optional inputs, is said in `cas.resources.agreement`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Final, Protocol

from cas.errors import InvalidError, NotFoundError
from cas.resources import installed
from cas.resources.agreement import about_all, agreed, lacking, merged, not_there, united, values_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cas.resources.agreement import Inputs
    from cas.versions.values import JSON

GROUP: Final = "cas.propagators"
"""The entry point group in which packages announce theirs."""


class Propagator(Protocol):
    """Makes the outputs' properties of the inputs'; must be pure, because a version is made of them."""

    def __call__(self, inputs: Inputs, /) -> dict[str, JSON]:
        """Return the outputs' properties, and change nothing."""


class _Value:
    """What the propagators here have in common: they compare by how they were made, and show it."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{key}={value!r}' for key, value in vars(self).items())})"

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and repr(self) == repr(other)  # to Python, 1 equals True

    def __hash__(self) -> int:
        return hash(repr(self))


class EnsureEqualProperties(_Value):
    """Check that all inputs have the same values of these properties, and hand them on; nothing else is.

    An empty optional input may lack them. One that has them is checked like the others.

    >>> EnsureEqualProperties("region")({"a": {"region": "ru", "rows": 7}, "b": {"region": "ru"}})
    {'region': 'ru'}
    """

    def __init__(self, *names: str) -> None:
        """Choose the properties; at least one."""
        self.names = names
        if not names:
            raise _bad("there are no properties to compare")

    def __call__(self, inputs: Inputs, /) -> dict[str, JSON]:
        """Compare.

        Raises:
            ConflictError: Inputs disagree; every property about which they do is shown, with each value.
            NotFoundError: An input lacks a property, or no input has it.
        """
        return agreed({name: values_of(inputs, name) for name in self.names}, "inputs")


class CopyFrom(_Value):
    """Hand properties of one input on: those that are named, or all."""

    def __init__(self, role: str, *names: str) -> None:
        """Choose the input by its role, and the properties; without names, all but `is_empty`."""
        self.role = role
        self.names = names

    def __call__(self, inputs: Inputs, /) -> dict[str, JSON]:
        """Copy.

        Raises:
            NotFoundError: There is no such input, or it lacks a property.
        """
        if self.role not in inputs:
            there = ", ".join(f"'{role}'" for role in sorted(inputs)) or "none"
            raise NotFoundError(
                f"cannot copy properties of the input '{self.role}'",
                code="no-such-input",
                why=f"the inputs are {there}",
            )
        properties = inputs[self.role]
        if not self.names:
            return about_all(properties)
        for name in self.names:
            if name not in properties:
                raise lacking(self.role, name, properties)
        return {name: properties[name] for name in self.names}


class Merge(_Value):
    """Hand all properties of all inputs on; to disagree about one is a conflict."""

    def __call__(self, inputs: Inputs, /) -> dict[str, JSON]:
        """Unite; raises a ConflictError if inputs disagree."""
        return merged(inputs)


class _Edit(_Value, ABC):
    """A step that changes what the steps before it gathered."""

    def __call__(self, inputs: Inputs, /) -> dict[str, JSON]:
        """Do it as the first step, and the only one."""
        return self.edit(None, inputs)

    @abstractmethod
    def edit(self, gathered: Mapping[str, JSON] | None, inputs: Inputs, /) -> dict[str, JSON]:
        """Return what is gathered after this step; `gathered` is None if it is the first one."""


class Constant(_Edit):
    """Set properties to constants, whatever they were."""

    def __init__(self, /, **properties: JSON) -> None:
        """Choose the properties and their values."""
        self.properties = properties

    def edit(self, gathered: Mapping[str, JSON] | None, _: Inputs, /) -> dict[str, JSON]:
        """Set them; alone, they are all that there is."""
        return {**(gathered or {}), **self.properties}


class Rename(_Edit):
    """Give properties other names, all at once: `Rename(a="b", b="a")` swaps two."""

    def __init__(self, /, **names: str) -> None:
        """Choose old and new names: `Rename(old="new")`."""
        self.names = names

    def edit(self, gathered: Mapping[str, JSON] | None, inputs: Inputs, /) -> dict[str, JSON]:
        """Rename.

        Raises:
            NotFoundError: A property is not there.
            InvalidError: Two properties would have one name.
        """
        before = merged(inputs) if gathered is None else gathered
        for old in self.names:
            if old not in before:
                raise not_there(f"cannot rename the property '{old}'", before)
        after: dict[str, JSON] = {}
        for old, value in before.items():
            new = self.names.get(old, old)
            if new in after:
                raise InvalidError(
                    f"cannot rename a property to '{new}'",
                    code="duplicate-property",
                    why="two properties would be called so",
                    hint="drop one of them first",
                )
            after[new] = value
        return after


class Drop(_Edit):
    """Leave properties out; those that are not there are out already."""

    def __init__(self, *names: str) -> None:
        """Choose the properties."""
        self.names = names

    def edit(self, gathered: Mapping[str, JSON] | None, inputs: Inputs, /) -> dict[str, JSON]:
        """Drop; as the first step from each input, so that they may disagree about what is dropped."""
        if gathered is None:
            return merged({role: self._rest(properties) for role, properties in inputs.items()})
        return self._rest(gathered)

    def _rest(self, properties: Mapping[str, JSON]) -> dict[str, JSON]:
        return {name: value for name, value in properties.items() if name not in self.names}


class Chain(_Value):
    """Do one step after the other, as the top of this module says. A chain in a chain is a source."""

    def __init__(self, *steps: Propagator) -> None:
        """Choose the steps, in order."""
        self.steps = steps

    def __call__(self, inputs: Inputs, /) -> dict[str, JSON]:
        """Do every step; raises what they raise, and a ConflictError where one contradicts those before."""
        gathered: dict[str, JSON] | None = None
        for number, step in enumerate(self.steps, 1):
            if isinstance(step, _Edit):
                gathered = step.edit(gathered, inputs)
            else:
                groups = {"those before": gathered or {}, f"step {number}": step(inputs)}
                gathered = united(groups, "steps")
        return gathered or {}


def parse_propagator(data: object) -> Propagator:
    """Build a propagator of plain data, as pipeline files have it.

    A mapping with one of these keys, or a list of such mappings, which is a chain:

        ensure_equal: [region, date]    copy_from: {dataset: [rows]}    merge: true
        constant: {kind: map}           rename: {old: new}              drop: [rows]
        use: NAME                       what a package announces in the group `cas.propagators`

    A list of one text may be the text alone. `copy_from: dataset` copies all properties of that input.

    Raises:
        InvalidError: It is nothing of this.
        NotFoundError: No installed package announces what `use` names.
    """
    match data:
        case list() if data:
            return Chain(*map(parse_propagator, data))
        case dict() if len(data) == 1:
            ((key, value),) = data.items()
            if key in _PARSERS:
                return _PARSERS[key](value)
            raise _bad(f"there is no '{key}'; there are {', '.join(_PARSERS)}")
        case dict() if data:
            keys = ", ".join(map(str, data))
            raise _bad(
                f"{keys} are {len(data)} steps in one mapping, which has no order", "make it a list of steps"
            )
    raise _bad(f"{data!r} is neither a step nor a list of steps")


def _ensure_equal(value: Any) -> Propagator:  # noqa: ANN401 - it comes from a file
    return EnsureEqualProperties(*_texts("ensure_equal", value))


def _copy_from(value: Any) -> Propagator:  # noqa: ANN401 - it comes from a file
    if isinstance(value, dict) and value:
        copies = [CopyFrom(role, *_texts("copy_from", names)) for role, names in value.items()]
        return copies[0] if len(copies) == 1 else Chain(*copies)
    copies = [CopyFrom(role) for role in _texts("copy_from", value)]
    return copies[0] if len(copies) == 1 else Chain(*copies)


def _merge(value: Any) -> Propagator:  # noqa: ANN401 - it comes from a file
    if value is not True:
        raise _bad("'merge' takes nothing but true")
    return Merge()


def _constant(value: Any) -> Propagator:  # noqa: ANN401 - it comes from a file
    if not isinstance(value, dict) or not value:
        raise _bad("'constant' takes a mapping of properties to values")
    return Constant(**value)


def _rename(value: Any) -> Propagator:  # noqa: ANN401 - it comes from a file
    if not isinstance(value, dict) or not value or not all(isinstance(new, str) for new in value.values()):
        raise _bad("'rename' takes a mapping of old names to new names")
    return Rename(**value)


def _drop(value: Any) -> Propagator:  # noqa: ANN401 - it comes from a file
    return Drop(*_texts("drop", value))


def _use(value: Any) -> Propagator:  # noqa: ANN401 - it comes from a file
    if not isinstance(value, str):
        raise _bad("'use' takes a name")
    found: Any = installed.load(GROUP, value)
    if found is None:
        there = ", ".join(installed.names(GROUP))
        raise NotFoundError(
            f"cannot find the propagator '{value}'",
            code="no-such-propagator",
            why=f"installed packages announce {there}" if there else "no installed package announces any",
            hint="install the package that announces it",
        )
    if not callable(found):
        raise _bad(f"'{value}' is {found!r}, which cannot be called")
    function: Propagator = found
    return function


_PARSERS: Final[Mapping[str, Callable[[Any], Propagator]]] = {
    "ensure_equal": _ensure_equal,
    "copy_from": _copy_from,
    "merge": _merge,
    "constant": _constant,
    "rename": _rename,
    "drop": _drop,
    "use": _use,
}


def _texts(key: str, value: Any) -> list[str]:  # noqa: ANN401 - it comes from a file
    """Take a list of texts, or one."""
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
        raise _bad(f"'{key}' takes a list of names")
    return texts


def _bad(why: str, hint: str | None = None) -> InvalidError:
    return InvalidError("cannot understand the propagator", code="bad-propagator", why=why, hint=hint)
