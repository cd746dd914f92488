"""Records with their history, put back as they were."""

from __future__ import annotations

from memgraft.store.base import Entry, Outcome
from memgraft.store.entries import dated, untold
from memgraft.store.rows import Rows, is_live


def restore(rows: Rows, entry: Entry, dry_run: bool) -> Outcome:
    """See `Store.restore`; the entry is `checked`."""
    record = entry.record
    found = rows.find(record.id)
    if found is not None:
        return "unchanged" if dated(record, like=found) == found else "conflict"
    twin = None if record.superseded_by else rows.twin(record)
    if twin and is_live(twin):
        return "duplicate"
    if not dry_run:
        if twin:  # expired: it makes room, and stays readable
            rows.retire(twin, record)
        rows.put(dated(record))
        for event in untold(entry, rows.events(record.id)):
            rows.put_event(event)
    return "added"
