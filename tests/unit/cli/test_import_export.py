"""`memgraft import`, and `memgraft export --format jsonl`, as the shell sees them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from memgraft.cli.main import app
from memgraft.core.errors import InvalidInput
from memgraft.core.records import Record
from memgraft.core.scope import Scope
from memgraft.store.sqlite import SQLiteStore

# Exports and imports, and tells whether torch was loaded for it.
PROGRAM = """
import sys
from typer.testing import CliRunner
from memgraft.cli.main import app
for words in {words!r}:
    result = CliRunner().invoke(app, words, catch_exceptions=False)
    assert result.exit_code == 0, result.output
print("torch" in sys.modules or "transformers" in sys.modules)
"""


@pytest.fixture
def store(tmp_path: Path) -> str:
    path = tmp_path / "m.db"
    with closing(SQLiteStore(path, synchronous="OFF")) as opened:
        first, _ = opened.add(Record.new("I live in Izmir", Scope("me")))
        opened.supersede(Record.new("I live in Ankara", Scope("me")), first.id)
        opened.add(Record.new("I like tea", Scope("ada")))
    return str(path)


def run(*words: str, status: int = 0) -> str:
    result = CliRunner().invoke(app, list(words), catch_exceptions=False)
    assert result.exit_code == status, result.output
    return result.stdout


def figures(printed: str) -> dict[str, int]:
    """The rows of the table."""
    rows = [line.split("│") for line in printed.splitlines() if line.startswith("│")]
    return {row[1].strip(): int(row[2]) for row in rows}


def test_out_and_in_again(store: str, tmp_path: Path) -> None:
    file, new = tmp_path / "out.jsonl", str(tmp_path / "new.db")
    assert run("export", str(file), "--format", "jsonl", "--store", store) == (
        f"3 records in {file}\n"
    )
    assert run("memories", "--store", new) == "Nothing yet.\n"
    planned = figures(run("import", str(file), "--store", new, "--dry-run"))
    assert planned == {"added": 3, "unchanged": 0, "duplicates": 0, "conflicts": 0}
    assert run("memories", "--store", new) == "Nothing yet.\n"
    assert figures(run("import", str(file), "--store", new)) == planned
    assert "I live in Ankara" in run("memories", "--store", new)
    assert figures(run("import", str(file), "--store", new))["unchanged"] == 3
    done = json.loads(run("import", str(file), "--store", new, "--json"))
    assert done == {
        "added": 0, "unchanged": 3, "duplicates": [], "conflicts": [], "dry_run": False,
    }  # fmt: skip


def test_of_one_user(store: str, tmp_path: Path) -> None:
    file = tmp_path / "out.jsonl"
    words = ("export", "--format", "jsonl", "--out", str(file), "--user", "ada")
    assert run(*words, "--store", store) == f"1 records in {file}\n"


def test_of_a_tenant(store: str, tmp_path: Path) -> None:
    file, new = tmp_path / "out.jsonl", str(tmp_path / "new.db")
    run("export", str(file), "--format", "jsonl", "--store", store)
    assert figures(run("import", str(file), "--store", new, "--tenant", "acme"))["added"] == 3
    assert run("memories", "--store", new) == "Nothing yet.\n"
    words = ("export", "--format", "jsonl", "--store", new, "--tenant")
    assert run(*words, "acme", "--out", str(tmp_path / "2")) == f"3 records in {tmp_path / '2'}\n"
    assert (tmp_path / "2").read_text() == file.read_text()
    with pytest.raises(InvalidInput, match="there is no store"):
        run(*words, "typo", "--out", str(tmp_path / "3"))
    with pytest.raises(InvalidInput, match="there is no store"):
        run("import", str(file), "--store", new, "--tenant", "typo", "--dry-run")
    with pytest.raises(InvalidInput, match="facts in weights have no tenant"):
        run("export", str(tmp_path / "4"), "--store", new, "--tenant", "acme")


def test_conflicts_and_duplicates_are_told(store: str, tmp_path: Path) -> None:
    file = tmp_path / "out.jsonl"
    run("export", str(file), "--format", "jsonl", "--store", store)
    with closing(SQLiteStore(store)) as opened:
        [tea], [ankara] = opened.list(Scope("ada")), opened.list(Scope("me"))
        opened.update(tea.id, {"text": "I like cake"})
        opened.delete(ankara.id)
        twin, _ = opened.add(Record.new("I live in Ankara", Scope("me")))
    printed = run("import", str(file), "--store", store, status=1)
    assert figures(printed) == {"added": 0, "unchanged": 1, "duplicates": 1, "conflicts": 1}
    assert f"{tea.id} is the id of a different memory here" in printed
    assert f"{ankara.id} says what another memory of the same scope says" in printed
    with closing(SQLiteStore(store)) as opened:
        assert opened.get(tea.id).text == "I like cake"
        assert opened.list(Scope("me")) == [twin]


def test_from_mem0_and_langchain(tmp_path: Path) -> None:
    new, file = str(tmp_path / "new.db"), tmp_path / "theirs.json"
    file.write_text(json.dumps({"results": [{"memory": "Likes tea"}]}))
    run("import", str(file), "--format", "mem0", "--store", new)
    assert "Likes tea" in run("memories", "--store", new)
    run("import", str(file), "--format", "mem0", "--store", new, "--user", "ada")
    assert "Likes tea" in run("memories", "--store", new, "--user", "ada")
    file.write_text(json.dumps([{"type": "human", "data": {"content": "Hello"}}]))
    for words in ((), ("--session", "s1")):
        run("import", str(file), "--format", "langchain", "--store", new, *words)
    with closing(SQLiteStore(new)) as opened:
        found = [record for record in opened.list() if record.source == "langchain"]
    assert [record.scope.run_id for record in found] == ["theirs", "s1"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["import", "FILE", "--format", "csv"], "no format is called 'csv'"),
        (["import", "none.jsonl"], "cannot read none.jsonl"),
        (["import", "FILE"], "line 1 of file.jsonl: this is no JSON"),
        (["import", "FILE", "--user", "ada"], "says itself whose"),
        (["import", "FILE", "--session", "s"], "only a LangChain conversation"),
        (["export", "--format", "jsonl"], "one place to write to must be named"),
        (["export", "FILE", "--out", "other", "--format", "jsonl"], "one place to write to"),
        (["export", "FILE", "--format", "jsonl"], "is there already"),
    ],
)
def test_what_cannot_be_done(tmp_path: Path, words: list[str], sentence: str) -> None:
    file, new = tmp_path / "file.jsonl", tmp_path / "new.db"
    file.write_text("no record")
    given = [str(file) if word == "FILE" else word for word in words]
    with pytest.raises(InvalidInput, match=sentence):
        run(*given, "--store", str(new))
    assert file.read_text() == "no record"


def test_what_only_reads_makes_no_store(store: str, tmp_path: Path) -> None:
    file, typo = tmp_path / "out.jsonl", tmp_path / "typo.db"
    run("export", str(file), "--format", "jsonl", "--store", store)
    for words in (["export", str(tmp_path / "new"), "--format", "jsonl"],
                  ["import", str(file), "--dry-run"]):  # fmt: skip
        with pytest.raises(InvalidInput, match="there is no store"):
            run(*words, "--store", str(typo))
    assert not typo.exists()
    assert not (tmp_path / "new").exists()


def test_a_pipe_is_refused(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(InvalidInput, match="a pipe cannot be read twice"):
        run("import", str(pipe), "--store", str(tmp_path / "new.db"))


def test_a_file_that_comes_meanwhile_is_kept(
    store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, entries = tmp_path / "out.jsonl", SQLiteStore.entries

    def late(*given: Any) -> Any:
        file.write_text("another's")
        return entries(*given)

    monkeypatch.setattr(SQLiteStore, "entries", late)
    with pytest.raises(InvalidInput, match=r"cannot write.*File exists"):
        run("export", str(file), "--format", "jsonl", "--store", store)
    assert file.read_text() == "another's"
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".db", ".jsonl"]


def test_neither_loads_a_model(store: str, tmp_path: Path) -> None:
    file = str(tmp_path / "out.jsonl")
    words = [
        ["export", file, "--format", "jsonl", "--store", store],
        ["import", file, "--store", str(tmp_path / "new.db")],
    ]
    program = PROGRAM.format(words=words)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.stdout, done.returncode) == ("False\n", 0), done.stderr
