"""From a spec to the version that it means.

The layers are searched from the uppermost down. A name alone and `~N` look in the first layer that has the
name; a tag and properties take the first layer where they match; the start of a version id is looked for in
all of them, so that it is refused as ambiguous rather than answered by the layer that happens to be on top.
"""

from __future__ import annotations

import shlex
from itertools import chain, islice
from typing import TYPE_CHECKING, Final

from cas.errors import InvalidError, NotFoundError
from cas.layer_names import no_such_layer
from cas.versions import query, refs
from cas.versions.spec import MIN_PREFIX_LENGTH, Back, Spec, VersionPrefix, Where, Word, format_condition
from cas.versions.version import State, unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cas.objects.index import Txn
    from cas.versions.version import Version

_MOST_LISTED: Final = 5
"""Candidates in an error message."""

_MOST_COMPARED: Final = 5000
"""Names that are looked at for a near miss: a wrong guess must not take longer than a right one."""


def resolve(txn: Txn, layers: Sequence[str], spec: Spec, *, include_removed: bool = False) -> Version:
    """Return the version that `spec` means.

    Args:
        txn: Any transaction.
        layers: The layers that hold refs, uppermost first.
        spec: What to look for.
        include_removed: Let a version id, or the start of one, find a removed or collected version too, if
            no live one matches.

    Raises:
        NotFoundError: There is no such layer, name or version; the message suggests what there is.
        InvalidError: The start of a version id fits several.
    """
    searched = _searched(layers, spec)
    holders = [layer for layer in searched if refs.ref(txn, layer, spec.name) is not None]
    if not holders and not (_is_id(spec) and _is_known(txn, searched, spec.name)):
        raise _no_such_name(txn, searched, spec)
    match spec.selector:
        case None:
            return _back(txn, holders, spec, 0)
        case Back(count):
            return _back(txn, holders, spec, count)
        case Where() as where:
            return _where(txn, holders, spec, where)
        case Word() as word:
            return _tag_or_prefix(txn, searched, spec, word, include_removed=include_removed)
        case VersionPrefix(digits):  # pragma: no branch - there are no other selectors
            return _prefix(txn, searched, spec, digits, include_removed=include_removed)


def resolve_removed(txn: Txn, layers: Sequence[str], spec: Spec) -> Version:
    """Return the removed version that `spec` means, for `restore`.

    A name alone means the version that was removed last. Tags are those that the version had.

    Raises:
        NotFoundError: No removed version matches, or gc has been there.
        InvalidError: The selector is `~N`, or the start of a version id fits several.
    """
    searched = _searched(layers, spec)
    known = list(
        chain.from_iterable(refs.versions(txn, layer, spec.name, include_removed=True) for layer in searched)
    )
    if not known:
        raise _no_such_name(txn, searched, spec)
    matches = [version for version in known if _matches(version, spec)]
    removed = [version for version in matches if version.state is State.REMOVED]
    if removed:
        if spec.selector is not None and not isinstance(spec.selector, Where):
            _refuse_ambiguous(removed, spec)
        return max(removed, key=lambda version: (version.removed_at, version.sequence))
    if any(version.state is State.COLLECTED for version in matches):
        raise unavailable(str(spec), State.COLLECTED)
    raise NotFoundError(
        f"cannot restore '{spec}'",
        code="not-removed",
        why="no removed version matches",
        hint=_list_hint(spec),
    )


def _searched(layers: Sequence[str], spec: Spec) -> Sequence[str]:
    if spec.layer is None:
        return layers
    if spec.layer in layers:
        return [spec.layer]
    raise no_such_layer(spec.layer, layers, are_refs=True)


def _where(txn: Txn, holders: Sequence[str], spec: Spec, where: Where) -> Version:
    for layer in holders:
        found = query.newest(txn, layer, spec.name, where.conditions)
        if found is not None:
            return found
    raise NotFoundError(
        f"cannot find '{spec}'",
        code="no-such-version",
        why="no version has these properties",
        hint=f"run `cas find {' '.join(map(format_condition, where.conditions))}` to look in all names",
    )


def _back(txn: Txn, holders: Sequence[str], spec: Spec, count: int) -> Version:
    found = refs.back(txn, holders[0], spec.name, count)
    if found is not None:
        return found
    ref = refs.ref(txn, holders[0], spec.name)
    assert ref is not None, "it holds the name"
    raise NotFoundError(
        f"cannot find '{spec}'",
        code="no-such-version",
        why=f"layer '{ref.layer}' has {ref.version_count} of it, so the oldest is ~{ref.version_count - 1}",
    )


