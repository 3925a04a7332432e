"""A copy of the local database's files, so that a test's server has nothing to do with the one of this project."""

import shutil
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
# What `python local_database.py` needs to run.
FILES = (
    "local_database.py",
    "toolkit/__init__.py",
    "toolkit/console.py",
    "toolkit/database",
    "toolkit/local",
    "toolkit/arguments.py",
    "toolkit/exact_json.py",
    "toolkit/results.py",
    "toolkit/shell.py",
    "toolkit/sql_statements.py",
    "toolkit/terminal.py",
    "toolkit/text_files.py",
)


def copy_local_database(folder: Path) -> Path:
    """Copy the command line and what it imports into this folder, for every user to read; return the script's path.

    The local database of the copy lies in the folder too. Whoever starts it stops it: python local_database.py stop.
    """
    for name in FILES:
        source, target = PROJECT / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    for path in (folder / "local_database.py", folder / "toolkit", *(folder / "toolkit").rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)  # whatever the umask with which this project was cloned
    return folder / "local_database.py"
