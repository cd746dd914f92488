"""The passages home in PostgreSQL: both signals nominate, tenants and scopes are kept apart, and
several processes share what each of them wrote."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import psycopg
import pytest

from databases import admin, fresh_database
from memgraft.core.errors import FolderError, InvalidInput, StoreError
from memgraft.core.filters import compiled
from memgraft.core.recall import Passages, Query
from memgraft.core.records import Record
from memgraft.core.scope import Scope
from memgraft.memory import Memory
from memgraft.open import homes_folder, open_retrieval, reembed, retrieval_home
from memgraft.retrieval import postgres_vectors
from memgraft.retrieval.config import RetrievalConfig
from memgraft.retrieval.postgres_home import PostgresPassages
from memgraft.retrieval.postgres_vectors import Vectors, drop_vectors
from memgraft.store.postgres import PostgresStore
from memgraft.text.encoder import Vectors as Rows
from toys import ToyEncoder

POOL = RetrievalConfig().pool
ME, YOU = Scope(user_id="me"), Scope(user_id="you")


class Counting(ToyEncoder):
    """Counts the texts that it encodes."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def encode(self, texts: Sequence[str]) -> Rows:
        self.texts += texts
        return super().encode(texts)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """One database for all tests of this file: each is a tenant."""
    with fresh_database() as found:
        yield found


@pytest.fixture
def tenant(request: pytest.FixtureRequest) -> str:
    return f"t{abs(hash(request.node.name))}"


@pytest.fixture
def store(url: str, tenant: str) -> Iterator[PostgresStore]:
    with closing(PostgresStore(url, tenant)) as opened:
        yield opened


@pytest.fixture
def home(store: PostgresStore) -> PostgresPassages:
    return PostgresPassages(store, ToyEncoder())


def filled(home: PostgresPassages, texts: Sequence[str], scope: Scope = ME) -> list[Record]:
    """Records of these texts, in the store and in the home."""
    records = [Record.new(text, scope) for text in texts]
    home.store.write(lambda session: [session.add(record) for record in records])
    home.write(records)
    return records


def texts(passages: Passages) -> list[str]:
    return [item.text for item in passages.items]


# Writing and reading


def test_write_gives_receipts_and_read_finds(home: PostgresPassages) -> None:
    records = [home.store.add(Record.new(t, ME))[0] for t in ("tea is green", "boats are blue")]
    receipts = home.write(records)
    assert [(r.record_id, r.home, r.outcome) for r in receipts] == [
        (record.id, "passages", "exact") for record in records
    ]
    found = home.read(Query("blue boats", ME, limit=1))
    [item] = found.items
    assert (item.text, item.record_id) == ("boats are blue", records[1].id)
    assert item.signals["cosine"] == pytest.approx(1.0, abs=1e-3)
    assert item.signals["words"] > 0
    assert 0.9 < item.signals["confidence"] <= 1.0
    assert dict(home.held()) == {record.id: 1 for record in records}
    assert home.stats() == {"facts": 2, "bytes": 2 * 2 * 512, "encoder": "toy", "users": 1}


def test_nothing_held_nothing_found(home: PostgresPassages) -> None:
    assert not home.read(Query("tea", ME))
    assert home.write([]) == []
    filled(home, ["tea is green"])
    assert not home.read(Query("tea", YOU))
    assert not home.read(Query("  ", ME))


def test_found_by_words_alone(store: PostgresStore) -> None:
    # The encoder has never heard of the machine.
    home = PostgresPassages(store, ToyEncoder(deaf="zx81"))
    decoys = [f"handbook {' '.join(f'w{n}x{i}' for i in range(n % 7))}" for n in range(POOL + 20)]
    filled(home, ["zx81 stored upstairs", *decoys])
    found = home.read(Query("zx81 handbook", ME, limit=3))
    best = next(item for item in found.items if item.text == "zx81 stored upstairs")
    assert best.signals["cosine"] == pytest.approx(0.0, abs=0.01)
    assert best.signals["words"] > 0


