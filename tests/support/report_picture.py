"""Make the pictures of the documents: the report on a year that simulate.py generates, in a server of its own.

python tests/support/report_picture.py [docs]
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from browser import browser
from local_copy import PROJECT, copy_local_database

USERS = "3000"
WIDTH = 1280
# Of each picture the sections of the page that it shows, from and to, and whether it is by day.
PICTURES = {
    "report.png": ("headline_figures", "part-money", "light"),
    "report-subscribers.png": ("part-subscribers", "part-subscribers", "dark"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the pictures of the documents.")
    parser.add_argument("folder", nargs="?", type=Path, default=PROJECT / "docs")
    pictures: Path = parser.parse_args().folder
    with tempfile.TemporaryDirectory(prefix="picture-") as made:
        folder = Path(made)
        folder.chmod(0o755)  # as root, the database runs as somebody else
        server = [sys.executable, str(copy_local_database(folder))]
        url = subprocess.run([*server, "url"], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
        try:
            for command in (
                ["simulate.py", "generate", "--users", USERS, "--out", str(folder / "year")],
                ["streaming_services.py"],
                ["insert_data.py", str(folder / "year")],
                ["report.py", "--out", str(folder / "report.html")],
            ):
                script = str(PROJECT / command[0])
                subprocess.run(
                    [sys.executable, script, *command[1:]], check=True, env={**os.environ, "DATABASE_URL": url}
                )
            with browser() as started:
                for name, (first, last, scheme) in PICTURES.items():
                    draw(started, folder / "report.html", pictures / name, first, last, scheme)
        finally:
            subprocess.run([*server, "stop"], check=True)


def draw(started: Any, report: Path, picture: Path, first: str, last: str, scheme: str) -> None:
    page = started.new_context(viewport={"width": WIDTH, "height": 900}, color_scheme=scheme).new_page()
    page.goto(report.as_uri())
    begin, end = (page.locator(f"#{one}").bounding_box() for one in (first, last))
    top = 0 if scheme == "light" else begin["y"] - 10
    clip = {"x": 0, "y": top, "width": WIDTH, "height": end["y"] + end["height"] + 20 - top}
    page.screenshot(path=picture, full_page=True, clip=clip)
    print(f"{picture}: {picture.stat().st_size / 1000:,.0f} kB")


if __name__ == "__main__":
    main()
