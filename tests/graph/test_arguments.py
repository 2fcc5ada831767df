"""Placeholders in commands: found, filled in, and never executed."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cas.errors import InvalidError, NotFoundError
from cas.graph.arguments import Placeholder, fill_in, placeholders, property_text, shell
from cas.graph.module import TaskContext
from cas.resources.files import FileResource

if TYPE_CHECKING:
    from cas.resources.base import Resource
    from cas.versions.values import JSON

HOSTILE = 'it\'s "$(touch hacked)" `touch hacked`; touch hacked\n*\\'


def resource(name: str, **properties: JSON) -> Resource:
    made = FileResource(name)
    made.register(properties, {})
    return made


def context() -> TaskContext:
    return TaskContext(
        module="clean",
        inputs={"raw": resource("docs/raw", lang="en", depth=2, deep={"a": [1, None]}, nul="a\0b")},
        outputs={"text-file": resource("docs/text", rate=0.5)},
        workspace=Path("/nowhere"),
    )


def path_of(found: Resource) -> Path:
    return Path("/data") / found.name


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("{inputs.raw}", "/data/docs/raw"),
        ("--to={outputs.text-file}.gz", "--to=/data/docs/text.gz"),
        ("{inputs.raw[lang]}/{inputs.raw[depth]}", "en/2"),
        ("{inputs.raw[deep]}", '{"a":[1,null]}'),
        ("{outputs.text-file[rate]}", "0.5"),
        ("{{inputs.raw}}", "{/data/docs/raw}"),
        ('{print $1} {"a": {}} {} {0} ${HOME} {a.b} {inputs_of} {x:inputs.raw}',) * 2,
    ],
)
def test_placeholders_are_filled_in_and_all_else_is_left_alone(text: str, expected: str) -> None:
    """Commands are full of braces of awk, JSON and the shell; only ours have a meaning."""
    assert expected == fill_in(text, context(), path_of)


def test_placeholders_say_what_they_stand_for() -> None:
    """A graph checks roles and properties before anything runs, so it must see each of them."""
    text = "{inputs.raw} {outputs.text-file[rate]}"

    found = placeholders(text)

    assert [Placeholder("inputs", "raw", None), Placeholder("outputs", "text-file", "rate")] == found
    assert text == " ".join(map(str, found))


@pytest.mark.parametrize(
    "slip",
    ["{input.raw}", "{output}", "{inputs}", "{inputs.}", "{ inputs.raw }", "{inputs[raw]}", "{inputs.a b}"],
)
def test_a_slip_is_refused(slip: str) -> None:
    """`{input.raw}` is what other tools write; taken for text, it would be a file of that name."""
    with pytest.raises(InvalidError, match="placeholders are") as caught:
        placeholders(f"cat {slip} > x")

    assert caught.value.code == "bad-placeholder"


def test_a_property_that_is_not_there_is_named() -> None:
    """With those that are, because it is mostly a typing error."""
    with pytest.raises(NotFoundError) as caught:
        fill_in("{inputs.raw[language]}", context(), path_of)

    assert caught.value.code == "no-such-property"
    assert caught.value.what == "cannot fill in '{inputs.raw[language]}' in the command of module 'clean'"
    assert caught.value.why == "the properties of inputs.raw are deep, depth, lang, nul"
    with pytest.raises(NotFoundError, match="it has no properties"):
        property_text({}, Placeholder("inputs", "build", "a"), "clean")


def test_a_nul_is_refused() -> None:
    """The operating system would end the argument there, or Python refuse it with a traceback."""
    with pytest.raises(InvalidError, match="has a NUL in it"):
        fill_in("{inputs.raw[nul]}", context(), path_of)


def printed(script: str, *, path: str, cwd: Path) -> str:
    """Run a script in which {inputs.raw} is `path`, as a module would."""
    argv = [path if part == "{inputs.raw}" else part for part in shell(script)]
    done = subprocess.run(argv, capture_output=True, text=True, cwd=cwd, check=True)
    assert [] == list(cwd.iterdir()), "something was executed"
    return done.stdout


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("printf %s {inputs.raw}", HOSTILE),
        ('printf %s "{inputs.raw}"', HOSTILE),
        ("printf %s '{inputs.raw}'", HOSTILE),
        ('printf %s "<"\'{inputs.raw}\'">"', f"<{HOSTILE}>"),
        ('printf %s "a \\" {inputs.raw}/x"', f'a " {HOSTILE}/x'),
        ("printf %s\\' {inputs.raw}", f"{HOSTILE}'"),
        ("# don't read {inputs.raw}\nprintf %s {inputs.raw}", HOSTILE),
        ("printf %s $#{inputs.raw}", f"1{HOSTILE}"),
        ('x={inputs.raw}; printf %s "${x#it}"', HOSTILE.removeprefix("it")),
        ("awk 'BEGIN { printf \"%s\", ARGV[1] }' {inputs.raw}", HOSTILE),
        ("printf %s \\\\{inputs.raw}", f"\\{HOSTILE}"),
    ],
)
def test_nothing_in_a_path_is_executed(script: str, expected: str | None, tmp_path: Path) -> None:
    """A path can have a property in it, and a property comes from data: it must reach a script as data."""
    out = printed(script, path=HOSTILE, cwd=tmp_path)

    assert expected is None or expected == out


@given(
    st.text(st.sampled_from("ab'\"\\# \n$(){}[]`;{"), max_size=12),
    st.text(st.sampled_from("'\"# \\\n"), max_size=6),
)
def test_no_script_keeps_a_placeholder_in_its_text(before: str, after: str) -> None:
    """Whatever quotes are around it: text that is filled in later would be executed."""
    try:
        script = shell(f"{before}{{inputs.raw}}{after}{{outputs.x[y]}}{before}")[2]
    except InvalidError:
        return

    assert [] == placeholders(script)


@pytest.mark.parametrize("script", ["echo \\{inputs.raw}", 'echo "\\\\\\{inputs.raw}"'])
def test_a_backslash_before_a_placeholder_is_refused(script: str) -> None:
    """To a shell the brace is then text, and text that is filled in later would be executed."""
    with pytest.raises(InvalidError, match="a backslash before a placeholder"):
        shell(script)


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("cat > {outputs.x} <<EOF\n{inputs.raw}\nEOF", "after a here-document"),
        ("cat <<-'EOF' > x\ndon't\nEOF\necho {inputs.raw}", "after a here-document"),
        ("cat <<'EOF' > x\n# {inputs.raw}\nEOF", "after a here-document"),
        ('n="$(wc -l {inputs.raw})"', "in a command inside of double quotes"),
        ('n="`wc -l {inputs.raw}`"', "in a command inside of double quotes"),
        ("echo $((1 + {inputs.raw[n]}))", "in a sum"),
        ("echo {inputs.raw} 'and", "is open at the end"),
    ],
)
def test_where_only_a_shell_could_say_how_to_quote(script: str, told: str) -> None:
    """A guess would put other bytes into an output, and say nothing; a variable does it right."""
    with pytest.raises(InvalidError) as caught:
        shell(script)

    assert told in str(caught.value.why)


def test_a_comment_may_follow_a_semicolon() -> None:
    """An apostrophe in it opens no quote."""
    assert shell("true;# don't\necho {inputs.raw}")[2].endswith('echo "${1}"')


def test_a_script_stops_at_the_first_failure(tmp_path: Path) -> None:
    """A later command that succeeds would hide it, and half an output would be stored."""
    done = subprocess.run(shell("false\ntouch reached"), cwd=tmp_path, check=False)

    assert done.returncode == 1
    assert [] == list(tmp_path.iterdir())


def test_one_placeholder_is_one_parameter() -> None:
    """More than nine need braces in a shell; the same one again needs no other."""
    script = " ".join(f"{{inputs.r{at}}}" for at in [*range(11), 0])

    argv = shell(script)

    assert argv[2].endswith('"${10}" "${11}" "${1}"')
    assert len(argv) == 4 + 11