def test_found_by_meaning_alone(store: PostgresStore) -> None:
    home = PostgresPassages(store, ToyEncoder(same={"automobile": "car"}))
    [car] = home.encoder.encode(["car"])
    decoys = [f"tea number {n}" for n in range(POOL + 40)]
    # Without those that the hash takes for cars.
    decoys = [text for text in decoys if not home.encoder.encode([text])[0] @ car]
    filled(home, ["automobile repainted red", *decoys])
    found = home.read(Query("car", ME, limit=1))
    assert texts(found) == ["automobile repainted red"]
    assert found.items[0].signals["words"] == 0.0
    assert found.items[0].signals["cosine"] > 0.5


def test_scripts_without_spaces_are_found_by_their_words(store: PostgresStore) -> None:
    home = PostgresPassages(store, ToyEncoder(deaf="私は東京に住んでいます 東京 猫が好きです"))
    filled(home, ["私は東京に住んでいます", "猫が好きです"])
    [best, other] = home.read(Query("東京", ME)).items
    assert best.text == "私は東京に住んでいます"
    assert best.signals["words"] > 0 == other.signals["words"]


def test_time_and_speaker_are_signals(home: PostgresPassages) -> None:
    old = Record.new("we sailed", ME, event_time="2001-05-01", metadata={"speaker": "Ada"})
    new = Record.new("we sailed far", ME, event_time="2011-05-01", metadata={"speaker": "Bo"})
    home.write([home.store.add(record)[0] for record in (old, new)])
    assert home.read(Query("What was sailed in May 2001?", ME)).items[0].record_id == old.id
    assert home.read(Query("Who sailed in May 2011?", ME)).items[0].record_id == new.id
    by_ada = home.read(Query("What did Ada sail?", ME)).items
    assert {item.record_id: item.signals["speaker"] for item in by_ada} == {old.id: 1, new.id: 0}
    assert by_ada[0].record_id == old.id


def test_limit_confidence_adaptive_and_tokens(home: PostgresPassages) -> None:
    filled(home, ["green tea", *(f"green thing number {n} of very many" for n in range(30))])
    assert len(home.read(Query("green tea", ME, limit=7)).items) == 7
    sure = home.read(Query("green tea", ME, limit=40, confidence=0.9))
    assert texts(sure) == ["green tea"]
    assert texts(home.read(Query("green tea", ME, limit=40, adaptive=True))) == ["green tea"]
    assert texts(home.read(Query("green tea", ME, tokens=3))) == ["green tea"]
    for wrong in (Query("tea", ME, limit=0), Query("tea", ME, confidence=2.0)):
        with pytest.raises(InvalidInput):
            home.read(wrong)


def test_filters_reach_what_is_far_down(home: PostgresPassages) -> None:
    filled(home, [f"green tea {n}" for n in range(POOL + 20)])
    far = Record.new("water", ME, metadata={"kind": "cold"})
    home.write([home.store.add(far)[0]])
    accepts = compiled({"metadata.kind": "cold"})
    assert texts(home.read(Query("green tea", ME, filters=accepts))) == ["water"]
    assert not home.read(Query("green tea", ME, filters=compiled({"metadata.kind": "hot"})))


def test_scopes_are_kept_apart_before_the_search(home: PostgresPassages) -> None:
    mine = Scope(user_id="me", run_id="r")
    filled(home, [f"green tea {n}" for n in range(POOL + 20)], YOU)
    filled(home, ["coffee with a little tea"], mine)
    filled(home, ["water"], ME)
    query = "green tea"
    assert sorted(texts(home.read(Query(query, ME)))) == ["coffee with a little tea", "water"]
    assert texts(home.read(Query(query, mine))) == ["coffee with a little tea"]
    assert len(home.read(Query(query, YOU, limit=7)).items) == 7
    assert not home.read(Query(query, Scope(user_id="nobody")))


