"""The flows around a task: what it sees, what is committed, and what is left when it fails."""

from __future__ import annotations

import asyncio
import io
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest

from cas.errors import CasError, ConflictError
from cas.graph import workshop
from cas.graph.module import Command, External
from cas.graph.wrapper import remove
from cas.repo import Repository
from cas.resources.environment import Environment
from cas.resources.files import DirResource, FileResource
from cas.resources.stage import Stage
from cas.resources.values import BuildParamsResource, PythonResource
from tests.children import become_nobody
from tests.graph.pipelines import build, leftovers, make, names, read, states
from tests.processes import printed, say

if TYPE_CHECKING:
    from cas.graph.module import Module, TaskContext
    from cas.graph.outcome import RunReport
    from cas.resources.base import Resource

TWO = [FileResource("one"), FileResource("two")]


def failure(report: RunReport) -> CasError:
    """The error of the only module that failed."""
    [error] = [one.error for one in report.modules if one.error is not None]
    return error


def env_of(home: Path, module: Module, **more: list[External]) -> dict[str, str]:
    """Run a module whose only output is what `env` prints."""
    build(home, module, externals=more.get("externals", []))
    return dict(line.split("=", 1) for line in read(home, module.name).splitlines())


def test_a_program_finds_its_files_by_placeholders_and_variables(home: Path) -> None:
    """Both lead to the same places; roles are written in capitals, and the workspace is where it starts."""
    with Repository.open(home) as repository:
        repository.commit("osm/roads", io.BytesIO(b"roads"), properties={"v": 1})
    script = """
        test {inputs.raw-roads} = "$CAS_INPUT_RAW_ROADS"
        test {outputs.page} = "$CAS_OUTPUT_PAGE"
        test "$CAS_OUTPUT" = "$CAS_OUTPUT_PAGE"
        test "$PWD" = "$CAS_WORKSPACE"
        test "$OWN" = "{inputs.raw-roads[v]}"
        cat {inputs.raw-roads} > {outputs.page}
    """
    command = Command(("sh", "-ec", script), env={"OWN": "{inputs.raw-roads[v]}"})

    report = build(home, make("page", command, inputs={"raw-roads": "osm/roads"}))

    assert states(report) == {"page": "built"}
    assert read(home, "page") == "roads"


def test_roles_that_look_alike_give_no_variable(home: Path) -> None:
    """Half of the programs would read the wrong one."""
    with Repository.open(home) as repository:
        for name in ("a-b", "a.b", "c"):
            repository.commit(name, io.BytesIO(b""), properties={"v": 1})

    found = env_of(home, make("env", 'env > "$CAS_OUTPUT"', inputs=["a-b", "a.b", "c"]))

    assert {key for key in found if key.startswith("CAS_")} == {
        "CAS_INPUT_C",
        "CAS_OUTPUT",
        "CAS_OUTPUT_ENV",
        "CAS_WORKSPACE",
    }


def test_what_is_no_file_has_no_path(home: Path) -> None:
    """The error says what to take instead; a variable is left out."""
    params = External("params", resource=BuildParamsResource("params"), properties={"city": "Oslo"})

    found = env_of(home, make("env", 'env > "$CAS_OUTPUT"', inputs="params"), externals=[params])
    report = build(home, make("b", "cat {inputs.params}", inputs="params"), externals=[params])

    assert "CAS_INPUT_PARAMS" not in found
    error = failure(report)
    assert error.code == "no-path"
    assert error.hint is not None
    assert "{inputs.ROLE[KEY]}" in error.hint


def test_every_type_of_resource_goes_from_task_to_task(home: Path) -> None:
    """Directories with all that is in them, values, and files called by their template."""

    def produce(context: TaskContext) -> None:
        folder = context.outputs["folder"].path()
        (folder / "empty").mkdir(parents=True)
        (folder / "run").write_text("#!/bin/sh\n")
        (folder / "run").chmod(0o755)
        (folder / "link").symlink_to("run")
        context.outputs["value"].set({"none": None})
        context.outputs["file"].path().write_text("text")

    def consume(context: TaskContext) -> None:
        folder = context.inputs["folder"].path()
        seen = {
            "entries": sorted(one.name for one in folder.iterdir()),
            "is_executable": os.access(folder / "run", os.X_OK),
            "link": os.readlink(folder / "link"),
            "value": context.inputs["value"].load(),
            "name": context.inputs["file"].path().name,
            "text": context.inputs["file"].path().read_text(),
        }
        context.outputs["seen"].path().write_text(json.dumps(seen))

    outputs: list[Resource] = [
        DirResource("folder"),
        PythonResource("value"),
        FileResource("file", "of-{year:04d}.txt"),
    ]
    build(
        home,
        make("produce", produce, outputs=outputs, year=2016),
        make("seen", consume, inputs=["folder", "value", "file"]),
    )

    assert json.loads(read(home, "seen")) == {
        "entries": ["empty", "link", "run"],
        "is_executable": True,
        "link": "run",
        "value": {"none": None},
        "name": "of-2016.txt",
        "text": "text",
    }


