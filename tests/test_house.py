"""The rules of the house, which CONTRIBUTING.md states: who may import whom, and what a module may be and do."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from documents import PROJECT, project_files, text_of

MODULES = [Path(name) for name in project_files() if name.endswith(".py")]
SCRIPTS = [path.stem for path in MODULES if len(path.parts) == 1]
# What the scripts are made of.
PARTS = [path for path in MODULES if path.parts[0] not in ("benchmarks", "tests")]

# A room may import from rooms with a lower number, and from itself. Rooms with the same number do not know each other.
LEVELS = {
    "toolkit.console": 0,
    "toolkit": 1,  # the modules directly in toolkit/: any room may use them, and they use none
    "toolkit.local": 2,
    "toolkit.database": 3,
    "toolkit.shell": 4,
    "toolkit.loading": 4,
    "toolkit.schema": 4,
    "toolkit.indexes": 5,
    "services": 6,
    "reporting": 7,
    "simulation": 7,
    "the scripts": 8,
}

# What a room may use beyond that, and nothing else there: a page of a run is drawn from the one reader of its file.
BEYOND = {"reporting": "simulation.traffic.run_file"}

# Names of modules, classes and functions that nobody could guess who does not know the code, by the folder in which
# they may not stand; the words that the field has took their place.
PRIVATE_WORDS = {
    "toolkit": (
        "Found supervised Promise BeginningCursor run_read replacing files_in_place_of agrees Redrawn NoNumber "
        "DdlStandsAlone Built build_in explaining"
    ),
    "toolkit/database": "pool Tries take give_back discard reads reasons advice supervision Failure may_pass past",
    "toolkit/schema": "prepare in_the_way Parts read_parts parts aside Doomed list_doomed rehearse needed_server",
    "toolkit/local": "give life home accounts tls_bridge Patience make_home inside_project outside_project hold chosen",
    "toolkit/indexes": "set_aside Replaceable find_replaceable read_replaceable may_be_missing forget",
    "toolkit/loading": (
        "circles Circle graph verdicts verdict search Search refusals is_passing forms Form find_form elements content "
        "Content syntax look held taken fixed spellings Spellings exchange make_room windows Source run_write Alike "
        "cover complete settle Expected fast_lines LineReader Place Meant has_spellings spelled_keys find_passed_on "
        "held_by has_to_look tell_existing told_together row_errors TableRows BulkLoad gives by_key"
    ),
    "services": "is_no_more write_new Written beyond written_by",
    "simulation": (
        "evenings Evenings critics Critics catalogue Catalogue Life Home chance bell exact marks is_mark proof prove "
        "journal Journal expectations Expectation expectation measures Measure session is_attempted"
    ),
    "simulation/traffic": (
        "facts facts_of stored Stored under_way UnderWay Following Calls display Display prices Stage Share Part "
        "Prices Traffic Processes processes Answer AnyAnswer "
        "Recording in_all possible unproved of_client ending_in_order described"
    ),
    "reporting": (
        "words Wishes Answer platform sources Source run traffic titles person of_whole_months unfinished_places"
    ),
}

# "About 300 lines" is what a person can survey. Some more are let pass, lest a module be torn apart for one function.
MOST_LINES = 320

# What a script that is run with its defaults has no use for, and would wait for at its start: by the script.
LEFT_FOR_LATER = {
    "insert_data": "copy getpass tempfile uuid random toolkit.local toolkit.indexes.record toolkit.schema "
    "toolkit.loading.large_load toolkit.loading.check.hints toolkit.loading.diagnose.bisection toolkit.text_files",
    "streaming_services": "getpass tempfile uuid services toolkit.local toolkit.indexes.build toolkit.schema.reset",
}

# Imports a module in a Python that tells of everything that the import does besides importing. Python itself looks into
# folders and opens modules for that; the packages of others may read their own files.
WATCHED_IMPORT = """
import sys

NOTABLE = ("os.exec", "os.fork", "os.mkdir", "os.posix_spawn", "os.putenv", "os.remove", "os.rename", "os.system",
           "shutil.", "socket.connect", "socket.bind", "subprocess.", "tempfile.")

def watch(event, arguments):
    if event == "open":
        path = str(arguments[0])
        if path.endswith((".py", ".pyc", ".so")) or path.startswith((sys.prefix, sys.base_prefix, "/usr/", "/etc/ssl")):
            return
    elif not event.startswith(NOTABLE):
        return
    print(event, arguments)