@pytest.mark.parametrize("above", [1, 20_000])
def test_the_index_finds_what_exact_search_finds(store: PostgresStore, above: int) -> None:
    home = PostgresPassages(store, ToyEncoder(), RetrievalConfig(ann_above=above, pool=20))
    filled(home, [f"thing {n} of colour {n % 9}" for n in range(120)], YOU)
    filled(home, ["a blue boat", "a red boat", *(f"thing {n}" for n in range(40))])
    assert texts(home.read(Query("blue boat", ME, limit=2))) == ["a blue boat", "a red boat"]
    # More than the index gives at once: all of the scope.
    assert len(home.read(Query("boat", ME, limit=100)).items) == 42


def test_the_index_is_used_in_large_scopes(home: PostgresPassages) -> None:
    filled(home, [f"thing {n}" for n in range(30)])
    vector = "[" + ",".join(map(str, home.encoder.encode(["thing"])[0].tolist())) + "]"

    def plan(distance: str) -> str:
        def explained(session):  # type: ignore[no-untyped-def]
            session.run("SET LOCAL enable_sort = off")
            sql = (
                f"EXPLAIN SELECT id FROM memgraft.vectors_512 WHERE tenant = ? ORDER BY {distance}"
            )
            return str(session.run(sql + " LIMIT 5", [session.tenant, vector]))

        return home.store.read(explained)

    assert "vectors_512_near" in plan("vector <=> ?::halfvec")
    assert "vectors_512_near" not in plan("(vector <=> ?::halfvec) + 0.0")


# Following the store


def test_what_the_home_has_not_caught_up_with_is_left_out(home: PostgresPassages) -> None:
    filled(home, ["tea is green"])
    home.store.add(Record.new("tea is black", ME))
    assert texts(home.read(Query("tea", ME))) == ["tea is green"]


def test_a_deleted_record_takes_its_vector_with_it(home: PostgresPassages) -> None:
    gone, kept = filled(home, ["tea is green", "tea is black"])
    home.store.delete(gone.id)
    assert texts(home.read(Query("tea", ME))) == ["tea is black"]
    assert dict(home.held()) == {kept.id: 1}
    home.store.reset()
    assert dict(home.held()) == {}


def test_a_superseded_record_is_not_found(home: PostgresPassages) -> None:
    [old] = filled(home, ["I live in Izmir"])
    home.store.supersede(Record.new("I live in Ankara", ME), old.id)
    assert not home.read(Query("Where do I live?", ME))
    assert [receipt.outcome for receipt in home.forget([old.id, "unknown"])] == ["exact", "exact"]
    assert dict(home.held()) == {}


def test_a_changed_text_is_encoded_anew(home: PostgresPassages) -> None:
    [record] = filled(home, ["tea is green"])
    changed = home.store.update(record.id, {"text": "boats are blue"})
    home.write([changed])
    assert home.read(Query("boats", ME)).items[0].signals["cosine"] > 0.6
    # An older version never replaces a newer one.
    assert [receipt.outcome for receipt in home.write([record])] == ["exact"]
    assert home.held()[record.id] == 2
    assert home.read(Query("boats", ME)).items[0].signals["cosine"] > 0.6


def test_a_record_that_is_gone_is_refused(home: PostgresPassages) -> None:
    record, _ = home.store.add(Record.new("tea is green", ME))
    home.store.delete(record.id)
    [receipt] = home.write([record])
    assert (receipt.outcome, receipt.reason) == ("refused", "it was deleted meanwhile")
    assert dict(home.held()) == {}


def test_what_another_process_wrote_costs_nothing(url: str, tenant: str) -> None:
    with (
        Memory(store := PostgresStore(url, tenant), [PostgresPassages(store, Counting())]) as one,
        Memory(other := PostgresStore(url, tenant), [PostgresPassages(other, Counting())]) as two,
    ):
        one.add("tea is green", user_id="me", infer=False)
        said: list[list[str]] = [home.encoder.texts for m in (one, two) for home in m.homes]  # type: ignore[attr-defined]
        assert said == [["tea is green"], []]
        [found] = two.search("tea", user_id="me")["results"]
        assert found["memory"] == "tea is green"
        assert said[1] == ["tea"]
        one.update(found["id"], "tea is black")
        two.delete(found["id"])
        assert one.search("tea", user_id="me")["results"] == []
        assert said[0] == ["tea is green", "tea is black", "tea"]
        two.add("boats are blue", user_id="me")
        one.reset()
        assert two.search("boats", user_id="me")["results"] == []


