"""report.py, as a person or a shell script runs it, and its pages in a browser."""

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]


def run_script(url: str, script: str, *arguments: str, status: int = 0, **variables: str) -> str:
    """Run a script to its end, which must have this exit status, and return what it prints, errors included."""
    done = subprocess.run(
        [sys.executable, str(PROJECT / script), *arguments],
        env={**os.environ, "DATABASE_URL": url, **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == status, done.stdout
    assert "Traceback" not in done.stdout
    return done.stdout


def run_report(url: str, folder: Path, *arguments: str) -> Path:
    """Write a report into a folder and return its file."""
    file = folder / "report.html"
    assert f"{file}: " in run_script(url, "report.py", "--out", str(file), *arguments)
    return file


@dataclass
class Shown:
    """A page that a browser shows. noise: what should not be: requests, messages on the console, errors, dialogs."""

    page: Any
    noise: list[str] = field(default_factory=list)


def show(chromium: Any, file: Path, *, width: int = 1400, scheme: str = "light") -> Shown:
    """Open a page in a context of its own."""
    context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    shown = Shown(page)

    def on_dialog(dialog: Any) -> None:
        shown.noise.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def on_request(request: Any) -> None:
        if not request.url.startswith(("file:", "data:")):
            shown.noise.append(request.url)

    page.on("console", lambda message: shown.noise.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: shown.noise.append(f"error: {error}"))
    page.on("dialog", on_dialog)
    page.on("request", on_request)
    page.goto(file.as_uri())
    return shown
