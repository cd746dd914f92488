"""The command as the shell sees it: help, exit statuses, messages, and that it starts light."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

# Runs the command, then tells on the last line of standard error whether torch was loaded.
PROGRAM = """
import sys
sys.argv[0] = "memgraft"
from memgraft.cli.main import main
try:
    main()
finally:
    print("torch" in sys.modules, file=sys.stderr)
"""


def run(*words: str, module: bool = False) -> tuple[int, str, str, bool]:
    """Exit status, standard output, standard error, whether torch was loaded."""
    start = ["-m", "memgraft.cli.main"] if module else ["-c", PROGRAM]
    done = subprocess.run(
        [sys.executable, *start, *words], capture_output=True, text=True, timeout=120
    )
    complaints, _, loaded = done.stderr.rstrip().rpartition("\n")
    return done.returncode, done.stdout, complaints if not module else done.stderr, loaded == "True"


@pytest.fixture
def store(tmp_path: Path) -> str:
    return str(tmp_path / "m.db")


def test_help_lists_every_command_and_starts_light() -> None:
    status, printed, _, torch = run("--help")
    assert status == 0
    assert not torch
    listed = {line.split()[0] for line in printed.splitlines() if line.startswith("  ")}
    commands = "chat remember ask memories forget stats export eval data train bundles"
    assert set(commands.split()) <= listed


def test_as_a_module_without_arguments_it_tells_the_same() -> None:
    status, printed, complaints, _ = run(module=True)
    assert status == 2
    assert "remember" in printed + complaints


@pytest.mark.parametrize("words", [["chat", "--help"], ["eval", "injection", "--help"]])
def test_help_of_a_command(words: list[str]) -> None:
    status, printed, _, torch = run(*words)
    assert (status, torch) == (0, False)
    assert "--model" in printed


def test_an_unknown_command() -> None:
    status, _, complaints, torch = run("forgive")
    assert (status, torch) == (2, False)
    assert "forgive" in complaints


def test_memories_needs_no_model(store: str) -> None:
    status, printed, _, torch = run("memories", "--store", store)
    assert (status, printed, torch) == (0, "Nothing yet.\n", False)
    status, printed, _, torch = run("memories", "--store", store, "--json")
    assert (status, printed, torch) == (0, "[]\n", False)


def test_a_blank_fact(store: str) -> None:
    status, printed, complaints, torch = run("remember", "  ", "--store", store)
    assert (status, printed, torch) == (2, "", False)
    assert complaints.startswith("memgraft: the text of a memory is blank")
    assert not Path(store).exists()


def test_forgetting_what_is_not_there(store: str) -> None:
    status, _, complaints, torch = run("forget", "boat", "--store", store)
    assert (status, torch) == (1, False)
    assert complaints.startswith("memgraft: nothing that is remembered fits 'boat'")


def test_a_store_of_an_unknown_kind() -> None:
    status, _, complaints, torch = run("memories", "--store", "redis://user:secret@host/0")
    assert (status, torch) == (2, False)
    assert complaints.startswith("memgraft: no store for redis URLs; expected: a file path")
    assert "secret" not in complaints


def test_a_store_that_is_a_folder(tmp_path: Path) -> None:
    status, _, complaints, _ = run("memories", "--store", str(tmp_path))
    assert status == 1
    assert complaints.startswith("memgraft: the store is one file, not a folder")


def test_an_unknown_home(store: str) -> None:
    status, _, complaints, _ = run("stats", "--store", store, "--home", "attic")
    assert status == 2
    assert "no home is called 'attic'; expected: weights or passages or both" in complaints
    assert not Path(store).exists()


def test_a_model_folder_that_is_none(store: str, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    status, _, complaints, _ = run("ask", "?", "--store", store, "--model", str(tmp_path / "model"))
    assert status == 1
    assert f"memgraft: {tmp_path / 'model'} is not a model folder" in complaints
    assert "no config.json in it" in complaints
    assert "Traceback" not in complaints


def test_facts_that_are_not_there(tmp_path: Path) -> None:
    status, _, complaints, _ = run("eval", "injection", "--facts", str(tmp_path / "none.jsonl"))
    assert status == 2
    assert complaints.startswith("memgraft: cannot read")


def test_generated_facts_are_rows_of_an_evaluation(tmp_path: Path) -> None:
    from memgraft.evals.rows import load_rows

    code, out, _, _ = run("data", "facts", "--count", "20", "--split", "phrasing")
    assert code == 0
    path = tmp_path / "facts.jsonl"
    path.write_text(out, encoding="utf-8")
    rows = load_rows(path)
    assert len(rows) == 20
    assert all(row.answer.lower() in row.fact.lower() for row in rows)


def test_an_unknown_split() -> None:
    code, _, err, _ = run("data", "facts", "--split", "test")
    assert code != 0
    assert "phrasing" in err


def test_an_unknown_export_format(tmp_path: Path, store: str) -> None:
    out = tmp_path / "out"
    code, _, err, _ = run("export", "--format", "gguf", "--out", str(out), "--store", store)
    assert code != 0
    assert "merged" in err
    assert not out.exists()


def test_an_export_overwrites_nothing(tmp_path: Path, store: str) -> None:
    (tmp_path / "mine").write_text("dear")
    code, _, err, _ = run("export", "--out", str(tmp_path), "--store", store)
    assert code != 0
    assert "not empty" in err
    assert (tmp_path / "mine").read_text() == "dear"
