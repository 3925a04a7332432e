"""How programs get at the services."""

import subprocess
import sys
from pathlib import Path

import services
import streaming_services

PROJECT = Path(__file__).resolve().parent.parent.parent


def test_streaming_services_offers_what_the_services_offer() -> None:
    assert streaming_services.__all__ == services.__all__
    for name in services.__all__:
        assert getattr(streaming_services, name) is getattr(services, name)


def test_watch_history_is_the_function_and_not_the_module_of_that_name() -> None:
    code = """
import services.watch_history
import services.payments
from services import watch_history
from services.watch_history import start_watching
assert watch_history is services.watch_history
assert callable(watch_history)
assert start_watching is services.start_watching
"""
    subprocess.run([sys.executable, "-c", code], cwd=PROJECT, check=True)


def test_the_document_names_every_service() -> None:
    document = (PROJECT / "docs" / "services.md").read_text()
    assert [name for name in services.__all__ if f"`{name}`" not in document] == []


def test_the_script_itself_does_without_the_services() -> None:
    code = "import runpy, sys; sys.argv = ['x', '--help']; runpy.run_path('streaming_services.py', run_name='__main__')"
    check = f"import atexit, sys; atexit.register(lambda: print('services' in sys.modules, file=sys.stderr)); {code}"
    done = subprocess.run([sys.executable, "-c", check], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert done.stderr == "False\n"
