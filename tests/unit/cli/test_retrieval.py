"""The commands that search, dream and embed anew, without a language model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from memgraft.cli.main import app
from memgraft.core.errors import FolderError, InvalidInput
from memgraft.core.scope import Scope
from memgraft.open import open_retrieval
from toys import ToyEncoder


@pytest.fixture(autouse=True)
def toy(monkeypatch: pytest.MonkeyPatch) -> None:
    def opened(name: str, progress: Any = None) -> ToyEncoder:
        if name == "none":
            raise InvalidInput("no such encoder")
        return ToyEncoder(name)

    monkeypatch.setattr("memgraft.open.open_encoder", opened)


@pytest.fixture
def store(tmp_path: Path) -> str:
    path = str(tmp_path / "m.db")
    with open_retrieval(path) as memory:
        for text in ("A red bus stops here", "a red  bus stops, here", "Tea is green"):
            memory.add(text, user_id="me", metadata={"kind": text.split()[-1]})
    return path


def run(*words: str) -> str:
    result = CliRunner().invoke(app, list(words), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_search(store: str) -> None:
    assert "Tea is green" in run("search", "green tea", "--store", store, "--limit", "1")
    found = json.loads(run("search", "green tea", "--store", store, "--explain", "--json"))
    assert found[0]["memory"] == "Tea is green"
    assert found[0]["signals"]["cosine"] == pytest.approx(1.0)
    filtered = run("search", "tea", "--store", store, "--filters", '{"metadata.kind": "here"}')
    assert "Tea" not in filtered
    assert run("search", "tea", "--store", store, "--user", "you") == "Nothing found.\n"


@pytest.mark.parametrize("filters", ["{", "[1]", '{"colour": "red"}'])
def test_filters_that_are_none(store: str, filters: str) -> None:
    with pytest.raises(InvalidInput):
        run("search", "tea", "--store", store, "--filters", filters)


def test_dream_says_what_it_would_do_does_it_and_undoes_it(store: str) -> None:
    planned = run("dream", "--dry-run", "--store", store)
    assert "Would change:" in planned
    assert "says the same as" in planned
    buses = json.loads(run("search", "red bus", "--store", store, "--limit", "2", "--json"))
    assert len([one for one in buses if "bus" in one["memory"]]) == 2
    done = json.loads(run("dream", "--store", store, "--json"))
    assert done["merged"] == 1
    buses = json.loads(run("search", "red bus", "--store", store, "--json"))
    assert len([one for one in buses if "bus" in one["memory"]]) == 1
    assert "is found again" in run("dream", "--undo", "--store", store)
    buses = json.loads(run("search", "red bus", "--store", store, "--json"))
    assert len([one for one in buses if "bus" in one["memory"]]) == 2


def test_another_encoder_is_refused_until_all_is_embedded_anew(store: str) -> None:
    with pytest.raises(FolderError, match="memgraft reembed"):
        run("search", "tea", "--store", store, "--encoder", "static")
    with pytest.raises(InvalidInput, match="no such encoder"):
        run("reembed", "--store", store, "--encoder", "none")
    assert "Tea is green" in run("search", "tea", "--store", store)
    assert "3 memories embedded with static" in run(
        "reembed", "--store", store, "--encoder", "static"
    )
    assert "Tea is green" in run("search", "tea", "--store", store, "--encoder", "static")


def test_one_tenant_alone_is_embedded_anew(store: str) -> None:
    for tenant in ("acme", "other"):
        with open_retrieval(store, tenant=tenant) as memory:
            memory.add("Boats are blue", user_id="me")
    told = run("reembed", "--store", store, "--tenant", "acme", "--encoder", "static")
    assert "1 memories embedded with static" in told
    open_retrieval(store, tenant="acme", encoder="static").close()
    for tenant in ("other", ""):
        with pytest.raises(FolderError, match="memgraft reembed"):
            open_retrieval(store, tenant=tenant, encoder="static")
    with pytest.raises(InvalidInput, match="there is no store"):
        run("reembed", "--store", store, "--tenant", "typo")


def test_draw(store: str, tmp_path: Path) -> None:
    made = run("draw", str(tmp_path / "pictures"), "--store", store).split()
    assert {Path(path).name for path in made} >= {"activation.png", "categories.png"}


def test_two_openings_of_one_store_see_each_other(store: str) -> None:
    with open_retrieval(store) as one, open_retrieval(store) as other:
        one.add("Boats are blue", user_id="me")
        assert other.search("boats", user_id="me")["results"][0]["memory"] == "Boats are blue"
        [cat] = other.add("Cats are grey", user_id="me")["results"]
        assert one.search("cats", user_id="me")["results"][0]["memory"] == "Cats are grey"
        one.delete(cat["id"])
        assert "Cats are grey" not in [
            found["memory"] for found in other.search("cats", user_id="me")["results"]
        ]
        assert one.store.count(Scope(user_id="me")) == 4
