"""The workflow for forges: it can be read, and runs nothing but what the documents and .ci/run say."""

import re
import subprocess
from typing import Any

import yaml
from documents import PROJECT, code_spans, commands, documents, text_of

FILE = PROJECT / ".github" / "workflows" / "tests.yml"
WORKFLOW: dict[Any, Any] = yaml.safe_load(FILE.read_text())
JOBS: dict[str, dict[str, Any]] = WORKFLOW["jobs"]
RUNS = [(name, step["run"]) for name, job in JOBS.items() for step in job["steps"] if "run" in step]


def parts(command: str) -> list[str]:
    """Return the simple commands of a line of a shell, as they are with the virtual environment activated."""
    found = re.split(r"&&|;|[()]|&$|\bdo\b", command.replace(".venv/bin/", "").replace("./cockroach", "cockroach"))
    return [" ".join(part.split()) for part in found if part.strip()]


def test_its_commands_are_documented() -> None:
    known = [*(PROJECT / ".ci" / "run").read_text().splitlines()]
    for document in documents():
        known += [*commands(document), *code_spans(document)]
    documented = {part for command in known for part in parts(command)}
    assert RUNS
    for job, script in RUNS:
        for line in script.splitlines():
            # A document names no version of the image.
            for part in parts(re.sub(r"(cockroachdb/cockroach):(latest|\$\{\{ matrix\.version \}\})", r"\1", line)):
                assert part in documented or part.startswith("sleep "), f"{job}: {part}"


def test_bash_reads_its_scripts() -> None:
    for _, script in RUNS:
        subprocess.run(["bash", "-n", "-c", re.sub(r"\$\{\{.*?\}\}", "x", script)], check=True)


def test_it_runs_the_tests_on_every_supported_python_and_server() -> None:
    tests = next(line for line in commands("README.md") if " -m pytest" in line)
    assert {job for job, script in RUNS if tests in script.splitlines()} == {
        "local-database",
        "cockroachdb",
        "postgresql",
    }
    matrix = JOBS["local-database"]["strategy"]["matrix"]
    assert matrix["python"] == ["3.10", "3.11", "3.12", "3.13", "3.14"]
    assert {system.partition("-")[0] for system in matrix["system"]} == {"ubuntu", "macos"}
    oldest, between, newest = JOBS["cockroachdb"]["strategy"]["matrix"]["version"]
    assert (oldest, newest) == ("latest-v20.2", "latest")
    assert oldest < between < "latest-v99"
    assert JOBS["postgresql"]["strategy"]["matrix"]["version"] == ["14", "18"]
    for words in ("| CockroachDB | v20.2 to the newest |", "| PostgreSQL | 14 to 18 |", "| Python | 3.10 to 3.14,"):
        assert words in text_of("docs/clusters.md")


def test_it_runs_the_linters_that_ci_runs() -> None:
    linters = [
        line for line in (PROJECT / ".ci" / "run").read_text().splitlines() if re.search(r"bin/(ruff|mypy)", line)
    ]
    assert linters
    (script,) = [script for job, script in RUNS if job == "linters"]
    assert [line for line in script.splitlines() if line in linters] == linters
    assert any("actionlint" in step.get("uses", "") for step in JOBS["linters"]["steps"])
