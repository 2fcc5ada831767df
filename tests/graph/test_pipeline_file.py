"""Pipeline files: what they say is what the graph is, and what they must not say is refused."""

from __future__ import annotations

from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from cas.errors import CasError, InvalidError, NotFoundError
from cas.graph.fill import fill_graph
from cas.graph.module import Command, Input
from cas.graph.pipeline_file import MAX_SIZE, load_pipeline
from cas.resources.files import DirResource, FileResource
from cas.resources.optional import OptionalResource
from cas.resources.values import BuildParamsResource
from tests.graph.graphs import pinned

if TYPE_CHECKING:
    from pathlib import Path

    from cas.graph.graph import Graph

FULL = """\
    resources:
      docs/raw:   {type: directory, version: v1.0}
      words/stop: {type: file, optional: true, file_name: "{lang}.txt"}
      build:      {type: build-params, properties: {lang: en, depth: 2}}
      plain:

    modules:
      clean:
        inputs: {raw: docs/raw, build: build}
        outputs:
          text: {name: docs/text, type: directory}
          log: docs/log
        properties: {ensure_equal: [lang]}
        set: {code_version: 3}
        run: [python, clean.py, -n, 5, "{inputs.raw}", "{outputs.text}", "{outputs.log}"]
        env: {DEPTH: "{inputs.build[depth]}", LEVEL: 9}
      count:
        inputs: [docs/text, words/stop, plain]
        outputs: [numbers, {name: index, file_name: "{code_version}.idx"}]
        run: |
          wc -w {inputs.text}/* > {outputs.numbers}
          sort {inputs.stop} > {outputs.index}
"""


def load(folder: Path, text: str) -> Graph:
    path = folder / "pipeline.yaml"
    path.write_text(dedent(text))
    return load_pipeline(path)


def test_a_file_says_all_that_a_graph_has(tmp_path: Path) -> None:
    """Each key, in each of its forms."""
    graph = load(tmp_path, FULL)
    clean, count = graph.order

    assert clean.inputs == (Input("raw", "docs/raw"), Input("build", "build"))
    assert [(one.role, one.name, type(one.resource)) for one in clean.outputs] == [
        ("text", "docs/text", DirResource),
        ("log", "docs/log", FileResource),
    ]
    assert clean.properties == {"code_version": 3}
    assert clean.task == Command(
        ("python", "clean.py", "-n", "5", "{inputs.raw}", "{outputs.text}", "{outputs.log}"),
        tmp_path,
        {"DEPTH": "{inputs.build[depth]}", "LEVEL": "9"},
    )
    assert [one.role for one in count.inputs] == ["text", "stop", "plain"]
    assert [one.role for one in count.outputs] == ["numbers", "index"]
    assert isinstance(count.task, Command)
    assert count.task.argv[:2] == ("sh", "-ec")
    assert count.task.argv[3:] == (
        "sh",
        "{inputs.text}",
        "{outputs.numbers}",
        "{inputs.stop}",
        "{outputs.index}",
    )


def test_a_file_says_what_is_known_of_external_resources(tmp_path: Path) -> None:
    """Their type, the version, properties that stand for a payload, and that they may be missing."""
    externals = load(tmp_path, FULL).externals

    assert list(externals) == ["build", "docs/raw", "plain", "words/stop"]
    assert externals["docs/raw"].selector == "v1.0"
    assert isinstance(externals["docs/raw"].resource, DirResource)
    assert isinstance(externals["build"].resource, BuildParamsResource)
    assert externals["build"].properties == {"lang": "en", "depth": 2}
    assert isinstance(externals["words/stop"].resource, OptionalResource)
    assert externals["plain"].resource is None


def test_versions_follow_from_a_file(tmp_path: Path) -> None:
    """The propagator that the file names is the one that runs; without one nothing is handed on."""
    graph = load(tmp_path, FULL)
    pins = {name: pinned(lang="en", depth=2, name=name) for name in graph.externals}

    filled = fill_graph(graph, pins)

    assert filled.properties["docs/text"] == {"lang": "en", "code_version": 3}
    assert filled.properties["numbers"] == {}


def test_one_name_needs_no_list(tmp_path: Path) -> None:
    """The smallest file that does something."""
    graph = load(
        tmp_path,
        "modules: {sort: {inputs: raw, outputs: sorted, run: 'sort {inputs.raw} > {outputs.sorted}'}}",
    )

    assert graph.modules["sort"].inputs == (Input("raw", "raw"),)
    assert [one.role for one in graph.modules["sort"].outputs] == ["sorted"]


def test_comments_are_free(tmp_path: Path) -> None:
    """And an empty section is no section."""
    assert load(tmp_path, "# nothing yet\nresources: {}\nmodules: {}\n").order == ()