def test_held_asks_for_single_ids(home: PostgresPassages) -> None:
    one, two = filled(home, ["tea is green", "boats are blue"])
    held = home.held()
    assert (held[one.id], held.get("unknown"), two.id in held, "a\0b" in held) == (
        1,
        None,
        True,
        False,
    )
    assert (len(held), set(held)) == (2, {one.id, two.id})
    home.forget([two.id])
    assert (two.id in held, len(held)) == (False, 1)


# Tenants and encoders


def test_tenants_share_tables_and_nothing_else(url: str, home: PostgresPassages) -> None:
    mine = filled(home, ["tea is green"])
    with closing(PostgresStore(url, "elsewhere")) as store:
        other = PostgresPassages(store, ToyEncoder())
        assert other.write(mine)[0].outcome == "refused"
        assert not other.read(Query("tea"))
        other.forget([mine[0].id])
        assert dict(other.held()) == {}
        # Even a statement that names no tenant.
        assert store.read(lambda s: s.run("SELECT id FROM memgraft.vectors_512")) == []
        with pytest.raises(StoreError, match="row-level security"):
            store.write(
                lambda s: s.run(
                    "INSERT INTO memgraft.vectors_512 (tenant, id, version, vector) "
                    f"SELECT '{home.store.tenant}', 'x', 1, array_fill(1, ARRAY[512])::vector"
                )
            )
    assert dict(home.held()) == {mine[0].id: 1}


def test_another_encoder_is_refused_until_embedded_anew(home: PostgresPassages) -> None:
    store = home.store
    [record] = filled(home, ["tea is green"])

    class Narrow(ToyEncoder):
        dimension = 16

    for encoder in (ToyEncoder("other"), Narrow("narrow")):
        with pytest.raises(FolderError, match=r"another encoder.*got: encoder toy.*reembed"):
            PostgresPassages(store, encoder)
    drop_vectors(store)
    again = PostgresPassages(store, Narrow("narrow"))
    assert dict(again.held()) == {}
    again.write([record])
    assert texts(again.read(Query("tea", ME))) == ["tea is green"]
    # A process that still has the old encoder neither mixes vectors nor searches with its own.
    for call in (
        lambda: home.read(Query("tea", ME)),
        lambda: home.write([replace(record, version=2)]),
    ):
        with pytest.raises(FolderError, match="reembed"):
            call()
    drop_vectors(store)
    drop_vectors(store)


def test_vectors_that_are_none_are_refused(store: PostgresStore) -> None:
    class Broken(ToyEncoder):
        def encode(self, texts: Sequence[str]) -> Rows:
            return np.full((len(texts), self.dimension), np.nan, np.float32)

    home = PostgresPassages(store, Broken())
    record, _ = store.add(Record.new("tea is green", ME))
    with pytest.raises(InvalidInput, match="finite"):
        home.write([record])
    assert dict(home.held()) == {}


def test_an_old_pgvector_is_refused(store: PostgresStore, monkeypatch: pytest.MonkeyPatch) -> None:
    class Odd(ToyEncoder):
        dimension = 17

    monkeypatch.setattr(postgres_vectors, "_OLDEST", (99, 0))
    with pytest.raises(StoreError, match=r"pgvector is too old.*99.*ALTER EXTENSION"):
        PostgresPassages(store, Odd())


@pytest.fixture
def user() -> Iterator[tuple[str, str, psycopg.Connection[Any]]]:
    """(name, URL as that user, connection of an administrator) of a database of its own."""
    with fresh_database() as url:
        name = f"{urlsplit(url).path[1:]}_user"
        with admin(url) as connection:
            connection.execute(f"CREATE ROLE {name} LOGIN")
            connection.execute(f"GRANT CREATE ON DATABASE {urlsplit(url).path[1:]} TO {name}")
            parts = urlsplit(url)
            as_user = parts._replace(netloc=f"{name}@{parts.netloc.rpartition('@')[2]}").geturl()
            yield name, as_user, connection
            roles = (name, f"memgraft_for_{name}")
            for role in roles:
                connection.execute(f"DROP OWNED BY {role} CASCADE")
            for role in roles[::-1]:
                connection.execute(f"DROP ROLE {role}")