def _tag_or_prefix(
    txn: Txn, searched: Sequence[str], spec: Spec, word: Word, *, include_removed: bool
) -> Version:
    for layer in searched:
        found = refs.by_tag(txn, layer, spec.name, word.text)
        if found is not None:
            return found
    if word.prefix is not None:
        return _prefix(txn, searched, spec, word.prefix.digits, include_removed=include_removed)
    lost = [version for version in _removed(txn, searched, spec) if word.text in version.tags]
    if lost:
        if include_removed:
            return lost[0]
        raise unavailable(str(spec), lost[0].state)
    tags = sorted(set(chain.from_iterable(refs.tags(txn, layer, spec.name) for layer in searched)))
    raise NotFoundError(
        f"cannot find '{spec}'",
        code="no-such-tag",
        why=f"its tags are {_listed(tags)}" if tags else "it has no tags",
        hint=f"a version id is hex and needs {MIN_PREFIX_LENGTH} digits; {_list_hint(spec)}",
    )


def _removed(txn: Txn, searched: Sequence[str], spec: Spec) -> Iterator[Version]:
    for layer in searched:
        for version in refs.versions(txn, layer, spec.name, include_removed=True):
            if version.state is not State.LIVE:
                yield version


def _prefix(txn: Txn, searched: Sequence[str], spec: Spec, digits: str, *, include_removed: bool) -> Version:
    found = [version for layer in searched for version in refs.with_prefix(txn, layer, spec.name, digits)]
    live = [version for version in found if version.state is State.LIVE]
    if live or (include_removed and found):
        _refuse_ambiguous(live or found, spec)
        return (live or found)[0]
    if found:
        raise unavailable(str(spec), found[0].state)
    raise NotFoundError(
        f"cannot find '{spec}'",
        code="no-such-version",
        why=f"no version id starts with {digits}, and no tag is called so",
        hint=_list_hint(spec),
    )


def _refuse_ambiguous(matches: Sequence[Version], spec: Spec) -> None:
    """Refuse different versions; one version in two layers is no contradiction, the upper one counts."""
    if len({version.version for version in matches}) > 1:
        raise InvalidError(
            f"cannot tell which version '{spec}' means",
            code="ambiguous-version",
            why=f"it fits {_listed(sorted({version.ref for version in matches}))}",
            hint="add digits",
        )


def _matches(version: Version, spec: Spec) -> bool:
    match spec.selector:
        case None:
            return True
        case Back():
            raise InvalidError(
                f"cannot restore '{spec}'",
                code="bad-spec",
                why="~N counts live versions",
                hint=_list_hint(spec),
            )
        case Where(conditions):
            return query.is_match(version.properties, conditions)
        case VersionPrefix(digits):
            return str(version.version).startswith(digits)
        case Word(text) as word:  # pragma: no branch - there are no other selectors
            prefix = word.prefix
            return text in version.tags or (
                prefix is not None and str(version.version).startswith(prefix.digits)
            )


def _no_such_name(txn: Txn, searched: Sequence[str], spec: Spec) -> NotFoundError:
    if _is_known(txn, searched, spec.name):
        return NotFoundError(
            f"cannot find '{spec}'",
            code="name-removed",
            why="all its versions were removed",
            hint=f"run `cas restore {shlex.quote(spec.name)}`",
        )
    there = chain.from_iterable(refs.names(txn, layer) for layer in searched)
    names = {ref.name for ref in islice(there, _MOST_COMPARED)}
    from difflib import get_close_matches  # noqa: PLC0415 - 3 ms that only an error needs

    near = get_close_matches(spec.name, names, n=3)
    where = " or ".join(f"'{layer}'" for layer in searched)
    return NotFoundError(
        f"cannot find '{spec.name}'",
        code="no-such-name",
        why=f"nothing of that name is in layer {where}",
        hint=f"did you mean {' or '.join(repr(name) for name in near)}?" if near else "run `cas ls`",
    )


def _is_id(spec: Spec) -> bool:
    """Whether the selector may be a version id, which says more about what is gone than the name does."""
    if isinstance(spec.selector, Word):
        return spec.selector.prefix is not None
    return isinstance(spec.selector, VersionPrefix)


def _is_known(txn: Txn, searched: Sequence[str], name: str) -> bool:
    """Whether `name` has or had a version."""
    return any(refs.is_known(txn, layer, name) for layer in searched)


def _list_hint(spec: Spec) -> str:
    return f"run `cas ls --versions {shlex.quote(spec.name)}`"


def _listed(items: Sequence[str]) -> str:
    shown = ", ".join(items[:_MOST_LISTED])
    more = len(items) - _MOST_LISTED
    return f"{shown} and {more} more" if more > 0 else shown
