"""The shape of every `--json` document: stable keys, written down once, shown in the reference, tested.

Sizes are bytes, times ISO 8601 in UTC, ids 64 hex digits. Keys are only ever added.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Shape:
    """An object with exactly these keys, or an array of such objects."""

    fields: Mapping[str, str | Shape]
    """Key → its type and meaning, or the shape of what is inside."""

    is_array: bool = False
    name: str = field(default="", compare=False)
    """Shapes with a name are documented once, under it."""

    def many(self) -> Shape:
        """Return the shape of an array of these."""
        return replace(self, is_array=True)


VERSION = Shape(
    {
        "name": "string: the name of the resource",
        "layer": "string: the layer that holds it",
        "version": "string: the version id",
        "content": "string: the content id; for a file what `b3sum` prints",
        "kind": "string: `file`, `executable` or `directory`",
        "type": "string: the type of the resource",
        "properties": "object: the properties",
        "inputs": "object: name of the input → version id",
        "size": "number: logical bytes",
        "files": "number: how many files",
        "created_at": "string: when it was committed",
        "message": "string: what -m said",
        "origin": "string: who committed it where",
        "tags": "array of strings: its tags",
        "state": "string: `live`, `removed` (until gc) or `collected` (only the record is left)",
        "current": "boolean: whether NAME alone means this version",
    },
    name="version",
)

CHANGE = Shape(
    {
        "status": "string: `added`, `removed`, `modified` or `type`",
        "path": "string: the path inside, with `/`",
        "old": "object or null: `kind`, `size` and `id` before",
        "new": "object or null: `kind`, `size` and `id` after",
    },
    name="change",
)

INIT = Shape({"repository": "string: the path of `.cas`", "id": "string: the UUID of the repository"})

COMMIT = Shape(
    {
        "outcome": "string: `created`, `unchanged`, `kept`, `replaced`, `would-create` or `would-replace`",
        "version": VERSION,
        "files": "number: files in what was given",
        "size": "number: logical bytes of it",
        "new_bytes": "number: bytes this commit added to the disk",
        "new_objects": "number: objects stored",
        "reused_objects": "number: objects that were there already",
        "notes": "array of strings: what was left out, and why",
    }
)

CHECKOUT = Shape(
    {
        "version": "object or null: the version object; null for `--view`",
        "destination": "string: where it was put",
        "written": "number: files written",
        "removed": "number: files removed",
        "unchanged": "number: files that were right already",
        "bytes_written": "number: bytes written",
        "notes": "array of strings: what else there is to say",
    }
)

LISTING = Shape(
    {
        "name": "string: the name of the resource; of what is in a directory or package, its path: that of a "
        "directory ends in /",
        "layer": "string: the layer that the view takes it from",
        "versions": "number: how many live versions there are; 0 for a path",
        "current": "object or null: the current version, a version object; of a path null, unless it is that "
        "version as `cas resources download` has left it",
        "size": "number: bytes",
        "files": "number: how many files it is",
        "location": "string or null: where the file or directory is; null for a resource",
    }
)

NODE = Shape(
    {
        "path": "string: its path in the view",
        "layer": "string: the layer that has it",
        "kind": "string: `file`, `executable`, `symlink` or `directory`",
        "size": "number or null: bytes; null where it would take a walk to know",
        "name": "string or null: the resource that it belongs to; null for what is the host's",
        "version": "string or null: the version id",
        "inner": "string or null: the path inside of the version",
        "content": "string or null: the content id, where it is known",
        "target": "string or null: where a symlink points",
        "location": "string or null: where it is, for what is the host's",
    },
    name="node",
)

WHICH = Shape(
    {
        "node": NODE,
        "location": "string or null: where it is on the disk; null for what is not materialised",
        "shadows": NODE.many(),
        "whiteouts": Shape(
            {
                "layer": "string: the layer of the whiteout",
                "path": "string: what it hides, with all below",
            },
            is_array=True,
        ),
    }
)

PATH = Shape(
    {
        "path": "string: the path that was asked for",
        "location": "string: where that is on the disk, absolute",
    }
)

TREE_ITEM = Shape(
    {
        "path": "string: the path inside, with `/`",
        "kind": "string: `file`, `executable`, `symlink` or `directory`",
        "size": "number: bytes; of a directory, of all that is below",
        "id": "string: content id, or the target of a symlink",
    }
)

CAT = Shape(
    {
        "version": VERSION,
        "path": "string or null: the path inside",
        "size": "number: bytes",
        "encoding": "string: `utf-8` or `base64`; with --unpickle `repr`",
        "data": "string: the bytes in that encoding",
    }
)

LOG_ENTRY = Shape(
    {
        "sequence": "number: its place in the log",
        "at": "string: when",
        "event": (
            "string: `commit`, `renew`, `tag`, `untag`, `remove`, `restore`, `collect`, `hide` or `unhide`"
        ),
        "layer": "string: where",
        "name": "string: to which resource; for `hide` and `unhide`, to which path of the view",
        "version": "string or null: to which version; null for `hide` and `unhide`",
        "detail": "string: the tag, or whatever else there is to say",
    }
)

DIFF = Shape(
    {
        "a": VERSION,
        "b": VERSION,
        "changes": CHANGE.many(),
        "properties": Shape(
            {
                "key": "string: the property",
                "old": "any JSON value; null when it was not set",
                "new": "any JSON value; null when it is not set",
            },
            is_array=True,
        ),
        "inputs": Shape(
            {
                "name": "string: the input",
                "old": "string or null: the version id before",
                "new": "string or null: the version id after",
            },
            is_array=True,
        ),
    }
)

STATUS = Shape(
    {
        "destination": "string: the path of the checkout",
        "version": "object or null: the version object that was checked out; null when it is gone",
        "missing": "boolean: whether the destination itself is gone",
        "comparable": "boolean: false when gc took the content, so that changes are unknown",
        "changes": CHANGE.many(),
    },
)

IDENTITY = Shape(
    {
        "version": "string: the version id",
        "existing": VERSION.many(),
    }
)

GC = Shape(
    {
        "dry_run": "boolean: whether nothing was really done",
        "bytes_freed": "number: bytes of disk given back",
        "freed": Shape(
            {
                "name": "string: the name of the resource",
                "layer": "string: its layer",
                "version": "string: the version id",
                "bytes": "number: bytes that only it used",
            },
            is_array=True,
        ),
        "objects_deleted": "number: objects dropped",
        "packs_deleted": "number: packs deleted",
        "packs_rewritten": "number: packs rewritten because most of them was dead",
        "live_objects": "number: objects that stay",
        "leftovers": "number: files of dead writers and old indexes removed",
        "notes": "array of strings: what was kept, and what else there is to say",
    }
)

VERIFY = Shape(
    {
        "quick": "boolean: whether content was not re-hashed",
        "packs": "number: packs looked at",
        "objects": "number: objects looked at",
        "bytes": "number: bytes read",
        "problems": Shape(
            {
                "code": "string: the kind of damage",
                "what": "string: what was found",
                "id": "string: the object or pack that is damaged",
                "affected": "array of strings: the versions that use it",
                "repaired": "boolean: whether a good copy took its place",
            },
            is_array=True,
        ),
    }
)

RECOVER = Shape(
    {
        "source": "string: `journal` or `records`: where the refs came from",
        "packs": "number: packs read",
        "objects": "number: objects found",
        "versions": "number: versions brought back",
        "tags": "number: tags brought back",
        "lost": "array of strings: what could not be brought back",
    }
)

STATS = Shape(
    {
        "names": "number: resources",
        "versions": "number: live versions",
        "objects": "number: stored objects",
        "packs": "number: pack files",
        "logical_bytes": "number: bytes of all versions, as if each were stored by itself",
        "unique_bytes": "number: what is left once equal chunks are stored once",
        "stored_bytes": "number: what that takes on the disk, compressed",
        "garbage_bytes": "number: what `cas gc` could give back",
        "dedup_ratio": "number: logical_bytes / unique_bytes",
        "compression_ratio": "number: unique_bytes / stored_bytes",
        "per_name": Shape(
            {
                "name": "string: the name of the resource",
                "layer": "string: its layer",
                "versions": "number: how many versions",
                "logical_bytes": "number: bytes of them all",
                "unique_bytes": "number: bytes that only they use",
            },
            is_array=True,
        ),
        "largest": VERSION.many(),
    }
)

LAYER = Shape(
    {
        "name": "string: what it is called",
        "kind": "string: `refs`, `directory` or `package`",
        "writable": "boolean: whether commits or downloads may go there",
        "where": "string or null: the absolute path, or PACKAGE:FOLDER; null for refs",
        "names": "number or null: how many resources; null for what is not refs",
        "hidden": "number or null: how many paths are hidden; null for what is not refs",
        "problem": "string or null: why it shows nothing, as far as can be seen",
    },
    is_array=True,
)

HIDING = Shape(
    {
        "path": "string: the path of the view",
        "layer": "string: the layer that hides it, or did",
        "opaque": "boolean: whether it is, or was, hidden by --opaque",
        "changed": "boolean: false if it was hidden before",
        "notes": "array of strings: what else there is to say",
    }
)

WHITEOUT = Shape(
    {
        "path": "string: the path of the view; empty for all of it",
        "layer": "string: the layer that hides it",
        "opaque": "boolean: whether it is a directory, of which only what lower layers have is hidden",
    },
    name="whiteout",
)

HOOK = Shape(
    {
        "point": "string or null: the point; null for what may be meant for any, and cannot be used",
        "kind": "string: `built-in`, `plug-in` or `executable`",
        "name": "string: what it is called",
        "origin": "string: the distribution or the file that it comes from",
        "problem": "string or null: why it cannot be called, as far as can be seen",
    },
    is_array=True,
)

HOOK_CALL = Shape(
    {
        **HOOK.fields,
        "point": "string: the point",
        "outcome": "string: `agreed`, `refused` or `failed`",
        "seconds": "number: how long it took",
        "reason": "string or null: why it did not agree",
        "said": "string: the end of what it printed",
    },
    is_array=True,
)

MOUNT = Shape(
    {
        "directory": "string: the absolute path of the mount; this is printed once it can be read",
        "version": "object or null: the version object that is shown; null for the view",
    }
)

DEMO = Shape(
    {
        "command": "string: the command line",
        "result": "any JSON value: what it printed with --json",
    },
    is_array=True,
)