def test_a_python_task_that_raises_says_where(home: Path) -> None:
    """The line of the task, not one of ours; `sys.exit` in it is a failure and ends nothing else."""

    def divide(context: TaskContext) -> None:
        context.outputs["a"].path().write_text(str(1 / 0))

    def leave(_: TaskContext) -> None:
        raise SystemExit(3)

    error = failure(build(home, make("a", divide)))
    left = build(home, make("b", leave), make("c", 'touch "$CAS_OUTPUT"'))

    assert error.code == "task-failed"
    assert error.why is not None
    assert error.why.startswith("ZeroDivisionError: division by zero (line ")
    assert error.why.endswith(", in divide)")
    assert isinstance(error.__cause__, ZeroDivisionError)
    assert states(left) == {"b": "failed", "c": "built"}


def test_a_call_out_of_order_is_its_own_error(home: Path) -> None:
    """A task that reads what it is to write is told so in the words of the resource."""

    def read_output(context: TaskContext) -> None:
        context.outputs["value"].load()

    error = failure(build(home, make("value", read_output, outputs=[PythonResource("value")])))

    assert error.code == "out-of-order"


@pytest.mark.parametrize(
    ("raised", "code", "why"),
    [
        (ValueError("odd"), "task-failed", "ValueError: odd"),
        (OSError(5, "Input/output error"), "io-error", "Input/output error"),
    ],
)
def test_a_resource_may_fail_in_any_way(home: Path, raised: Exception, code: str, why: str) -> None:
    """A type of somebody's that has a bug fails its module, and no other."""

    class Faulty(FileResource):
        """A resource that cannot be committed."""

        def commit(self, **_: object) -> NoReturn:
            raise raised

    report = build(
        home,
        make("bad", "touch {outputs.bad}", outputs=[Faulty("bad")]),
        make("good", "touch {outputs.good}"),
    )

    assert states(report) == {"bad": "failed", "good": "built"}
    assert (failure(report).code, failure(report).why) == (code, why)


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("touch {outputs.one}; echo done", "there is no file at '"),
        ("touch {outputs.one}; mkdir {outputs.two}", "there is no file at '"),
        ('touch {outputs.one} "$(dirname {outputs.two})/tow"', "/tow'"),
        ("touch {outputs.one} elsewhere; echo done", "/work/elsewhere'; it said:\ndone"),
    ],
)
def test_a_module_that_leaves_an_output_out_commits_none(home: Path, script: str, told: str) -> None:
    """Nothing, the wrong kind, the wrong place: the error shows what there is, and no record is made."""
    error = failure(build(home, make("both", script, outputs=TWO)))

    assert error.code == "output-missing"
    assert error.what == "module 'both' did not make its output 'two'"
    assert error.why is not None
    assert told in error.why
    assert names(home) == []
    assert leftovers(home) == []


def test_a_value_that_was_not_set_is_missing(home: Path) -> None:
    """`None` is a value, and has to be set like others."""
    error = failure(build(home, make("value", lambda _: None, outputs=[PythonResource("value")])))

    assert error.code == "output-missing"
    assert error.why == "no value was set"


def halves(name: str, text: str) -> Module:
    """Make two outputs, of which the second cannot be stored."""

    def task(context: TaskContext) -> None:
        context.outputs["one"].path().write_text(text)
        context.outputs["two"].set(lambda: None)

    return make(name, task, outputs=[FileResource("one"), PythonResource("two")], half=1)


def whole(text: str) -> Module:
    """Make the same outputs, rightly."""

    def task(context: TaskContext) -> None:
        context.outputs["one"].path().write_text(text)
        context.outputs["two"].set("value")

    return make("pair", task, outputs=[FileResource("one"), PythonResource("two")], half=1)


def test_a_module_of_which_a_part_was_stored_is_not_built(home: Path) -> None:
    """What was stored stands; the next run does the whole task again, and the same bytes are no conflict."""
    first = build(home, halves("pair", "same"))

    second = build(home, whole("same"))

    assert failure(first).code == "unpicklable"
    assert [made.version.name for made in first.modules[0].made] == ["one"]
    assert states(second) == {"pair": "built"}
    assert [made.outcome for made in second.modules[0].made] == ["unchanged", "created"]


def test_outputs_of_two_attempts_are_never_mixed(home: Path) -> None:
    """Other bytes beside a part that was stored are a conflict; only --force says which attempt counts."""
    build(home, halves("pair", "of the first"))

    second = build(home, whole("of the second"))
    assert failure(second).code == "version-conflict"
    assert isinstance(failure(second), ConflictError)
    assert names(home) == ["one"]
    assert read(home, "one") == "of the first"

    third = build(home, whole("of the third"), force=True)
    assert [made.outcome for made in third.modules[0].made] == ["replaced", "created"]
    assert read(home, "one") == "of the third"


