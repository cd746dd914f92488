"""Finding records by their words: FTS5, and pieces of words in scripts without spaces."""

from __future__ import annotations

import re
import sqlite3
import unicodedata
from collections.abc import Callable

from memgraft.core.scope import Scope
from memgraft.core.stop_words import STOP_WORDS
from memgraft.store import rows

_MAX_TERMS = 64

Lookup = Callable[[list[str]], list[tuple[str, float]]]

# Scripts that are written without spaces, or glue endings to words; and how many characters
# of them make a useful piece: two where a character is a syllable or more, four elsewhere.
_SCRIPTS = (
    (2, re.compile("[\u1100-\u11ff\u3005-\u30ff\u3400-\u9fff\uac00-\ud7af\U00020000-\U0003ffff]+")),
    (4, re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]+")),
)


def search(
    connection: sqlite3.Connection, query: str, scope: Scope, limit: int
) -> list[tuple[str, float]]:
    """(id, score) of live records, best first; what matches in pieces comes after words."""
    return found(
        query,
        limit,
        lambda words: _by_words(connection, words, scope, limit),
        lambda parts: _by_pieces(connection, parts, scope, limit),
    )


def found(query: str, limit: int, by_words: Lookup, by_pieces: Lookup) -> list[tuple[str, float]]:
    """What the two ways of looking up give together; see `search`.

    Args:
        by_words: (id, score) by the words of the query, best first.
        by_pieces: (id, share) by its pieces, best first.
    """
    if limit <= 0:
        return []
    query = unicodedata.normalize("NFC", query)
    hits = by_words(terms(query))
    if len(hits) < limit:
        known = {record_id for record_id, _ in hits}
        ceiling = min([1.0, *(score for _, score in hits)]) / 2
        more = by_pieces(pieces(query))
        hits += [(id_, share * ceiling) for id_, share in more if id_ not in known]
    return hits[:limit]


def terms(query: str) -> list[str]:
    """The words of a query, without stop words unless there is nothing else."""
    distinct = list({word.casefold(): word for word in split(query)}.values())
    content = [word for word in distinct if word.casefold() not in STOP_WORDS]
    return (content or distinct)[:_MAX_TERMS]


def split(text: str) -> list[str]:
    """The words of a text: letters, numbers and their marks."""
    spaced = "".join(c if unicodedata.category(c)[0] in "LNM" else " " for c in text)
    return [word for word in spaced.split() if any(map(str.isalnum, word))]


def pieces(query: str, most: int = _MAX_TERMS) -> list[str]:
    """Overlapping pieces of the parts of a query in scripts that are not split at spaces."""
    found: dict[str, None] = {}
    for size, script in _SCRIPTS:
        for run in script.findall(query):
            starts = range(max(1, len(run) - size + 1))
            found |= dict.fromkeys(run[start : start + size] for start in starts)
    return list(found)[:most]


def _by_words(
    connection: sqlite3.Connection, words: list[str], scope: Scope, limit: int
) -> list[tuple[str, float]]:
    if not words:
        return []
    condition, values = rows.live(scope)
    sql = (
        "SELECT records.id, -bm25(search) AS score "
        "FROM search CROSS JOIN records ON records.number = search.rowid "
        f"WHERE search MATCH ? AND {condition} ORDER BY score DESC, records.number DESC LIMIT ?"
    )
    match = " OR ".join(f'"{word}"' for word in words)  # a word holds no quotes; see `terms`
    return connection.execute(sql, [match, *values, limit]).fetchall()


def _by_pieces(
    connection: sqlite3.Connection, parts: list[str], scope: Scope, limit: int
) -> list[tuple[str, float]]:
    """The share of the parts that a text holds; only texts that hold one."""
    if not parts:
        return []
    condition, values = rows.live(scope)
    found = " + ".join(["(instr(text, ?) > 0)"] * len(parts))
    sql = (
        f"SELECT id, found * 1.0 / ? FROM (SELECT id, number, {found} AS found FROM records "
        f"WHERE {condition}) WHERE found ORDER BY found DESC, number DESC LIMIT ?"
    )
    return connection.execute(sql, [len(parts), *parts, *values, limit]).fetchall()