sys.addaudithook(watch)
import {module}
"""


def room_of(module: str) -> str:
    """Return the room in which a module of this repository lies."""
    parts = module.split(".")
    if parts[0] in SCRIPTS:
        return "the scripts"
    if parts[0] != "toolkit" or module in ("toolkit.console", "toolkit.shell"):
        return parts[0] if parts[0] != "toolkit" else module
    return ".".join(parts[:2]) if (PROJECT / Path(*parts[:2])).is_dir() and len(parts) > 1 else "toolkit"


def name_of(path: Path) -> str:
    """Return the name by which a module is imported."""
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse((PROJECT / path).read_text(encoding="utf-8"))


def imports(path: Path) -> Iterator[str]:
    """Yield the names of all modules of this repository that a module imports, wherever in it that stands."""
    names = {name_of(module) for module in PARTS}
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: a relative import does not say from where"
            for alias in node.names:
                module = f"{node.module}.{alias.name}"
                if module in names:
                    yield module
                elif node.module in names:
                    yield str(node.module)


def test_no_two_files_of_tests_have_the_same_name() -> None:
    """pytest imports each by its name alone, and refuses the second."""
    names = [path.name for path in MODULES if path.name.startswith("test_")]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("path", PARTS, ids=str)
def test_imports_go_one_way(path: Path) -> None:
    room = room_of(name_of(path))
    for module in imports(path):
        imported = room_of(module)
        if room == imported == "the scripts":
            # As a module it is where the services are imported from.
            assert module == "streaming_services", f"{path} imports the script {module}"
        elif module != BEYOND.get(room):
            assert imported == room or LEVELS[imported] < LEVELS[room], f"{path} imports {module}"


def test_every_room_has_a_level() -> None:
    """A new room is entered above, and its rule in CONTRIBUTING.md."""
    assert {room_of(name_of(path)) for path in PARTS} <= LEVELS.keys()


def tables_and_keys() -> tuple[list[str], list[str]]:
    schema = text_of("schema.sql")
    return re.findall(r"CREATE TABLE IF NOT EXISTS (\w+)", schema), sorted(set(re.findall(r"\b\w+_id\b", schema)))


def strings(tree: ast.Module) -> Iterator[str]:
    """Yield the strings of a module, f-strings in their parts, but for docstrings."""
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        if node.body and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value


@pytest.mark.parametrize("path", [path for path in PARTS if path.parts[0] == "toolkit"], ids=str)
def test_the_toolkit_knows_no_table(path: Path) -> None:
    tables, keys = tables_and_keys()
    assert len(tables) == 6
    assert len(keys) == 7  # with payer_id, a user's
    in_sql = re.compile(rf"\b(?:FROM|INTO|JOIN|ON|REFERENCES|TABLE|UPDATE)\s+\"?(?:{'|'.join(tables)})\b")
    for text in strings(tree_of(path)):
        assert text not in tables, f"{path}: {text!r}"
        assert not in_sql.search(text), f"{path}: {text!r}"
        assert not set(re.findall(r"\w+", text)) & set(keys), f"{path}: {text!r}"


@pytest.mark.parametrize("path", [path for path in PARTS if path.parts[0] == "toolkit"], ids=str)
def test_the_toolkit_knows_no_script(path: Path) -> None:
    """What a script advises it says itself."""
    for text in strings(tree_of(path)):
        assert not any(f"{script}.py" in text for script in SCRIPTS), f"{path}: {text!r}"


@pytest.mark.parametrize("folder", PRIVATE_WORDS)
def test_names_are_words_of_the_field(folder: str) -> None:
    words = set(PRIVATE_WORDS[folder].split())
    definitions = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    found = []
    for path in PARTS:
        if path.is_relative_to(folder):
            names = [node.name for node in ast.walk(tree_of(path)) if isinstance(node, definitions)]
            found += [f"{path}: {name}" for name in [path.stem, *names] if name.lstrip("_") in words]
    assert found == []


@pytest.mark.parametrize("module", [name_of(path) for path in PARTS])
def test_importing_a_module_does_nothing(module: str) -> None:
    """It is imported alone, which it can be, and that opens no file, reaches no server and prints nothing."""
    done = subprocess.run(
        [sys.executable, "-c", WATCHED_IMPORT.format(module=module)],
        cwd=PROJECT,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("script", LEFT_FOR_LATER)
def test_a_script_starts_without_what_it_seldom_needs(script: str) -> None:
    code = (
        f"import runpy, sys; sys.argv = ['{script}.py', '--help']; runpy.run_path('{script}.py', run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "toolkit.database" in imported
    assert imported & set(LEFT_FOR_LATER[script].split()) == set()


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_a_module_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(tree_of(path)), f"{path} has no docstring"
    assert "util" not in path.stem, f"{path} does not say what is in it"


@pytest.mark.parametrize("path", [path for path in MODULES if not path.name.startswith("test_")], ids=str)
def test_a_module_can_be_surveyed(path: Path) -> None:
    assert len((PROJECT / path).read_text(encoding="utf-8").splitlines()) <= MOST_LINES


def test_contributing_names_every_room_and_every_script() -> None:
    text = text_of("CONTRIBUTING.md")
    rooms = {f"{path.parts[0]}/" for path in MODULES if len(path.parts) > 1}
    rooms |= {f"{path.parent}/" for path in MODULES if path.parts[0] == "toolkit" and len(path.parts) > 2}
    assert [room for room in sorted(rooms) if f"`{room}`" not in text] == []
    assert [script for script in SCRIPTS if f"`{script}.py`" not in text] == []


def test_every_benchmark_is_explained() -> None:
    text = text_of("benchmarks/README.md")
    benchmarks = [path.name for path in MODULES if path.parts[0] == "benchmarks"]
    assert [name for name in benchmarks if f"- `{name} " not in text] == []


def test_no_package_hides_a_script() -> None:
    assert not {path.parts[0] for path in MODULES if len(path.parts) > 1} & set(SCRIPTS)