def test_the_folder_of_a_module_can_be_kept(home: Path, tmp_path: Path) -> None:
    """For whoever looks for a mistake: inputs, outputs and the workspace; a second one gets a new name."""
    keep = tmp_path / "kept"
    modules = [make("a/b", "echo x > {outputs.b}; touch left; exit 1")]

    first = build(home, *modules, keep=keep)
    second = build(home, *modules, keep=keep)

    assert [first.modules[0].kept, second.modules[0].kept] == [keep / "a_b", keep / "a_b-2"]
    assert (keep / "a_b" / "work" / "left").exists()
    assert [path.read_text() for path in (keep / "a_b" / "outputs").rglob("b")] == ["x\n"]
    assert leftovers(home) == []


def delete_as_nobody(folder: str) -> None:
    """Delete what a module left, as a user for whom the mode of a directory counts."""
    become_nobody()
    path = Path(folder) / "work"
    (path / "protected").mkdir(parents=True)
    (path / "protected" / "file").touch()
    (path / "protected").chmod(0o555)
    workshop._delete(path)
    say(path.exists())


def test_read_only_directories_are_cleared_away_too(public: Path) -> None:
    """Some programs protect what they unpack, which must not fill the disk for ever."""
    public.chmod(0o777)

    assert printed(delete_as_nobody, public) == "False\n"


class Sticky(FileResource):
    """A resource that cannot be cleaned."""

    def clean(self) -> None:
        """Fail."""
        super().clean()
        raise OSError(16, "Device or resource busy")


def test_a_resource_that_cannot_be_cleaned_is_a_note(home: Path) -> None:
    """What the module made is stored; the others are cleaned all the same."""
    report = build(home, make("both", "touch {outputs.a} {outputs.b}", outputs=[Sticky("a"), Sticky("b")]))

    assert states(report) == {"both": "built"}
    assert [note.partition(":")[0] for note in report.modules[0].notes] == [
        "cannot clean up after 'a'",
        "cannot clean up after 'b'",
    ]


def test_clean_is_called_whatever_happened(home: Path) -> None:
    """After a task that failed, an output that could not be stored, and an input that is gone."""
    cleaned: list[tuple[str, Stage]] = []

    class Witnessed(FileResource):
        """A resource that tells when it is cleaned."""

        def clean(self) -> None:
            super().clean()
            cleaned.append((self.name, self.stage))

    build(home, make("fails", "exit 1", outputs=[Witnessed("a")]))
    build(home, make("forgets", "true", outputs=[Witnessed("b")]))

    assert cleaned == [("a", Stage.CLEANED), ("b", Stage.CLEANED)]


def test_prototypes_are_not_touched(home: Path) -> None:
    """A graph may be run again, in the same process and by two runs at once."""
    module = make("a", "touch {outputs.a}")

    build(home, module)

    assert module.outputs[0].resource.stage is Stage.DECLARED


def test_removal_needs_settings_and_nothing_else(home: Path, tmp_path: Path) -> None:
    """Flow 3: what others were made from stays, the rest becomes a tombstone."""
    modules = [make("a", "touch {outputs.a}"), make("b", "touch {outputs.b}", inputs="a")]
    build(home, *modules)

    with Repository.open(home) as repository:
        for name in ("a", "b"):
            version = repository.resolve(name)
            resource = FileResource(name)
            resource.register(version.properties, version.inputs)
            environment = Environment(repository, tmp_path, lambda _: None)
            if name == "a":
                with pytest.raises(ConflictError):
                    remove(resource, environment)
            else:
                remove(resource, environment)
                assert resource.stage is Stage.REMOVED

    assert names(home) == ["a"]


def test_a_module_whose_input_was_written_to_has_failed(home: Path) -> None:
    """Inputs are the repository's own files: what is written there, other modules would read as theirs."""
    with Repository.open(home) as repository:
        repository.commit("raw", io.BytesIO(b"raw"), properties={"v": 1})
    bad = "chmod u+w {inputs.raw}; echo more >> {inputs.raw}; cp {inputs.raw} {outputs.bad}"

    report = build(
        home,
        make("bad", bad, inputs="raw"),
        make("good", "cat {inputs.raw} > {outputs.good}", inputs="raw"),
    )

    assert states(report) == {"bad": "failed", "good": "built"}
    assert failure(report).code == "input-changed"
    assert "'raw'" in str(failure(report).why)
    assert read(home, "good") == "raw"
    with Repository.open(home) as repository:
        assert repository.names("bad") == []


def test_a_folder_that_cannot_be_kept_is_a_note(home: Path) -> None:
    """What the module came to is stored, and does not depend on it."""
    (home / "taken").write_text("a file")

    report = build(home, make("one", "echo 1 > {outputs.one}"), keep=home / "taken")

    assert states(report) == {"one": "built"}
    assert any("cannot keep its files" in note for one in report.modules for note in one.notes)
    assert read(home, "one") == "1\n"


def test_a_task_that_is_cancelled_has_failed_and_no_other(home: Path) -> None:
    """What asyncio raises is no Exception; it ends this task and not the run."""

    def cancelled(_: TaskContext) -> NoReturn:
        raise asyncio.CancelledError("timeout")

    report = build(home, make("bad", cancelled), make("good", "echo 1 > {outputs.good}"))

    assert states(report) == {"bad": "failed", "good": "built"}
    assert "CancelledError" in str(failure(report).why)
