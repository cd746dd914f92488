"""Records: what text is accepted, what counts as the same, and how versions grow."""

from __future__ import annotations

import unicodedata
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memgraft.core.errors import InvalidInput
from memgraft.core.records import MAX_CHARACTERS, Record, clean_text, content_hash, now
from memgraft.core.scope import Scope


def test_spaces_and_line_breaks_become_one_space() -> None:
    assert clean_text("  My\tname \r\n is\u00a0Yusuf\u2029 ") == "My name is Yusuf"


def test_text_is_composed() -> None:
    assert clean_text("cafe\u0301") == "caf\u00e9"


@pytest.mark.parametrize(
    "text",
    [
        "Şehrim İstanbul",
        "私は東京に住んでいます",
        "👩‍👩‍👧 time",
        "مرحبا",
        "5",
        "+",
        "👍",
        "a\u200bb",
    ],
)
def test_any_script_is_accepted(text: str) -> None:
    assert clean_text(text) == text


@pytest.mark.parametrize("text", ["", " ", "\n\t", "\u200b", "\u2028 \u00a0", "\ufeff", "\u200d"])
def test_blank_text_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="blank; expected: a fact"):
        clean_text(text)


@pytest.mark.parametrize(
    ("text", "name"), [("a\x00b", "U+0000"), ("\x1b[31mred", "U+001B"), ("a\ud800", "U+D800")]
)
def test_control_characters_are_refused_by_name(text: str, name: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        clean_text(text)
    assert caught.value.got == name


@pytest.mark.parametrize("text", [None, 5, b"bytes", ["list"]])
def test_only_text_is_text(text: object) -> None:
    with pytest.raises(InvalidInput, match=f"got: {type(text).__name__}"):
        clean_text(text)  # type: ignore[arg-type]


def test_length_has_a_limit() -> None:
    assert len(clean_text("a" * MAX_CHARACTERS)) == MAX_CHARACTERS
    with pytest.raises(InvalidInput, match="at most 8,000 characters; got: 8,001; next: split"):
        clean_text("a" * (MAX_CHARACTERS + 1))


@given(st.text(max_size=200))
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    try:
        clean = clean_text(text)
    except InvalidInput:
        return
    assert clean_text(clean) == clean
    assert unicodedata.is_normalized("NFC", clean)
    assert content_hash(clean) == content_hash(clean)


@pytest.mark.parametrize("same", ["my name is yusuf", "My  Name is YUSUF.", "My name is Yusuf!."])
def test_case_spacing_and_the_final_stop_do_not_matter(same: str) -> None:
    assert content_hash(same) == content_hash("My name is Yusuf")


@pytest.mark.parametrize("other", ["My name is Yusuf?", "My name is. Yusuf", "Name is Yusuf", ""])
def test_all_else_matters(other: str) -> None:
    assert content_hash(other) != content_hash("My name is Yusuf")


def test_a_new_record_is_complete() -> None:
    record = Record.new(" My  name is Yusuf ", Scope("yusuf"), metadata={"a": 1}, source="chat")
    assert record.text == "My name is Yusuf"
    assert uuid.UUID(record.id).version == 7
    assert (record.version, record.scope, record.source) == (1, Scope("yusuf"), "chat")
    assert record.metadata == {"a": 1}
    assert record.created_at == record.updated_at
    assert (record.supersedes, record.superseded_by, record.expires_at) == (None, None, None)


def test_new_records_share_nothing() -> None:
    one, two = Record.new("a"), Record.new("a")
    assert one.id != two.id
    assert one.metadata is not two.metadata


def test_a_change_is_a_copy_with_the_next_version() -> None:
    record = Record.new("I like tea")
    changed = record.changed(text="I like coffee")
    assert (record.text, record.version) == ("I like tea", 1)
    assert (changed.text, changed.version) == ("I like coffee", 2)
    assert (changed.id, changed.created_at) == (record.id, record.created_at)
    assert changed.updated_at >= record.updated_at


def test_now_is_utc_and_sorts_as_text() -> None:
    moment = datetime.fromisoformat(now())
    assert moment.utcoffset() == timedelta(0)
    assert abs(datetime.now(UTC) - moment) < timedelta(seconds=60)
    assert len(now()) == len("2026-01-31T18:00:00.000000+00:00")
    assert now() <= now()


def test_content_is_what_a_speaker_says() -> None:
    ana, bo = (Record.new("I live in Rome", metadata={"speaker": name}) for name in ("ana", "bo"))
    nobody = Record.new("i live in Rome.", metadata={"speaker": ""})
    assert len({ana.content, bo.content, nobody.content}) == 3
    assert nobody.content == content_hash("I live in Rome")
    assert ana.content == Record.new("I LIVE in Rome", metadata={"speaker": "ana"}).content
    assert Record.new("I ski", metadata={"speaker": 5}).speaker is None
