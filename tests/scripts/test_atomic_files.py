"""toolkit/atomic_files.py: two at once, runs that are killed at any moment, and what is no file."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from documents import PROJECT

from toolkit.atomic_files import is_complete, recover, replaced_files, write_file
from toolkit.console import UserError
from toolkit.loading.read.files import find_rows

OLD = {"a.jsonl": "old a", "b.jsonl": "old b", "c.0001.jsonl": "old c"}
NEW = {"a.jsonl": "new a", "b.0001.jsonl": "new b", "b.0002.jsonl": "new b"}
OTHERS = {"notes.txt": "mine"}

# Replaces the files of a folder, and is killed just before the step of this number: a rename, a folder made or removed.
KILLED = """
import os, pathlib, sys
from toolkit import atomic_files

folder, step = pathlib.Path(sys.argv[1]), int(sys.argv[2])
steps = 0

def counted(function):
    def call(*arguments, **named):
        global steps
        if steps == step:
            os.kill(os.getpid(), 9)
        steps += 1
        return function(*arguments, **named)
    return call

for name in ("rename", "replace", "mkdir", "rmdir", "unlink"):
    setattr(os, name, counted(getattr(os, name)))
with atomic_files.replaced_files(folder, lambda folder: sorted(folder.glob("*.jsonl"))) as unfinished:
    for name, text in %r.items():
        (unfinished / name).write_text(text)
print(steps)
"""


def contents(folder: Path) -> dict[str, str]:
    return {file.name: file.read_text() for file in folder.iterdir() if not file.name.startswith(".")}


def hidden(folder: Path) -> list[Path]:
    return [file for file in folder.iterdir() if file.name.startswith(".")]


def files_in(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.jsonl"))


def replace(folder: Path) -> None:
    with replaced_files(folder, files_in) as unfinished:
        for name, text in NEW.items():
            (unfinished / name).write_text(text)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in {**OLD, **OTHERS}.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def killed(folder: Path, step: int) -> subprocess.CompletedProcess[str]:
    program = KILLED % (NEW,)
    command = [sys.executable, "-c", program, str(folder), str(step)]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)


def test_all_are_replaced_and_nothing_else(folder: Path) -> None:
    replace(folder)
    assert contents(folder) == {**NEW, **OTHERS}
    assert hidden(folder) == []


def test_after_a_kill_at_any_moment_one_of_both_sets_is_whole(
    tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    whole: list[str] = []
    refused = 0
    for step in range(100):
        folder = tmp_path_factory.mktemp("killed")
        for name, text in {**OLD, **OTHERS}.items():
            (folder / name).write_text(text)
        done = killed(folder, step)
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL
        left = hidden(folder)
        if is_complete(folder):
            assert contents(folder) in ({**OLD, **OTHERS}, {**NEW, **OTHERS}), step
        else:
            refused += 1
        recover(folder)  # as the next run does before all else
        assert contents(folder) in ({**OLD, **OTHERS}, {**NEW, **OTHERS}), step
        whole.append("old" if contents(folder) == {**OLD, **OTHERS} else "new")
        assert hidden(folder) == [], step
        assert ("killed" in capsys.readouterr().err) == bool(left), step
    assert whole == sorted(whole, reverse=True)
    assert {"old", "new"} == set(whole)
    assert len(whole) > refused + 3 > 8


@pytest.mark.parametrize("left", [[".replaced-x", ".unfinished-x"], [".replaced-x", ".finished-x"]])
def test_what_is_not_whole_is_not_loaded(folder: Path, left: list[str]) -> None:
    for name in left:
        (folder / name).mkdir()
    with pytest.raises(UserError, match="the files here are being replaced, or the run that did so was killed"):
        find_rows([folder])


def test_an_error_leaves_all_as_it_was(folder: Path) -> None:
    def fail() -> None:
        with replaced_files(folder, files_in) as unfinished:
            (unfinished / "a.jsonl").write_text("half")
            raise InterruptedError

    with pytest.raises(InterruptedError):
        fail()
    assert contents(folder) == {**OLD, **OTHERS}
    assert hidden(folder) == []


def test_a_second_run_in_the_folder_is_refused_and_the_first_undisturbed(folder: Path) -> None:
    with replaced_files(folder, files_in) as unfinished:
        for name, text in NEW.items():
            (unfinished / name).write_text(text)
        with pytest.raises(UserError, match="another run is writing into"):
            replace(folder)
    assert contents(folder) == {**NEW, **OTHERS}


def test_two_generate_at_once(tmp_path: Path) -> None:
    command = [sys.executable, "simulate.py", "generate", "--out", str(tmp_path / "made"), "--force", "--users"]
    first = subprocess.Popen([*command, "20000"], cwd=PROJECT, stdout=subprocess.DEVNULL)
    while not list(tmp_path.glob("made/.unfinished-*/users.jsonl")):
        time.sleep(0.02)
        assert first.poll() is None
    second = subprocess.run([*command, "5"], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert second.returncode == 1
    assert "another run is writing into" in second.stderr
    assert first.wait(timeout=120) == 0
    assert len((tmp_path / "made" / "users.jsonl").read_text().splitlines()) == 20_000


# One file


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "page.html"
    assert hidden(tmp_path) == []


def test_a_file_is_written_and_replaced(page: Path) -> None:
    write_file(page, "one")
    assert page.stat().st_mode & 0o777 == 0o666 & ~current_umask()
    page.chmod(0o640)
    write_file(page, "two")
    assert (page.read_text(), page.stat().st_mode & 0o777) == ("two", 0o640)


def current_umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def test_whoever_looks_sees_one_or_the_other(page: Path) -> None:
    texts = ["x" * 300_000, "y" * 300_000]
    write_file(page, texts[0])

    def write(text: str) -> None:
        for _ in range(30):
            write_file(page, text)

    writers = [threading.Thread(target=write, args=(text,)) for text in texts]
    for writer in writers:
        writer.start()
    seen = set()
    while any(writer.is_alive() for writer in writers):
        seen.add(page.read_text())
    assert seen <= set(texts)


def test_a_link_stays_a_link(page: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    target = tmp_path / "elsewhere" / "other.html"
    target.write_text("old")
    page.symlink_to(target)
    write_file(page, "new")
    assert page.is_symlink()
    assert target.read_text() == "new"


def test_what_is_no_file_is_written_to_and_not_replaced(page: Path) -> None:
    os.mkfifo(page)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(page.read_text()))
    reader.start()
    write_file(page, "through a pipe")
    reader.join(10)
    assert read == ["through a pipe"]
    assert page.is_fifo()


def test_what_cannot_be_written_is_told(page: Path, tmp_path: Path) -> None:
    for file, reason in {
        tmp_path: "Is a directory",
        tmp_path / "none" / "page.html": "No such file",
        tmp_path / ("x" * 300): "File name too long",
    }.items():
        with pytest.raises(UserError, match=f"cannot be written: .*{reason}"):
            write_file(file, "text")
    page.symlink_to(page)
    with pytest.raises(UserError, match="cannot be written"):
        write_file(page, "text")
    write_file(tmp_path / ("y" * 250), "text")


def test_what_a_killed_run_left_is_removed_and_that_of_others_stays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    left = tmp_path / ".unfinished-0123456789abcdef-page.html"
    other = tmp_path / ".unfinished-0123456789abcdef-other.html"
    for file in (left, other):
        file.write_text("half")
        os.utime(file, (0, 0))
    write_file(tmp_path / "page.html", "whole")
    assert not left.exists()
    assert other.exists()
    assert "was left by a run that was killed" in capsys.readouterr().err
