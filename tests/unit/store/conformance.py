"""What every store must do. Subclass `StoreConformance` and give it a `make_store` fixture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from memgraft.core.errors import Conflict, InvalidInput, NotFound, StoreError
from memgraft.core.records import Event, Record
from memgraft.core.scope import Scope
from memgraft.store.base import Entry, Parsed, Store

PAST, FUTURE = "2001-01-01T00:00:00+00:00", "2999-01-01T00:00:00+00:00"
YUSUF, ADA = Scope(user_id="yusuf"), Scope(user_id="ada")

SCRIPTS = {
    "arabic": ("اسمي يوسف وأعيش في إسطنبول", "إسطنبول"),
    "chinese": ("我住在北京市", "北京"),
    "cyrillic": ("Меня зовут Юсуф", "юсуф"),
    "devanagari": ("मेरा नाम यूसुफ है", "यूसुफ"),
    "greek": ("Με λένε Γιουσούφ", "γιουσούφ"),
    "hebrew": ("קוראים לי יוסף", "יוסף"),
    "japanese": ("私は東京に住んでいます", "東京"),
    "korean": ("나는 서울에 살아요", "서울"),
    "thai": ("ฉันอาศัยอยู่ในกรุงเทพมหานคร", "กรุงเทพ"),
    "turkish": ("Şehrim İstanbul'dur", "şehrim"),
    "emoji": ("I like 🍕 and 👩‍👩‍👧 time", "like"),
}


def nested(levels: int) -> Any:
    """Lists inside each other."""
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


class StoreConformance:
    """`make_store()` opens the test's own store; called again, the same one once more."""

    @pytest.fixture
    def make_store(self, tmp_path: Path) -> Callable[[], Store]:
        raise NotImplementedError

    @pytest.fixture
    def store(self, make_store: Callable[[], Store]) -> Store:
        return make_store()

    # Adding and reading

    def test_a_record_comes_back_as_it_went_in(self, store: Store) -> None:
        record = Record.new(
            "My  name\nis Yusuf",
            Scope("yusuf", "agent", "app", "run"),
            metadata={"ключ": ["é", 1, 2.5, None, {"a": True}]},
            categories=("name", "личное"),
            expires_at="2999-01-01T02:00:00+02:00",
            event_time="2020",
            source="chat",
        )
        added, fresh = store.add(record)
        assert fresh
        assert added == store.get(record.id)
        assert added.text == "My name is Yusuf"
        assert added.expires_at == "2999-01-01T00:00:00.000000+00:00"
        assert replace(added, expires_at=record.expires_at) == record

    def test_what_was_added_is_there_after_reopening(self, make_store: Callable[[], Store]) -> None:
        first = make_store()
        record, _ = first.add(Record.new("My name is Yusuf"))
        first.close()
        again = make_store()
        assert again.list() == [record]
        assert [event.event for event in again.history(record.id)] == ["ADD"]
        assert again.search_text("yusuf", Scope(), 5)[0][0] == record.id

    def test_the_same_content_is_kept_once_per_scope(self, store: Store) -> None:
        first, _ = store.add(Record.new("My name is Yusuf", YUSUF))
        assert store.add(Record.new("my  NAME is yusuf.", YUSUF)) == (first, False)
        assert store.add(Record.new("My name is Yusuf", ADA))[1]
        assert store.add(Record.new("My name is Yusuf"))[1]
        assert store.add(Record.new("My name is Yusuf"))[1] is False
        assert store.count() == 3
        assert len(store.history(first.id)) == 1

    def test_deleted_content_can_be_added_again(self, store: Store) -> None:
        first, _ = store.add(Record.new("I like tea"))
        store.delete(first.id)
        assert store.add(Record.new("I like tea"))[1]

    def test_a_used_id_is_a_conflict(self, store: Store) -> None:
        record, _ = store.add(Record.new("I like tea"))
        with pytest.raises(Conflict):
            store.add(replace(record, text="I like coffee"))
        assert [found.text for found in store.list()] == ["I like tea"]

    @pytest.mark.parametrize(
        "fields",
        [
            {"metadata": {"a": {1, 2}}},
            {"metadata": {"a": float("nan")}},
            {"metadata": {"a": "\ud800"}},
            {"metadata": ["a"]},
            {"categories": "name"},
            {"expires_at": "tomorrow"},
            {"event_time": 2020},
            {"scope": Scope(user_id="")},
            {"scope": Scope(user_id=5)},  # type: ignore[arg-type]
            {"scope": Scope(user_id="a\0b")},
            {"scope": Scope(run_id="é" * 300)},
            {"id": "a\0b"},
            {"id": "x" * 3000},
            {"source": "a\0b"},
            {"event_time": "a\0b"},
            {"metadata": {"a": nested(32)}},
            {"metadata": {"a": nested(5_000)}},
            {"categories": [nested(300)]},
        ],
    )
    def test_values_that_cannot_be_kept_are_refused(
        self, store: Store, fields: dict[str, Any]
    ) -> None:
        with pytest.raises(InvalidInput):
            store.add(replace(Record.new("I like tea"), **fields))
        assert store.count() == 0
        assert store.sequence() == 0

    def test_values_at_the_limits_are_kept(self, store: Store) -> None:
        names = iter("x" * 510 + str(number) for number in range(10, 20))
        scope = Scope(*(next(names) for _ in range(4)))
        record = replace(Record.new("I like tea", scope), id=next(names))
        record = replace(record, metadata={"a": nested(31)}, source="x" * 5000)
        store.add(record)
        assert store.list(scope) == [store.get(record.id)] == [record]
        assert store.supersede(replace(record, id=next(names)), record.id).supersedes == record.id

    def test_times_of_day_are_kept_in_utc(self, store: Store) -> None:
        for given, wanted in (
            ("2024-05-01T01:00:00+02:00", "2024-04-30T23:00:00.000000+00:00"),
            ("2024-05-01", "2024-05-01"),
            ("2024", "2024"),
            ("one day: soon", "one day: soon"),
        ):
            record, _ = store.add(Record.new(f"It was {given}", event_time=given))
            assert store.get(record.id).event_time == wanted

    def test_each_speaker_has_facts_of_their_own(self, store: Store) -> None:
        ana, bo = (
            Record.new("I live in Rome", YUSUF, metadata={"speaker": name})
            for name in ("ana", "bo")
        )
        assert store.add(ana) == (ana, True)
        assert store.add(bo) == (bo, True)
        assert store.add(replace(ana, id="another")) == (ana, False)
        with pytest.raises(Conflict):
            store.update(bo.id, {"metadata": {"speaker": "ana"}})

    def test_an_unknown_id_is_not_found(self, store: Store) -> None:
        for call in (store.get, store.delete, lambda missing: store.update(missing, {})):
            with pytest.raises(NotFound, match="no such memory"):
                call("missing")
        with pytest.raises(NotFound):
            store.supersede(Record.new("I like tea"), "missing")
        assert store.history("missing") == []
        assert store.count() == 0

    def test_listing_is_oldest_first_and_by_page(self, store: Store) -> None:
        ids = [store.add(Record.new(f"fact number {number}"))[0].id for number in range(5)]
        assert [record.id for record in store.list()] == ids
        assert [record.id for record in store.list(limit=2, offset=1)] == ids[1:3]
        assert store.list(limit=0) == []
        old = store.add(replace(Record.new("imported"), created_at="2001-01-01T00:00:00Z"))[0]
        assert store.list(limit=1) == [old]

    # Scope

    def test_scopes_are_kept_apart(self, store: Store) -> None:
        own, _ = store.add(Record.new("I like green tea", YUSUF))
        run, _ = store.add(Record.new("I like black tea", Scope("yusuf", run_id="r1")))
        store.add(Record.new("I like white tea", ADA))
        assert {record.id for record in store.list(YUSUF)} == {own.id, run.id}
        assert store.list(Scope(run_id="r1")) == [run]
        assert store.list(Scope("ada", run_id="r1")) == []
        assert store.count(YUSUF) == 2
        assert store.count(Scope(user_id="yus%")) == 0
        assert {found for found, _ in store.search_text("tea", YUSUF, 10)} == {own.id, run.id}

    def test_the_limit_of_a_search_counts_after_the_scope(self, store: Store) -> None:
        wanted, _ = store.add(Record.new("Among many other things I also like some tea", YUSUF))
        for number in range(20):
            store.add(Record.new(f"tea {number}", ADA))
        assert [found for found, _ in store.search_text("tea", YUSUF, 1)] == [wanted.id]

    # Changing

    def test_an_update_changes_what_it_names(self, store: Store) -> None:
        record, _ = store.add(Record.new("I like tea", YUSUF, categories=("drink",)))
        new = store.update(record.id, {"text": " I like  coffee", "metadata": {"a": 1}}, 1)
        assert (new.text, new.metadata, new.version) == ("I like coffee", {"a": 1}, 2)
        assert (new.categories, new.created_at) == (("drink",), record.created_at)
        assert new.updated_at > record.updated_at
        assert store.get(record.id) == new
        event = store.history(record.id)[-1]
        assert (event.event, event.old_text, event.new_text, event.scope) == (
            ("UPDATE", "I like tea", "I like coffee", YUSUF)
        )

    def test_an_update_that_changes_nothing_leaves_no_trace(self, store: Store) -> None:
        record, _ = store.add(Record.new("I like tea", categories=("drink",)))
        same = {"text": "I  like tea", "categories": ["drink"], "metadata": {}}
        assert store.update(record.id, same) == record
        assert store.sequence() == 1

    def test_a_stale_update_is_a_conflict(self, store: Store) -> None:
        record, _ = store.add(Record.new("I like tea"))
        store.update(record.id, {"text": "I like coffee"}, expected_version=1)
        with pytest.raises(Conflict, match="version 2"):
            store.update(record.id, {"text": "I like milk"}, expected_version=1)
        assert store.get(record.id).text == "I like coffee"
        assert len(store.history(record.id)) == 2

    def test_an_update_to_the_text_of_another_is_a_conflict(self, store: Store) -> None:
        store.add(Record.new("I like tea"))
        record, _ = store.add(Record.new("I like coffee"))
        with pytest.raises(Conflict):
            store.update(record.id, {"text": "i like tea"})
        assert store.update(record.id, {"text": "I LIKE COFFEE"}).version == 2
        assert store.get(record.id).text == "I LIKE COFFEE"

    @pytest.mark.parametrize("fields", [{"text": " "}, {"text": None}, {"id": "x"}, {"vers": 2}])
    def test_a_bad_update_is_refused(self, store: Store, fields: dict[str, Any]) -> None:
        record, _ = store.add(Record.new("I like tea"))
        with pytest.raises(InvalidInput):
            store.update(record.id, fields)
        assert store.get(record.id) == record

    def test_superseding_keeps_the_chain_readable(self, store: Store) -> None:
        first, _ = store.add(Record.new("I live in Izmir", YUSUF))
        second = store.supersede(Record.new("I live in Ankara", YUSUF), first.id)
        third = store.supersede(Record.new("I live in Istanbul", YUSUF), second.id)
        assert store.list() == [third]
        assert store.count() == 1
        assert (third.supersedes, second.supersedes) == (second.id, first.id)
        old = store.get(first.id)
        assert (old.superseded_by, old.version, old.text) == (second.id, 2, first.text)
        assert store.search_text("Izmir Ankara", Scope(), 5) == []
        event = store.history(first.id)[-1]
        assert (event.event, event.old_text, event.new_text, event.reason) == (
            ("UPDATE", "I live in Izmir", "I live in Ankara", f"superseded by {second.id}")
        )
        assert [event.event for event in store.history(third.id)] == ["ADD"]

    def test_superseding_twice_or_by_a_duplicate_is_a_conflict(self, store: Store) -> None:
        first, _ = store.add(Record.new("I live in Izmir"))
        other, _ = store.add(Record.new("I live in Ankara"))
        with pytest.raises(Conflict):
            store.supersede(Record.new("I live in Ankara"), first.id)
        assert store.get(first.id) == first
        store.supersede(Record.new("i live in IZMIR"), first.id)
        with pytest.raises(Conflict, match="taken its place"):
            store.supersede(Record.new("I live in Bursa"), first.id)
        assert store.count() == 2
        assert store.get(other.id) == other

    def test_content_that_was_superseded_can_be_added_again(self, store: Store) -> None:
        first, _ = store.add(Record.new("I live in Izmir"))
        store.supersede(Record.new("I live in Ankara"), first.id)
        again, fresh = store.add(Record.new("I live in Izmir"))
        assert fresh
        assert again.id != first.id

    def test_expired_records_are_not_live(self, store: Store) -> None:
        kept, _ = store.add(Record.new("I like tea", expires_at=FUTURE))
        gone, _ = store.add(Record.new("I like tea now", expires_at=PAST))
        assert store.list() == [kept]
        assert store.count() == 1
        assert [found for found, _ in store.search_text("tea", Scope(), 5)] == [kept.id]
        assert store.get(gone.id) == gone

    def test_an_expired_record_makes_room(self, store: Store) -> None:
        gone, _ = store.add(Record.new("I like tea", expires_at=PAST))
        again, fresh = store.add(Record.new("I like tea"))
        assert fresh
        assert again.supersedes == gone.id
        assert store.list() == [again]
        assert store.get(gone.id).superseded_by == again.id

    # Removing

    def test_history_outlives_its_record(self, store: Store) -> None:
        record, _ = store.add(Record.new("I like tea", YUSUF))
        changed = store.update(record.id, {"text": "I like coffee"})
        assert store.delete(record.id) == changed
        with pytest.raises(NotFound):
            store.get(record.id)
        lines = [(e.event, e.old_text, e.new_text, e.scope) for e in store.history(record.id)]
        assert lines == [
            ("ADD", None, "I like tea", YUSUF),
            ("UPDATE", "I like tea", "I like coffee", YUSUF),
            ("DELETE", "I like coffee", None, YUSUF),
        ]

    def test_deleting_a_scope_takes_superseded_and_expired_ones_too(self, store: Store) -> None:
        first, _ = store.add(Record.new("I live in Izmir", YUSUF))
        second = store.supersede(Record.new("I live in Ankara", YUSUF), first.id)
        third, _ = store.add(Record.new("I like tea", Scope("yusuf", "a"), expires_at=PAST))
        other, _ = store.add(Record.new("I like tea", ADA))
        assert store.delete_all(YUSUF) == [first.id, second.id, third.id]
        assert store.delete_all(YUSUF) == []
        assert store.list() == [other]
        assert store.history(first.id)[-1].event == "DELETE"
        assert store.delete_all(Scope()) == [other.id]

    def test_the_sequence_only_grows(self, make_store: Callable[[], Store]) -> None:
        store = make_store()
        assert store.sequence() == 0
        record, _ = store.add(Record.new("I like tea"))
        assert store.sequence() == store.history(record.id)[-1].sequence
        store.delete(record.id)
        before = store.sequence()
        store.reset()
        assert store.sequence() > before
        assert store.history(record.id) == []
        store.close()
        again = make_store()
        late, _ = again.add(Record.new("I like tea"))
        assert again.history(late.id)[0].sequence > before + 1

    def test_reset_leaves_nothing(self, store: Store) -> None:
        first, _ = store.add(Record.new("I like tea"))
        store.supersede(Record.new("I like coffee"), first.id)
        store.reset()
        store.reset()
        assert (store.count(), store.list(), store.search_text("tea coffee", Scope(), 5)) == (
            (0, [], [])
        )
        assert store.add(Record.new("I like tea"))[1]
        assert len(store.search_text("tea", Scope(), 5)) == 1

    def test_closing_twice_is_fine_and_use_after_it_is_an_error(self, store: Store) -> None:
        store.close()
        store.close()
        with pytest.raises(StoreError, match="closed"):
            store.list()

    # Searching

    def test_the_best_match_comes_first(self, store: Store) -> None:
        for number in range(10):
            store.add(Record.new(f"I bought bread number {number}"))
        wanted, _ = store.add(Record.new("My favourite restaurants serve falafel"))
        hits = store.search_text("Which restaurant for bread and falafel?", Scope(), 5)
        assert hits[0][0] == wanted.id
        assert len(hits) == 5
        scores = [score for _, score in hits]
        assert scores == sorted(scores, reverse=True)
        assert scores[-1] > 0

    def test_the_index_follows_updates_and_deletes(self, store: Store) -> None:
        record, _ = store.add(Record.new("I like tea"))
        store.update(record.id, {"text": "I like coffee"})
        assert store.search_text("tea", Scope(), 5) == []
        assert store.search_text("coffee", Scope(), 5)[0][0] == record.id
        store.update(record.id, {"metadata": {"a": 1}})
        assert len(store.search_text("coffee", Scope(), 5)) == 1
        store.delete(record.id)
        assert store.search_text("coffee", Scope(), 5) == []

    @pytest.mark.parametrize("script", SCRIPTS)
    def test_any_script_is_kept_and_found(self, store: Store, script: str) -> None:
        text, query = SCRIPTS[script]
        record, _ = store.add(Record.new(text))
        store.add(Record.new("My car is a blue Renault"))
        assert store.get(record.id).text == text
        assert [found for found, _ in store.search_text(query, Scope(), 5)] == [record.id]

    def test_accents_and_endings_do_not_matter(self, store: Store) -> None:
        record, _ = store.add(Record.new("I was running past the cafés"))
        assert store.search_text("run CAFE", Scope(), 5)[0][0] == record.id

    def test_words_win_over_pieces_of_words(self, store: Store) -> None:
        inside, _ = store.add(Record.new("私は東京に住んでいます"))
        whole, _ = store.add(Record.new("好きな町 東京"))
        hits = store.search_text("東京", Scope(), 5)
        assert [found for found, _ in hits] == [whole.id, inside.id]
        assert hits[0][1] > hits[1][1] > 0
        assert store.search_text("東京", ADA, 5) == []

    @pytest.mark.parametrize(
        "query",
        [
            'tea" OR "1',
            "tea NEAR(a b) AND NOT *",
            "text:tea ^tea tea*",
            "(tea",
            "tea'; DROP TABLE records; --",
            "-tea + {tea} \x00 \ud800",
            "tea " * 3000,
            " ".join(f"word{number}" for number in range(40)) + " tea",
        ],
    )
    def test_operators_in_a_query_are_harmless(self, store: Store, query: str) -> None:
        record, _ = store.add(Record.new("I like tea"))
        assert [found for found, _ in store.search_text(query, Scope(), 5)] == [record.id]

    @pytest.mark.parametrize("query", ["", "  ", "?!", "🍕", "* AND (", '""', "\u0301"])
    def test_a_query_without_matching_words_finds_nothing(self, store: Store, query: str) -> None:
        store.add(Record.new("I like 🍕!"))
        assert store.search_text(query, Scope(), 5) == []
        assert store.search_text("like", Scope(), 0) == []

    def test_stop_words_count_only_if_alone(self, store: Store) -> None:
        store.add(Record.new("The name of the dog"))
        wanted, _ = store.add(Record.new("Who is who"))
        assert store.search_text("what is the weather", Scope(), 5) == []
        assert store.search_text("who is it", Scope(), 5)[0][0] == wanted.id

    # Entities and documents

    def test_what_was_parsed_is_kept_until_the_record_changes(
        self, make_store: Callable[[], Store]
    ) -> None:
        store = make_store()
        texts = ["I am tall", "I am late", "I am well", "I am cold", "I am off"]
        tall, late, well, cold, off = (store.add(Record.new(one, YUSUF))[0] for one in texts)
        store.add(Record.new("I am here", Scope(user_id="yusuf", agent_id="a")))
        store.add(Record.new("I am past", YUSUF, expires_at=PAST))
        assert store.parsed(YUSUF, "1") == ([], [tall, late, well, cold, off])
        assert store.parsed(ADA, "1") == ([], [])
        found = [Parsed(one.id, 1, "", f"words of {one.id}") for one in (tall, late, well, cold)]
        gone = Parsed("never-there", 1, "i|name", "w")
        store.keep_parsed("1", [*found, replace(found[0], attribute="i|name"), gone])
        store.keep_parsed("1", [])
        found[0] = replace(found[0], attribute="i|name")
        store = make_store()
        assert store.parsed(YUSUF, "1") == (found, [off])
        late = store.update(late.id, {"text": "I am early"})
        store.delete(well.id)
        new = store.supersede(Record.new("I am warm", YUSUF), cold.id)
        assert store.parsed(YUSUF, "1") == (found[:1], [late, off, new])
        # It was parsed before it changed: too late.
        store.keep_parsed("1", found)
        assert store.parsed(YUSUF, "1") == (found[:1], [late, off, new])
        # Other rules read otherwise.
        assert store.parsed(YUSUF, "2") == ([], [tall, late, off, new])
        store.keep_parsed("2", found)
        assert store.parsed(YUSUF, "2") == (found[:1], [late, off, new])
        store.reset()
        assert store.parsed(YUSUF, "2") == ([], [])

    def test_entities_count_live_records(self, store: Store) -> None:
        store.add(Record.new("I sail", Scope(user_id="b", agent_id="helper")))
        store.add(Record.new("I row", Scope(user_id="b")))
        store.add(Record.new("I ski", Scope(user_id="a", run_id="r", app_id="x")))
        store.add(Record.new("I swam", Scope(user_id="gone"), expires_at=PAST))
        found = [(entity.kind, entity.name, entity.total) for entity in store.entities()]
        assert found == [
            ("user", "a", 1), ("user", "b", 2), ("agent", "helper", 1), ("app", "x", 1),
            ("run", "r", 1),
        ]  # fmt: skip
        assert all(entity.created_at <= entity.updated_at for entity in store.entities())

    def test_records_are_listed_newest_first(self, store: Store) -> None:
        ids = [store.add(Record.new(f"Fact number {i}"))[0].id for i in range(5)]
        assert [record.id for record in store.list(newest=True)] == ids[::-1]
        found = store.list(newest=True, limit=2, offset=1)
        assert [record.id for record in found] == [ids[3], ids[2]]

    def test_what_has_expired_can_be_listed(self, store: Store) -> None:
        old = store.add(Record.new("I swam", expires_at=PAST))[0]
        gone = store.add(Record.new("I sail"))[0]
        new = store.supersede(Record.new("I ski"), gone.id)
        assert [record.id for record in store.list()] == [new.id]
        assert {record.id for record in store.list(expired=True)} == {old.id, new.id}

    def test_documents_are_kept_by_kind_and_id(self, make_store: Callable[[], Store]) -> None:
        store = make_store()
        assert store.document("event", "1") is None
        first = store.put_document("event", "1", {"status": "PENDING", "é": [1, None]})
        store.put_document("event", "2", {})
        store.put_document("key", "1", {"name": "other"})
        again = store.put_document("event", "1", {"status": "SUCCEEDED"})
        assert again.created_at == first.created_at
        store.close()
        store = make_store()
        assert store.document("event", "1") == again
        assert [document.id for document in store.documents("event")] == ["2", "1"]
        assert [document.id for document in store.documents("event", 1, 1)] == ["1"]
        assert store.count_documents("event") == 2
        assert store.delete_document("event", "1")
        assert not store.delete_document("event", "1")
        assert store.document("key", "1") is not None

    def test_documents_are_deleted_together(self, store: Store) -> None:
        for kind in ("event", "note"):
            for number in range(4):
                store.put_document(kind, str(number), {})
        assert store.delete_documents("event", ["0", "2", "unknown"]) == 2
        assert [document.id for document in store.documents("event")] == ["3", "1"]
        assert store.delete_documents("event", []) == 0
        assert store.delete_documents("event") == 2
        assert store.delete_documents("event") == 0
        assert store.count_documents("note") == 4

    def test_a_reset_can_be_part_of_more(self, store: Store) -> None:
        store.add(Record.new("I sail"))
        store.put_document("event", "1", {})
        with pytest.raises(ZeroDivisionError), store.together():
            store.reset()
            store.delete_documents("event")
            raise ZeroDivisionError
        assert (store.count(), store.count_documents("event")) == (1, 1)
        before = store.sequence()
        with store.together():
            store.reset()
            store.delete_documents("event")
        assert (store.count(), store.count_documents("event")) == (0, 0)
        assert store.sequence() > before
        assert store.changed(before) is None

    def test_only_the_newest_documents_are_kept(self, store: Store) -> None:
        store.put_document("key", "0", {})
        for number in range(6):
            store.put_document("event", str(number), {}, keep=3)
        assert [document.id for document in store.documents("event")] == ["5", "4", "3"]
        assert store.count_documents("key") == 1

    def test_documents_hold_plain_json_only(self, store: Store) -> None:
        with pytest.raises(InvalidInput):
            store.put_document("event", "1", {"at": object()})
        with pytest.raises(InvalidInput, match="too deeply"):
            store.put_document("event", "1", {"at": nested(300)})
        assert store.count_documents("event") == 0

    def test_documents_survive_a_reset(self, store: Store) -> None:
        store.put_document("key", "1", {"name": "mine"})
        store.add(Record.new("I sail"))
        store.reset()
        assert store.count() == 0
        assert store.document("key", "1") is not None

    # Entries

    def test_entries_are_all_records_with_their_history(self, store: Store) -> None:
        first, _ = store.add(Record.new("I live in Izmir", YUSUF))
        second = store.supersede(Record.new("I live in Ankara", YUSUF), first.id)
        gone, _ = store.add(Record.new("I like tea now", YUSUF, expires_at=PAST))
        deleted, _ = store.add(Record.new("I like cake", YUSUF))
        store.delete(deleted.id)
        store.add(Record.new("I like tea", ADA))
        changed = store.update(second.id, {"metadata": {"a": 1}})
        found = store.entries(YUSUF)
        assert [entry.record for entry in found] == [store.get(first.id), changed, gone]
        for entry in found:
            assert list(entry.events) == store.history(entry.record.id)
        assert [event.event for event in found[1].events] == ["ADD", "UPDATE"]
        assert len(store.entries()) == 4

    def test_entries_come_by_page(self, store: Store) -> None:
        ids = [store.add(Record.new(f"Fact number {i}"))[0].id for i in range(5)]
        seen: list[Entry] = []
        while page := store.entries(after=seen[-1].number if seen else 0, limit=2):
            assert len(page) <= 2
            seen += page
            store.delete(page[0].record.id)
        assert [entry.record.id for entry in seen] == ids
        assert store.entries(ADA) == []

    def test_what_is_restored_is_as_it_was(self, make_store: Callable[[], Store]) -> None:
        store = make_store()
        first, _ = store.add(
            Record.new(
                "Şehrim İzmir'dir",
                Scope("yusuf", "agent", "app", "run"),
                metadata={"ключ": ["é", 1, 2.5, None, {"a": True}]},
                categories=("home",),
                expires_at=FUTURE,
                event_time="2020",
                source="chat",
            )
        )
        store.update(first.id, {"metadata": {"a": 1}})
        store.supersede(Record.new("Şehrim Ankara'dır", first.scope), first.id)
        store.add(Record.new("I like tea", ADA, expires_at=PAST))
        store.add(Record.new("I like tea too", ADA))
        kept = store.entries()
        store.reset()
        before = store.sequence()
        assert store.restore(kept) == ["added"] * 4
        assert [told(entry) for entry in store.entries()] == [told(entry) for entry in kept]
        assert len(store.search_text("Şehrim", Scope(), 5)) == 1
        assert store.changed(before) == [entry.record.id for entry in kept]
        after = store.sequence()
        assert after == before + sum(len(entry.events) for entry in kept)
        assert store.restore(kept) == ["unchanged"] * 4
        assert store.sequence() == after
        store.close()
        assert [told(entry) for entry in make_store().entries()] == [told(entry) for entry in kept]

    def test_what_is_there_is_not_overwritten(self, store: Store) -> None:
        first, _ = store.add(Record.new("I like tea", YUSUF))
        other = replace(first, metadata={"a": 1})
        twin = Record.new("i like TEA.", YUSUF)
        fresh = Record.new("I like tea", ADA)
        entries = [Entry(other), Entry(twin), Entry(fresh), Entry(replace(fresh, version=2))]
        sequence = store.sequence()
        assert store.restore(entries, dry_run=True) == ["conflict", "duplicate", "added", "added"]
        assert store.sequence() == sequence
        assert store.restore(entries) == ["conflict", "duplicate", "added", "conflict"]
        assert store.get(first.id) == first
        assert [record.id for record in store.list()] == [first.id, fresh.id]

    def test_a_superseded_record_is_restored_beside_a_live_twin(self, store: Store) -> None:
        live, _ = store.add(Record.new("I like tea"))
        old = replace(Record.new("I like tea"), superseded_by="somebody")
        assert store.restore([Entry(old)]) == ["added"]
        assert store.list() == [live]
        assert store.get(old.id) == old

    def test_an_expired_record_makes_room_for_a_restored_one(self, store: Store) -> None:
        gone, _ = store.add(Record.new("I like tea", expires_at=PAST))
        record = Record.new("I like tea")
        assert store.restore([Entry(record)]) == ["added"]
        assert store.list() == [record]
        assert store.get(gone.id).superseded_by == record.id

    def test_a_restored_record_without_times_or_events_is_new(self, store: Store) -> None:
        undated = Entry(replace(Record.new("I like tea"), created_at="", updated_at=""))
        assert store.restore([undated]) == ["added"]
        [found] = store.list()
        assert found.created_at == found.updated_at > PAST
        assert [event.event for event in store.history(found.id)] == ["ADD"]
        assert store.restore([undated]) == ["unchanged"]
        assert store.list() == [found]

    def test_a_deleted_record_can_be_restored(self, store: Store) -> None:
        record, _ = store.add(Record.new("I like tea"))
        kept = store.entries()
        store.delete(record.id)
        before = store.sequence()
        assert store.restore(kept) == ["added"]
        assert store.list() == [record]
        assert store.changed(before) == [record.id]
        lines = [(event.event, event.reason) for event in store.history(record.id)]
        assert lines == [("ADD", None), ("DELETE", None), ("ADD", "restored")]
        assert store.history(record.id)[0].at == kept[0].events[0].at

    @pytest.mark.parametrize(
        "fields",
        [
            {"id": ""},
            {"id": 5},
            {"text": "  "},
            {"version": 0},
            {"version": True},
            {"version": 2**40},
            {"created_at": "yesterday"},
            {"updated_at": 5},
            {"supersedes": 5},
            {"source": ["chat"]},
            {"metadata": {"a": "\ud800"}},
            {"source": "\ud800"},
            {"metadata": {"a": float("inf")}},
            {"metadata": {"a": nested(300)}},
            {"source": "a\0b"},
            {"supersedes": "a\0b"},
            {"superseded_by": "x" * 3000},
            {"event_time": "a\0b"},
            {"scope": Scope(agent_id="a\0b")},
        ],
    )
    def test_nothing_is_restored_if_one_entry_is_bad(
        self, store: Store, fields: dict[str, Any]
    ) -> None:
        good = Entry(Record.new("I like cake"))
        bad = Entry(replace(Record.new("I like tea"), **fields))
        with pytest.raises(InvalidInput):
            store.restore([good, bad])
        assert store.entries() == []
        assert store.sequence() == 0

    @pytest.mark.parametrize(
        "fields",
        [
            {"memory_id": "another"},
            {"event": "FORGET"},
            {"at": "yesterday"},
            {"at": None},
            {"old_text": 5},
            {"new_text": "\ud800"},
            {"reason": 5},
            {"reason": "a\0b"},
            {"old_text": "a\0b"},
            {"scope": Scope(user_id=5)},  # type: ignore[arg-type]
            {"scope": Scope(run_id="a\0b")},
        ],
    )
    def test_bad_events_are_not_restored(self, store: Store, fields: dict[str, Any]) -> None:
        record = Record.new("I like tea")
        event = Event(0, record.id, "ADD", None, record.text, record.created_at)
        with pytest.raises(InvalidInput):
            store.restore([Entry(record, (replace(event, **fields),))])
        assert store.entries() == []


def told(entry: Entry) -> tuple[Record, list[Event]]:
    """An entry without the numbers that are the store's own."""
    return entry.record, [replace(event, sequence=0) for event in entry.events]
