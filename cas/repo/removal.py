"""What may be removed, and which tags may move: the rules, not the deeds."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Final

from cas.errors import ConflictError, InvalidError, NotFoundError
from cas.versions import refs
from cas.versions.resolve import resolve
from cas.versions.spec import Word

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cas.objects.index import Txn
    from cas.versions.spec import Spec
    from cas.versions.version import Version

_NAMED: Final = 5
"""Dependents that an error names one by one."""


def chosen(txn: Txn, layers: Sequence[str], specs: Sequence[Spec], *, all_versions: bool) -> list[Version]:
    """Resolve what is to be removed, without repetition; with `all_versions`, every version of each name."""
    found: dict[tuple[str, str, bytes], Version] = {}
    for spec in specs:
        version = resolve(txn, layers, spec)
        versions = refs.versions(txn, version.layer, version.name) if all_versions else [version]
        found |= {(one.layer, one.name, one.version.raw): one for one in versions}
    return list(found.values())


def refuse_if_used(txn: Txn, versions: Sequence[Version]) -> None:
    """Check that nothing that stays was made from one of `versions`.

    Raises:
        ConflictError: Something was; the message names it.
    """
    leaving = {(one.name, one.version) for one in versions}
    for version in versions:
        users = [
            user
            for user in refs.dependents(txn, version.name, version.version)
            if (user.name, user.version) not in leaving
        ]
        if users:
            others = f" and {len(users) - _NAMED} others" if len(users) > _NAMED else ""
            raise ConflictError(
                f"cannot remove '{version.ref}'",
                code="has-dependents",
                why=f"{', '.join(user.ref for user in users[:_NAMED])}{others} were made from it",
                hint="remove those first, or use --force",
            )


def require_free_tag(txn: Txn, version: Version, tag: str, *, force: bool = False) -> None:
    """Check that `tag` names nothing yet, or `version` already.

    Raises:
        ConflictError: It names another version, and not `force`.
    """
    holder = refs.by_tag(txn, version.layer, version.name, tag)
    if holder is None or holder.version == version.version or force:
        return
    raise ConflictError(
        f"cannot tag '{version.ref}' as '{tag}'",
        code="tag-exists",
        why=f"the tag names version {holder.version.short}",
        hint=f"move it with --force, or delete it: cas tag --delete {shlex.quote(f'{version.name}@{tag}')}",
    )


def tagged(txn: Txn, layers: Sequence[str], spec: Spec) -> tuple[Version, str]:
    """Find the version and the tag that `NAME@TAG` means.

    Raises:
        InvalidError: The selector is not a word.
        NotFoundError: There is no such tag.
    """
    tag = str(spec.selector or "")
    if not isinstance(spec.selector, Word):
        raise InvalidError(
            f"cannot delete the tag '{spec}'",
            code="bad-spec",
            why="a tag is named as NAME@TAG",
            hint="cas show NAME",
        )
    for layer in layers if spec.layer is None else [spec.layer]:
        version = refs.by_tag(txn, layer, spec.name, tag)
        if version is not None:
            return version, tag
    raise NotFoundError(
        f"cannot find the tag '{spec}'",
        code="no-such-tag",
        hint=f"`cas ls --versions {shlex.quote(spec.name)}` shows the tags",
    )