def test_a_role_that_comes_later_may_use_the_vectors(
    user: tuple[str, str, psycopg.Connection[Any]],
) -> None:
    name, url, administrator = user
    administrator.execute("CREATE EXTENSION vector")
    with closing(PostgresStore(url)) as store:
        assert store.database.role is None
        filled(PostgresPassages(store, ToyEncoder()), ["tea is green"])
    administrator.execute(f"ALTER ROLE {name} CREATEROLE")
    with closing(PostgresStore(url)) as store:
        assert store.database.role == f"memgraft_for_{name}"
        home = PostgresPassages(store, ToyEncoder())
        filled(home, ["tea is hot"])
        assert sorted(texts(home.read(Query("tea", ME)))) == ["tea is green", "tea is hot"]


def test_pgvector_in_a_schema_of_its_own(user: tuple[str, str, psycopg.Connection[Any]]) -> None:
    name, url, administrator = user
    administrator.execute(f"ALTER ROLE {name} CREATEROLE")
    administrator.execute('CREATE SCHEMA "my types"; CREATE EXTENSION vector SCHEMA "my types"')
    with closing(PostgresStore(url)) as store:
        with pytest.raises(StoreError, match=r"may not use pgvector|permission denied.*my types"):
            PostgresPassages(store, ToyEncoder())
        administrator.execute(f'GRANT USAGE ON SCHEMA "my types" TO {name} WITH GRANT OPTION')
        home = PostgresPassages(store, ToyEncoder(), RetrievalConfig(ann_above=1, pool=5))
        filled(home, [f"tea number {n}" for n in range(20)])
        assert texts(home.read(Query("tea number 7", ME, limit=1))) == ["tea number 7"]


def test_the_home_of_a_store_in_a_database(url: str, store: PostgresStore) -> None:
    home = retrieval_home(store, ToyEncoder())
    assert isinstance(home, PostgresPassages)
    assert home.consolidate().changes == ()
    home.save()
    home.close()
    with closing(PostgresStore(url, "elsewhere")) as other:
        assert homes_folder(other) != homes_folder(store)


def test_opening_and_embedding_anew_by_names(
    url: str, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("memgraft.open.open_encoder", lambda name, progress: ToyEncoder(name))
    with open_retrieval(url, tenant=tenant, encoder="one") as memory:
        memory.add("tea is green", user_id="me", infer=False)
    with pytest.raises(FolderError, match="reembed"):
        open_retrieval(url, tenant=tenant, encoder="two")
    with reembed(url, tenant=tenant, encoder="two") as memory:
        assert memory.stats()["homes"]["passages"]["facts"] == 1
        assert memory.search("tea", user_id="me")["results"][0]["memory"] == "tea is green"


def test_a_store_that_lags_is_caught_up_with_few_statements(
    store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.write(lambda session: [session.add(Record.new(f"fact {n}", ME)) for n in range(300)])
    memory = Memory(store, [PostgresPassages(store, ToyEncoder())])
    asked = []
    versions = Vectors.versions
    monkeypatch.setattr(Vectors, "versions", lambda *given: asked.append(given) or versions(*given))
    assert len(memory.catch_up()) == 300
    assert len(asked) == 5, "all at once; and before and after writing each batch"
    store.add(Record.new("one more", ME))
    assert len(memory.catch_up()) == 1
    assert len(asked) == 8
    store.delete_all(ME)
    memory.catch_up()
    assert len(asked) == 9, "all that went, at once"


def test_every_table_of_vectors_has_its_wall(url: str) -> None:
    with admin(url) as connection:
        walls = connection.execute(
            "SELECT relname, relrowsecurity, relforcerowsecurity FROM pg_class "
            "WHERE relnamespace = 'memgraft'::regnamespace AND relkind = 'r' "
            "AND relname LIKE 'vectors%'"
        ).fetchall()
    assert walls
    assert all(row[1:] == (True, True) for row in walls)
