"""Finding records of PostgreSQL by their words: BM25 over tsvector.

The words are split, folded and stemmed here, so that what is found does not depend on the locale,
the parser or the dictionaries of the database. BM25 is Robertson & Zaragoza's (2009), with Lucene's
idf and every word counted once per record: a memory is one fact. Statistics are those of the scope,
so that nobody's words weigh in another's search.

Row-level security keeps `@@` from using an index, since it is not leakproof: the records of the
scope are looked through.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from memgraft.core.scope import Scope
from memgraft.store import rows, words

if TYPE_CHECKING:
    from memgraft.store.postgres_rows import PostgresRows

_K1, _B = 1.2, 0.75
# A lexeme may have 2,046 bytes.
_LONGEST = 256
# Marks pieces of words, and keeps them apart from words.
_PIECE = "~"


@dataclass(frozen=True)
class Scoring:
    """BM25 of a query as SQL over `records`, for live records of a scope.

    `values` are those of `score`, `query` is the tsquery that any hit matches. `share` is how much
    of the information of the query, in idf, some record holds; `count` the records looked through.
    """

    score: str
    values: tuple[Any, ...]
    query: str
    share: float
    count: int


def lexemes(text: str) -> list[str]:
    """The index terms of a text, in order, repeated as often as they stand there."""
    stems = [_stem(_folded(word))[:_LONGEST] for word in words.split(text)]
    return stems + [_PIECE + piece for piece in words.pieces(text, len(text))]


def query_lexemes(query: str) -> list[str]:
    """Distinct index terms of a query, without stop words, pieces of unspaced scripts included."""
    query = unicodedata.normalize("NFC", query)
    found = [*_stems(words.terms(query)), *(_PIECE + piece for piece in words.pieces(query))]
    return list(dict.fromkeys(found))


def scoring(session: PostgresRows, scope: Scope, wanted: Sequence[str]) -> Scoring:
    """How the live records of a scope are to be scored for these lexemes."""
    condition, values = rows.live(scope)
    counted = "".join(", count(*) FILTER (WHERE words @@ ?::tsquery)" for _ in wanted)
    sql = (
        f"SELECT count(*), coalesce(avg(length), 1)::float8{counted} FROM memgraft.records "
        f"WHERE tenant = ? AND {condition}"
    )
    asked = [_quoted(lexeme) for lexeme in wanted]
    [(count, mean, *frequencies)] = session.run(sql, [*asked, session.tenant, *values])
    weights = [_idf(count, frequency) for frequency in frequencies]
    held = sum(weight for weight, times in zip(weights, frequencies, strict=True) if times)
    total = sum(weights)
    return Scoring(
        score=_bm25(len(wanted)),
        values=(*(v for pair in zip(weights, asked, strict=True) for v in pair), max(mean, 1.0)),
        query=" | ".join(asked),
        share=held / total if total else 0.0,
        count=count,
    )


def search(session: PostgresRows, query: str, scope: Scope, limit: int) -> list[tuple[str, float]]:
    """(id, score) of live records, best first; what matches in pieces comes after words."""
    return words.found(
        query,
        limit,
        lambda found: _by_words(session, _stems(found), scope, limit),
        lambda parts: _by_pieces(session, parts, scope, limit),
    )


def _by_words(
    session: PostgresRows, wanted: list[str], scope: Scope, limit: int
) -> list[tuple[str, float]]:
    if not wanted:
        return []
    how = scoring(session, scope, wanted)
    condition, values = rows.live(scope)
    sql = (
        f"SELECT id, {how.score} AS score FROM memgraft.records "
        f"WHERE tenant = ? AND {condition} AND words @@ ?::tsquery "
        "ORDER BY score DESC, number DESC LIMIT ?"
    )
    return session.run(sql, [*how.values, session.tenant, *values, how.query, limit])


def _by_pieces(
    session: PostgresRows, parts: list[str], scope: Scope, limit: int
) -> list[tuple[str, float]]:
    """The share of the parts that a text holds; only texts that hold one."""
    if not parts:
        return []
    condition, values = rows.live(scope)
    found = " + ".join(["(strpos(text, ?) > 0)::int"] * len(parts))
    sql = (
        f"SELECT id, found / ?::float8 FROM (SELECT id, number, {found} AS found "
        f"FROM memgraft.records WHERE tenant = ? AND {condition}) AS parts "
        "WHERE found > 0 ORDER BY found DESC, number DESC LIMIT ?"
    )
    return session.run(sql, [len(parts), *parts, session.tenant, *values, limit])


def _bm25(terms: int) -> str:
    """The formula; its values are weight and lexeme of each term, and the mean length."""
    found = " + ".join(["?::float8 * (words @@ ?::tsquery)::int"] * terms) or "0.0::float8"
    return f"({found}) * {_K1 + 1} / (1 + {_K1} * ({1 - _B} + {_B} * length / ?::float8))"


def _idf(texts: int, with_it: int) -> float:
    return math.log1p((texts - with_it + 0.5) / (with_it + 0.5))


def _quoted(lexeme: str) -> str:
    """A tsquery of one lexeme, which holds letters, numbers and marks only: nothing to escape."""
    return f"'{lexeme}'"


def _stems(found: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(_stem(_folded(word))[:_LONGEST] for word in found))


@lru_cache(maxsize=1 << 14)
def _folded(word: str) -> str:
    """Without case and accents; a letter is kept where nothing else would be left of it."""
    parts = unicodedata.normalize("NFD", word.casefold())
    bare = "".join(c for c in parts if not "\u0300" <= c <= "\u036f")
    return unicodedata.normalize("NFC", bare) or word


@lru_cache(maxsize=1 << 14)
def _stem(word: str) -> str:
    """English endings go, by Porter's first algorithm, as SQLite's index does it."""
    return str(_stemmer().stemWord(word)) if word.isascii() else word


@lru_cache(maxsize=1)
def _stemmer():  # type: ignore[no-untyped-def]
    import snowballstemmer

    return snowballstemmer.stemmer("porter")
