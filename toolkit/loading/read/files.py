"""What the command line names -> the rows in it: files, folders of files, pipes, standard input."""

from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

from toolkit.console import UserError, say
from toolkit.loading.problems import BadInput, Problem
from toolkit.loading.read.formats import Clues, Format, NotAFixture, detect_format
from toolkit.loading.read.input_stream import InputStream, file_stream, standard_input
from toolkit.loading.read.row_source import RowSource

DOCUMENT_ENDINGS = (".json", ".json.gz")
JSON_LINES_ENDINGS = (".jsonl", ".jsonl.gz", ".ndjson", ".ndjson.gz")
ENDINGS = DOCUMENT_ENDINGS + JSON_LINES_ENDINGS
STANDARD_INPUT = ("-", "/dev/stdin")
MOST_NAMES = 5  # of what a folder has besides fixtures


def find_rows(
    paths: Iterable[Path],
    table: str = "",
    *,
    format: Format | None = None,  # noqa: A002 - as the option is called
    which_are_tables: Callable[[list[str]], set[str]] = lambda _: set(),
) -> list[RowSource]:
    """Return the rows in these files, and in the fixtures of these folders, table by table. Reads documents whole.

    table: that of all the rows, if the names of the files do not say it. format: DOCUMENTS, LINES or ROWS, if their
    beginnings do not. which_are_tables: tells of some names which are those of tables in the database; asked only where
    it decides what a file holds. Tells what is left out of folders. Raises UserError if there are no fixtures or one
    cannot be read, and BadInput with all that is wrong with their formats.
    """
    found: list[RowSource] = []
    problems: list[Problem] = []
    files = [file for path in paths for file in _files(path, problems, any_name=bool(table))]
    for file, times in Counter(file if _is_standard_input(file) else file.resolve() for file in files).items():
        if times > 1:  # rows that leave out their keys would be loaded as often
            problems.append(Problem(str(file), "the file is given more than once"))
    if problems:
        raise BadInput(problems)
    for file in files:
        name, qualified, holds_documents = (table, None, False) if table else _parse_name(file)
        clues = Clues(name, qualified, holds_documents, bool(table), format, which_are_tables)
        input_stream = standard_input() if _is_standard_input(file) else file_stream(file)
        found += _sources(input_stream, clues, problems)
    if problems:
        raise BadInput(problems)
    return found


def _is_standard_input(path: Path) -> bool:
    return str(path) in STANDARD_INPUT


def _files(path: Path, problems: list[Problem], *, any_name: bool) -> list[Path]:
    """Return a file, or the fixtures of a folder."""
    if _is_standard_input(path):
        return [path]
    try:
        if path.is_dir():
            return _fixtures_of(path, problems)
        path.stat()
        if path.is_file() and not any_name and not _has_ending(path):
            raise UserError(
                f"{path}: the name of a fixture ends in {', '.join(ENDINGS)}; other files are read if --table says the "
                "table of their rows"
            )
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from error
    return [path]


def _has_ending(path: Path) -> bool:
    return path.name.lower().endswith(ENDINGS)


def _fixtures_of(folder: Path, problems: list[Problem]) -> list[Path]:
    """Return the fixtures of a folder, and tell what else is in it. Those that cannot be read become problems."""
    files, others = [], []
    for path in sorted(folder.iterdir()):
        # Hidden files are not meant: "._users.jsonl" is what macOS keeps about users.jsonl.
        if not _has_ending(path) or path.name.startswith("."):
            others.append(f"{path.name}/" if path.is_dir() else path.name)
        elif path.is_file():
            files.append(path)
        else:
            problems.append(Problem(str(path), _why_not_in_folder(path)))
    from toolkit.atomic_files import is_complete  # which takes tempfile and shutil along: loads of a file start without

    if not is_complete(folder):
        raise UserError(
            f"{folder}: the files here are being replaced, or the run that did so was killed: wait for its end, or run "
            "it again, which puts one of both sets into its place"
        )
    if others:
        others.sort(key=lambda name: ".json" not in name.lower())  # first what somebody may look for
        more = f" and {len(others) - MOST_NAMES} more" if len(others) > MOST_NAMES else ""
        say(f"{folder}: left out {', '.join(others[:MOST_NAMES])}{more}: fixtures end in {', '.join(ENDINGS)}")
    if not files and not problems:
        raise UserError(f"{folder}: no fixtures in this folder (files that end in {', '.join(ENDINGS)})")
    return files


def _why_not_in_folder(path: Path) -> str:
    if path.is_dir():
        return (
            "is a folder, and folders in a folder are not read: take it out, or load it by itself, with "
            f"--table NAME {path}"
        )
    if path.is_symlink() and not path.exists():
        return "is a link that leads to nothing: mend it, or take it out of the folder"
    return "is no file: a pipe is read if it is named on the command line"


def _parse_name(file: Path) -> tuple[str, tuple[str, str] | None, bool]:
    """Return what the name of a file says: table, qualified and holds_documents of Clues."""
    name = file.name
    ending = next((ending for ending in ENDINGS if name.lower().endswith(ending)), "")
    if not ending:
        return "", None, True
    parts = name[: -len(ending)].split(".")
    qualified = (parts[0], parts[1]) if len(parts) > 1 and all(parts[:2]) else None
    return parts[0], qualified, ending in DOCUMENT_ENDINGS


def _sources(input_stream: InputStream, clues: Clues, problems: list[Problem]) -> list[RowSource]:
    """Return the rows of a file. What is wrong with its format is added to the problems."""
    try:
        found = detect_format(input_stream, clues)
    except NotAFixture as error:
        # A line is told where there are lines; otherwise it is the file as a whole.
        place = ("", 0) if clues.holds_documents else (clues.table, error.line)
        problems.append(Problem(input_stream.name, str(error), *place, unit="line"))
        return []
    if found is Format.NOTHING and clues.holds_documents:
        problems.append(Problem(input_stream.name, "the file is empty"))
        return []
    # Most loads need one of the readers; to wait for the others as well costs a small one 2 % of its time.
    if found is Format.DOCUMENTS:
        from toolkit.loading.read.json_values import read_documents

        return read_documents(input_stream, problems)
    if not clues.table:
        problems.append(Problem(input_stream.name, "these are rows: say of which table, with --table NAME"))
        return []
    if found in (Format.LIST, Format.ROWS):
        from toolkit.loading.read.json_values import JsonValues

        return [JsonValues(input_stream, clues.table, clues.qualified, is_list=found is Format.LIST)]
    from toolkit.loading.read.json_lines import JsonLines

    return [JsonLines(input_stream, clues.table, clues.qualified)]
