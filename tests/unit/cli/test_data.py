"""`memgraft data` of the long-context tasks: from options to a file that is proved."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from memgraft.cli.main import app
from memgraft.core.errors import InvalidInput
from memgraft.host.load import Host


@pytest.fixture
def folder(tiny_host: Callable[[str], Host], tmp_path: Path) -> str:
    """A model folder that has a tokenizer and no weights."""
    host = tiny_host("llama")
    host.tokenizer.save_pretrained(tmp_path / "model")
    host.model.config.save_pretrained(tmp_path / "model")
    return str(tmp_path / "model")


def run(*words: str) -> Result:
    result = CliRunner().invoke(app, ["data", *words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize(
    "words",
    [
        "hash-hop --hops 1,3 --style agents --cot",
        "hash-hop --length 8",
        "dependency --hops 2 --style variables",
        "dependency --branches 0",
        "code-retrieval --synthetic --ask source",
        "code-retrieval",
        "needle --form question --distractors 2 --split test",
    ],
)
def test_a_file_is_written_and_proved(words: str, folder: str, tmp_path: Path) -> None:
    out = tmp_path / "new" / "x.jsonl"
    command = [*words.split(), "--model", folder, "--tokens", "1500", "--depth", "0,1"]
    run(*command, "--samples", "6", "--seed", "3", "--out", str(out))
    made = rows(out)
    assert len(made) == 6
    for row in made:
        assert set(row) == {"input", "target", "metadata"}
        assert len((row["input"] + row["target"]).encode()) <= 1500
    task = words.split()[0].replace("-", "_")
    assert f"{task}: 6 samples" in run("check", str(out), "--model", folder).output
    made[4]["target"] += "x"
    out.write_text("\n".join(map(json.dumps, made)), encoding="utf-8")
    with pytest.raises(InvalidInput, match="line 5: the target is wrong"):
        run("check", str(out))


def test_the_names_of_the_prototype(folder: str, tmp_path: Path) -> None:
    out = tmp_path / "x.jsonl"
    run(
        "hash-hop", "--context_length", "700", "--num_samples", "2",
        "--output", str(out), "--model", folder,
    )  # fmt: skip
    assert [row["metadata"]["index"] for row in rows(out)] == [0, 1]


def test_without_a_file_it_prints(folder: str) -> None:
    printed = run("dependency", "--tokens", "800", "--samples", "2", "--model", folder).stdout
    assert [json.loads(line)["metadata"]["task"] for line in printed.splitlines()] == [
        "dependency"
    ] * 2


def test_a_repository(folder: str, tmp_path: Path) -> None:
    code = tmp_path / "code"
    code.mkdir()
    names = ("boat", "cart", "door", "echo", "fork", "gate")
    for name in names:
        described = f"Gives what was asked for by {name[0]} people."
        lines = "".join(f"    x += {i}\n" for i in range(15))
        (code / f"{name}.py").write_text(f'def use_{name}(x):\n    """{described}"""\n{lines}')
    out = tmp_path / "x.jsonl"
    run(
        *("code-retrieval", "--repository", str(code), "--model", folder),
        *("--tokens", "1000", "--samples", "3", "--out", str(out)),
    )
    assert {row["metadata"]["answer"] for row in rows(out)} <= {f"use_{name}" for name in names}
    with pytest.raises(InvalidInput, match="made up or of a repository"):
        run("code-retrieval", "--repository", str(code), "--synthetic")


@pytest.mark.parametrize("updates", ["0", "3"])
def test_mqar_needs_no_model(updates: str, tmp_path: Path) -> None:
    out = tmp_path / "x.jsonl"
    run(
        *("mqar", "--samples", "5", "--pairs", "4", "--filler", "10", "--tokens", "64"),
        *("--updates", updates, "--vocab_size", "64", "--noise", "8", "--out", str(out)),
    )
    assert {len(row["input"]) for row in rows(out)} == {64}
    name = "forgetting_mqar" if updates != "0" else "mqar"
    assert f"{name}: 5 samples" in run("check", str(out)).output


def test_token_hops_need_no_model(tmp_path: Path) -> None:
    out = tmp_path / "x.jsonl"
    run(
        *("token-hops", "--samples", "5", "--chains", "3", "--length", "3", "--hops", "3", "--cot"),
        *("--questions", "2", "--spread", "4", "--filler", "10", "--out", str(out)),
    )
    assert {len(row["input"]) for row in rows(out)} == {3 * 9 + 4 + 10 + 2 * 4}
    assert "token_hops: 5 samples" in run("check", str(out)).output


def test_told_facts(folder: str, tmp_path: Path) -> None:
    out = tmp_path / "x.jsonl"
    command = ["told", "--tokens", "1500", "--samples", "4", "--seed", "3", "--out", str(out)]
    run(*command, "--model", folder, "--facts", "3", "--split", "values", "--apart", "1")
    made = rows(out)
    assert [row["metadata"]["split"] for row in made] == ["values"] * 4
    assert [len(row["metadata"]["apart"]) for row in made] == [1] * 4
    assert {row["metadata"]["facts"] for row in made} <= {1, 2, 3}
    assert "told: 4 samples" in run("check", str(out), "--model", folder).output
    out.unlink()
    (tmp_path / "model" / "chat_template.jinja").unlink()
    with pytest.raises(InvalidInput, match="chat template"):
        run(*command, "--model", folder)
    assert not out.exists()
    with pytest.raises(InvalidInput, match="--facts cannot be read"):
        run("told", "--facts", "many", "--model", folder)


@pytest.mark.parametrize("option", ["--hops", "--depth"])
def test_numbers_that_are_none(option: str) -> None:
    with pytest.raises(InvalidInput, match=f"{option} cannot be read"):
        run("dependency", option, "1,x")


def test_a_needle_that_does_not_fit_leaves_no_file(folder: str, tmp_path: Path) -> None:
    out = tmp_path / "x.jsonl"
    with pytest.raises(InvalidInput, match="at least"):
        run("hash-hop", "--tokens", "50", "--model", folder, "--out", str(out))
    assert not out.exists() and [p.name for p in tmp_path.iterdir()] == ["model"]
