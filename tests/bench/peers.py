"""The contenders, as data: the shell commands that a user of each would type.

In a command `{store}` is the repository, `{data}` the directory to keep, `{out}` an empty place for a
checkout, `{tag}` the name of this version, `{drop}` the tags that go, `{last}` the one that stays and
`{work}` a scratch directory. `prepare` is not timed. An empty command means that the tool cannot do it.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Peer:
    """One contender."""

    program: str
    """What must be on PATH."""
    init: str
    commit: str
    checkout: str
    look: str = ""
    """Lists the versions: what a command costs that does next to nothing."""
    prepare: str = ""
    """Before each commit: brings the data where the tool wants it."""
    collect: str = ""
    """Forgets the versions `{drop}` and frees what only they used."""


PEERS = {
    "cas": Peer(
        program="cas",
        init="cas init -q {work} && ln -s {work}/.cas {store}",
        commit="cas --repo {work} -q commit data {data} -p run={tag} --tag {tag}",
        checkout="cas --repo {work} -q checkout data@{tag} {out}",
        look="cas --repo {work} ls --versions",
        collect="for t in {drop}; do set -- $@ data@$t; done; "
        "cas --repo {work} -q remove $@ && cas --repo {work} -q gc",
    ),
    "cp": Peer(
        program="cp",
        init="mkdir {store}",
        commit="cp -r {data} {store}/{tag}",
        checkout="cp -r {store}/{tag} {out}",
        look="ls {store}",
        collect="cd {store} && rm -r {drop}",
    ),
    "git": Peer(
        program="git",
        init="git init -q --bare {store}",
        commit="git --git-dir={store} --work-tree={data} add -A && "
        "git --git-dir={store} --work-tree={data} commit -q --allow-empty -m {tag} && "
        "git --git-dir={store} tag {tag}",
        checkout="mkdir {out} && git --git-dir={store} --work-tree={out} checkout -q -f {tag} -- .",
        look="git --git-dir={store} tag",
        collect="export GIT_DIR={store}; only=$(git commit-tree -m {last} {last}^{{tree}}) && "
        "git tag -d {drop} {last} && git tag {last} $only && git update-ref HEAD $only && "
        "git reflog expire --expire=now --all && git gc -q --prune=now",
    ),
    "restic": Peer(
        program="restic",
        init="restic init -q -r {store}",
        commit="cd {data} && restic -q -r {store} backup --tag {tag} .",
        checkout="restic -q -r {store} restore --tag {tag} --target {out} latest",
        look="restic -r {store} snapshots",
        collect="restic -q -r {store} forget --prune --keep-last 1 --group-by paths",
    ),
    "borg": Peer(
        program="borg",
        init="borg init -e none {store}",
        commit="cd {data} && borg create {store}::{tag} .",
        checkout="mkdir {out} && cd {out} && borg extract {store}::{tag}",
        look="borg list {store}",
        collect="borg delete {store} {drop} && borg compact {store}",
    ),
    "ostree": Peer(
        program="ostree",
        init="mkdir {store} && ostree --repo={store} init --mode=bare-user-only",
        commit="ostree --repo={store} commit -b {tag} --tree=dir={data}",
        checkout="ostree --repo={store} checkout -U {tag} {out}",
        look="ostree --repo={store} refs",
        collect="for t in {drop}; do ostree --repo={store} refs --delete $t; done; "
        "ostree --repo={store} prune --refs-only",
    ),
    "casync": Peer(
        program="casync",
        init="mkdir {store}",
        commit="casync make --store={store}/s.castr {store}/{tag}.caidx {data}",
        checkout="casync extract --store={store}/s.castr {store}/{tag}.caidx {out}",
        look="ls {store}",
        collect="cd {store} && for t in {drop}; do rm $t.caidx; done; casync gc --store=s.castr {last}.caidx",
    ),
    "dvc": Peer(
        program="dvc",
        init="mkdir {work}/tree && cd {work}/tree && git init -q . && dvc init -q && "
        "ln -s {work}/tree/.dvc {store}",
        prepare="rm -rf {work}/tree/data && cp -a {data} {work}/tree/data",
        commit="cd {work}/tree && dvc add -q data && cp data.dvc {work}/{tag}.dvc",
        checkout="cd {work}/tree && rm -rf data && cp {work}/{tag}.dvc data.dvc && "
        "dvc checkout -q -f && mv data {out}",
        collect="cd {work}/tree && cp {work}/{last}.dvc data.dvc && dvc gc -q -w -f",
    ),
}


def present(names: list[str]) -> dict[str, Peer]:
    """The contenders among `names` whose program is on PATH."""
    return {name: PEERS[name] for name in names if shutil.which(PEERS[name].program)}
