"""Make the picture of the README: the report on a year that simulate.py generates, in a server of its own.

python tests/support/report_picture.py [docs/report.png]
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from browser import browser
from local_copy import PROJECT, copy_local_database

USERS = "3000"
WIDTH = 1400


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the picture of the README.")
    parser.add_argument("picture", nargs="?", type=Path, default=PROJECT / "docs" / "report.png")
    picture: Path = parser.parse_args().picture
    with tempfile.TemporaryDirectory(prefix="picture-") as name:
        folder = Path(name)
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
                page = started.new_page(viewport={"width": WIDTH, "height": 900})
                page.goto((folder / "report.html").as_uri())
                # The headline, money and subscribers: enough to see what the page is, and small.
                shown = page.locator("main > section").nth(2).bounding_box()
                clip = {"x": 0, "y": 0, "width": WIDTH, "height": shown["y"] + shown["height"] + 20}
                page.screenshot(path=picture, full_page=True, clip=clip)
        finally:
            subprocess.run([*server, "stop"], check=True)
    print(f"{picture}: {picture.stat().st_size / 1000:,.0f} kB")


if __name__ == "__main__":
    main()