BOMB = "a: &a [x, x, x]\nb: &b [*a, *a, *a]\nmodules: {m: {inputs: *b}}"
MODULE = "modules: {{m: {{outputs: x, run: [make], {}}}}}"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (BOMB, "line 1, column 4: anchors and aliases are not allowed"),
        ("modules: !!python/object/apply:os.system [true]", "the tag "),
        ("modules: {m: !run {}}", "the tag '!run' is not allowed"),
        ("modules: {}\nmodules: {}", "line 2, column 1: the key 'modules' is there twice"),
        (MODULE.format("run: [make]"), "the key 'run' is there twice"),
        ("modules: {m: {outputs: x, run: [sleep, 0x10]}}", "YAML readers disagree about what 0x10 means"),
        ("modules: {m: {outputs: x, run: [echo, yes]}}", "YAML readers disagree about what yes means"),
        ("- modules", "it is not a mapping of keys to values"),
        ("modules: {", "line 2, column 1: a bracket that is not closed"),
        ("", "Object missing required field `modules`"),
        ("modul: {}", "there is no key 'modul'; the keys are modules, resources"),
        ("modules: []", "cannot understand it: Expected `object`, got `array` - at `$.modules`"),
        ("modules: {m: }", "Expected `object`, got `null`"),
        (
            MODULE.format("inptus: x"),
            "there is no key 'inptus'; the keys are env, inputs, outputs, properties, run, set",
        ),
        ("modules: {m: {outputs: x}}", "cannot understand modules.m: Object missing required field `run`"),
        ("modules: {m: {run: [make]}}", "Object missing required field `outputs`"),
        ("modules: {m: {outputs: {x: {nam: y}}, run: [make]}}", "unknown field `nam` - at `$.outputs[...]`"),
        (
            "modules: {m: {outputs: [{name: y, typ: file}], run: [make]}}",
            "unknown field `typ` - at `$.outputs[0]`",
        ),
        (MODULE.format("inputs: {a: {name: b}}"), "Expected `str`, got `object` - at `$.inputs[...]`"),
        ("modules: {m: {outputs: x, run: [nice, 1.5]}}", "got `float` - at `$.run[1]`"),
        (MODULE.format("env: {A: true}"), "got `bool` - at `$.env[...]`"),
        (MODULE.format("set: [a]"), "got `array` - at `$.set`"),
        (
            "resources: {x: {optional: true}}\n" + MODULE.format("inputs: x"),
            "without a type it cannot be optional",
        ),
        ("resources: {x: {file_name: a}}\n" + MODULE.format("inputs: x"), "without a type it cannot"),
        ("resources: {x: {properties: {}}}\n" + MODULE.format("inputs: x"), "without a type it cannot"),
        (
            "resources: {x: {type: build-params, file_name: a}}\n" + MODULE.format("inputs: x"),
            "a resource of type 'build-params' has no file name",
        ),
    ],
)
def test_what_is_no_pipeline_is_refused(text: str, why: str, tmp_path: Path) -> None:
    """With the file, the place and the rule; never half understood."""
    with pytest.raises(InvalidError) as caught:
        load(tmp_path, text)

    assert caught.value.code == "bad-pipeline"
    assert caught.value.what == f"cannot read a pipeline from '{tmp_path / 'pipeline.yaml'}'"
    assert why in str(caught.value.why)


def test_text_that_yaml_takes_for_a_number_is_to_be_quoted(tmp_path: Path) -> None:
    """A version id of digits only is the classic."""
    with pytest.raises(InvalidError) as caught:
        load(tmp_path, "resources: {x: {version: 1234}}\n" + MODULE.format("inputs: x"))

    assert caught.value.hint == "put quotes around text"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (
            "modules: {a: {inputs: x, outputs: y, run: [make]}, b: {inputs: y, outputs: x, run: [make]}}",
            "graph-cycle",
        ),
        ("modules: {a: {outputs: x, run: [make]}, b: {outputs: x, run: [make]}}", "two-makers"),
        ("modules: {a: {outputs: x, run: []}}", "empty-command"),
        ("modules: {a: {outputs: x, run: 'cat {input.y}'}}", "bad-placeholder"),
        ("modules: {a: {outputs: x, run: 'cat {inputs.y}'}}", "no-such-role"),
        ("resources: {z: {type: file}}\nmodules: {a: {outputs: x, run: [make]}}", "unused-resource"),
    ],
)
def test_a_graph_that_makes_no_sense_is_refused_with_its_file(text: str, code: str, tmp_path: Path) -> None:
    """Whoever has three pipelines must see in which one the circle is."""
    with pytest.raises(CasError) as caught:
        load(tmp_path, text)

    assert code == caught.value.code
    assert str(tmp_path / "pipeline.yaml") in caught.value.what


def test_types_and_propagators_that_nobody_installed_are_named(tmp_path: Path) -> None:
    """They come from packages, and one may be missing here."""
    with pytest.raises(CasError, match="no-such-kind"):
        load(tmp_path, "modules: {m: {outputs: {x: {name: y, type: no-such-kind}}, run: [make]}}")
    with pytest.raises(CasError, match=r"nobody.installed.this"):
        load(tmp_path, MODULE.format("properties: {use: nobody.installed.this}"))


def test_a_file_that_is_not_there_or_too_large_is_said(tmp_path: Path) -> None:
    """Neither is read into memory, and neither ends in a traceback."""
    with pytest.raises(NotFoundError):
        load_pipeline(tmp_path / "gone.yaml")
    path = tmp_path / "large.yaml"
    with path.open("wb") as file:
        file.truncate(MAX_SIZE + 1)

    with pytest.raises(InvalidError, match="it is larger than"):
        load_pipeline(path)
