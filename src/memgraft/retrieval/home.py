"""HOME 1: the records of the store in slot memories, one for each user, read as passages."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np

from memgraft.core.errors import FolderError
from memgraft.core.files import claim_folder
from memgraft.core.home import Home
from memgraft.core.recall import Passage, Passages, Query
from memgraft.core.receipts import Receipt, Report
from memgraft.core.records import Record
from memgraft.retrieval.associations import Associations
from memgraft.retrieval.config import RetrievalConfig
from memgraft.retrieval.dreams import DreamPlan, DreamReport, apply, dream, planned
from memgraft.retrieval.episodes import NONE
from memgraft.retrieval.index_files import IndexFiles
from memgraft.retrieval.memory import SURE, Asked, Hit, SlotMemory
from memgraft.retrieval.selection import adaptive_count, within_budget
from memgraft.retrieval.slot_file import SlotFile, SlotRow, damaged
from memgraft.retrieval.trace import Trace
from memgraft.store.base import Store
from memgraft.text.encoder import Encoder

KIND = "memgraft-passages"
VERSION = 2
# Share of empty slots from which it pays to close them: the approximate index is made anew then.
_GAPS = 0.1
# Reading is learned from, but must not cost a write: so many uses wait for the next one, and are
# lost if the process is killed before.
_UNKEPT = 64


class PassagesHome(Home):
    """A `SlotMemory` per user, so that no user's words weigh in another's search.

    Vectors, and what was learned by reading, are kept in one file beside the store; texts are not:
    they are the store's.

    Args:
        store: whose records are read.
        encoder: a folder that another one wrote is refused.
        folder: created if missing.
        config: weights and limits of the search.
    """

    name = "passages"
    batch = 256

    def __init__(
        self, store: Store, encoder: Encoder, folder: Path, config: RetrievalConfig | None = None
    ) -> None:
        self.store = store
        self.encoder = encoder
        self.config = config or RetrievalConfig()
        claim_folder(folder, KIND, VERSION, {"encoder": encoder.id})
        # Version 1 kept a file per record.
        shutil.rmtree(folder / "records", ignore_errors=True)
        self._file = SlotFile(folder / "slots.sqlite")
        self._indexes = IndexFiles(folder)
        self._tenants: dict[str, SlotMemory] = {}
        self._tenant_of: dict[str, str] = {}
        self._versions: dict[str, int] = {}
        # Tenants whose graphs on disk are to go.
        self._emptied: set[str] = set()
        # Records that were used since they were last written.
        self._unkept: set[str] = set()
        self._closed = False
        self._load()

    # -- the five verbs --------------------------------------------------------------------

    def write(self, records: Sequence[Record]) -> list[Receipt]:
        started = time.perf_counter()
        for record in records:
            self._leave(record.id, _tenant(record))
        by_tenant: dict[str, list[Record]] = {}
        for record in records:
            by_tenant.setdefault(_tenant(record), []).append(record)
        for tenant, own in by_tenant.items():
            memory = self.tenant(tenant)
            ids = [record.id for record in own]
            if any(record_id in self._versions for record_id in ids):
                self._indexes.drop(tenant)
            # What a changed text leaves behind: contexts that held it, traces that it stood for.
            after = [*memory.followers(ids), *_behind(memory, ids)]
            try:
                memory.add([Trace.of(record) for record in own])
            except BaseException:
                self._take_back(memory, ids)
                raise
            for record in own:
                self._tenant_of[record.id], self._versions[record.id] = tenant, record.version
                memory.associate(record.id)
            self._keep(memory, list(dict.fromkeys([*ids, *after])))
        each = 1e3 * (time.perf_counter() - started) / max(1, len(records))
        return [Receipt(record.id, self.name, "exact", milliseconds=each) for record in records]

    def read(self, query: Query) -> Passages:
        accepts = query.filters
        asked = Asked(
            limit=query.limit,
            scope=query.scope,
            where=accepts and (lambda trace: accepts(cast(Record, trace.record))),
            confidence=query.confidence,
            adaptive=query.adaptive,
            tokens=query.tokens,
        )
        hits = self._searched(query, asked)
        # Another process may have deleted one since this home caught up.
        living = {record.id: record for record in self.store.living([h.trace.id for h in hits])}
        hits = [hit for hit in hits if hit.trace.id in living]
        if hits and hits[0].confidence >= SURE:
            self._used(hits[0].trace.id)
        return Passages(tuple(_passage(hit, living[hit.trace.id]) for hit in hits))

    def forget(self, ids: Iterable[str]) -> list[Receipt]:
        receipts = []
        for record_id in ids:
            self._leave(record_id)
            receipts.append(Receipt(record_id, self.name, "exact"))
        return receipts

    def consolidate(self, budget: float = 1.0, dry_run: bool = False) -> Report:
        """Dream (see `dreams`), and close the gaps of removed records.

        Duplicates and superseded facts rest: the store keeps them, and `wake` undoes it.

        Args:
            budget: seconds, of all users together.
            dry_run: only say what would change.
        """
        until = time.monotonic() + budget
        changes: list[str] = []
        figures: Counter[str] = Counter()
        for memory in self._tenants.values():
            # The clock may have been set back since something was last associated.
            now = max(time.time(), memory.associations.clock)
            plan = dream(memory, max(0.0, until - time.monotonic()), now)
            report = planned(plan) if dry_run else self._dreamt(memory, plan)
            changes += report.lines()
            figures.update(report.figures)
            if not dry_run and memory.bank.slots > (1 + _GAPS) * len(memory):
                figures["freed"] += memory.compact()
        if not dry_run:
            self.save()
        return Report(self.name, tuple(changes), dict(figures))

    def wake(self) -> Report:
        """Find again what rests since earlier dreams."""
        changes = []
        for memory in self._tenants.values():
            sleepers = list(memory.asleep)
            for record_id in sleepers:
                memory.wake(record_id)
                changes.append(f'"{memory.trace(record_id).text}" is found again')
            self._keep(memory, sleepers)
        return Report(self.name, tuple(changes), {"woken": len(changes)})

    def _dreamt(self, memory: SlotMemory, plan: DreamPlan) -> DreamReport:
        report = apply(memory, plan)
        # Whoever rested before may have got another representative.
        self._keep(memory, sorted({*memory.asleep, *(replay.id for replay in report.replayed)}))
        return report

    def held(self) -> Mapping[str, int]:
        return self._versions

    def stale(self, records: Iterable[Record]) -> set[str]:
        """See `Home`."""
        held = ((record, self._tenant_of.get(record.id)) for record in records)
        return {
            record.id
            for record, tenant in held
            if tenant is not None and self._tenants[tenant].trace(record.id).text != record.text
        }

    def save(self) -> None:
        """Write the associations and the last uses; every record is on disk when its receipt is
        given."""
        self._keep_used()
        forgotten = self._file.forgotten()
        graphs = {
            tenant: memory.associations.packed()
            for tenant, memory in self._tenants.items()
            if len(memory.associations)
        }
        self._file.put_graphs(graphs, self._emptied - graphs.keys())
        self._file.clear_forgotten(forgotten)
        for tenant, memory in self._tenants.items():
            self._indexes.save(tenant, memory, self._versions)

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self.save()
            for memory in self._tenants.values():
                memory.bank.close()
            self._file.close()

    def stats(self) -> dict[str, Any]:
        memories = list(self._tenants.values())
        return {
            "facts": len(self._versions),
            "bytes": sum(_bytes(memory) for memory in memories),
            "encoder": self.encoder.id,
            "users": len(memories),
            "asleep": sum(len(memory.asleep) for memory in memories),
            "associations": sum(len(memory.associations) for memory in memories),
        }

    # -- tenants ---------------------------------------------------------------------------

    def tenant(self, name: str) -> SlotMemory:
        """The memory of one user; "" is that of records without one."""
        if name not in self._tenants:
            self._tenants[name] = SlotMemory(self.encoder, self.config)
        return self._tenants[name]

    def _searched(self, query: Query, asked: Asked) -> list[Hit]:
        if query.scope.user_id is not None:
            memory = self._tenants.get(query.scope.user_id)
            return memory.search(query.text, asked) if memory else []
        if len(self._tenants) == 1:
            return next(iter(self._tenants.values())).search(query.text, asked)
        if not query.text.strip() or not self._tenants:
            return []
        [vector] = self.encoder.encode([query.text])
        each = replace(asked, adaptive=False, tokens=None)
        found = [
            hit
            for memory in self._tenants.values()
            for hit in memory.search_vector(query.text, vector, each)
        ]
        # Scores of different memories have different means: what they share is confidence.
        found = sorted(found, key=lambda hit: -hit.confidence)[: asked.limit]
        if asked.adaptive:
            found = found[: adaptive_count([hit.confidence for hit in found])]
        if asked.tokens is not None:
            found = found[: within_budget([hit.trace.text for hit in found], asked.tokens)]
        return found

    def _leave(self, record_id: str, stays: str | None = None) -> None:
        """Take a record out of its memory, unless that is the one where it will be replaced."""
        tenant = self._tenant_of.get(record_id)
        if tenant is None or tenant == stays:
            return
        self._file.remove([record_id])
        self._indexes.drop(tenant)
        del self._tenant_of[record_id], self._versions[record_id]
        memory = self._tenants[tenant]
        linked = record_id in memory.associations
        behind = _behind(memory, [record_id])
        changed = memory.remove(record_id)
        self._keep(memory, list(dict.fromkeys([*changed, *behind])))
        if linked:
            self._file.note_forgotten(record_id)
        if not len(memory):
            del self._tenants[tenant]
            self._emptied.add(tenant)

    def _take_back(self, memory: SlotMemory, ids: Sequence[str]) -> None:
        """Leave nothing of records whose writing failed half-way: they are written again later."""
        for record_id in ids:
            if record_id in memory:
                memory.discard(record_id)
            if self._versions.pop(record_id, None) is not None:
                del self._tenant_of[record_id]
                self._file.remove([record_id])

    def _used(self, record_id: str) -> None:
        self._tenants[self._tenant_of[record_id]].observe([record_id])
        self._unkept.add(record_id)
        if len(self._unkept) >= _UNKEPT:
            # What is found must not wait for another process that writes.
            with contextlib.suppress(FolderError):
                self._keep_used()

    # -- on disk ---------------------------------------------------------------------------

    def _keep(self, memory: SlotMemory, ids: Sequence[str]) -> None:
        self._unkept.difference_update(ids)
        rows = [self._row(memory, record_id) for record_id in ids]
        self._file.put(rows + self._used_rows())
        self._unkept.clear()

    def _keep_used(self) -> None:
        self._file.put(self._used_rows())
        self._unkept.clear()

    def _used_rows(self) -> list[SlotRow]:
        """Of records that were used since they were last written, and are still the same: what
        another process deleted must not come back."""
        living = self.store.living(sorted(self._unkept)) if self._unkept else []
        held = [one.id for one in living if self._versions.get(one.id) == one.version]
        return [self._row(self._tenants[self._tenant_of[i]], i) for i in held]

    def _row(self, memory: SlotMemory, record_id: str) -> SlotRow:
        slot = memory.slot(record_id)
        return SlotRow(
            record_id,
            self._versions[record_id],
            memory.bank.get(slot),
            memory.contexts.get(slot),
            float(memory.last_used.values[slot]),
            int(memory.uses.values[slot]),
            float(memory.strengths.values[slot]),
            memory.asleep.get(record_id),
            self._window(memory, slot),
        )

    def _window(self, memory: SlotMemory, slot: int) -> str:
        """Names what a trace is encoded with, in these versions."""
        ids = [memory.at(place).id for place in memory.episodes.window(slot, self.config.window)]
        return " ".join(f"{record_id}:{self._versions[record_id]}" for record_id in ids)

    def _load(self) -> None:
        """Place what the file holds of the store's living records, in the order of the store."""
        try:
            rows = {row.id: row for row in self._file.rows() if self._fits(row)}
            graphs, forgotten = self._file.graphs(), self._file.forgotten()
        except sqlite3.DatabaseError as error:
            if not damaged(error):
                raise
            self._file.begin_anew()
            rows, graphs, forgotten = {}, {}, []
        stale = set(rows)
        # What comes after a record that is missing in its episode is written after it again.
        broken: set[tuple[str, str]] = set()
        for record in self.store.list():
            row, trace = rows.get(record.id), Trace.of(record)
            place = (_tenant(record), trace.episode or "")
            if row is None or row.version != record.version or place in broken:
                if trace.episode is not None:
                    broken.add(place)
                continue
            stale.discard(record.id)
            self._place(record, row)
        self._file.remove(stale)
        self._refresh(rows)
        for row in rows.values():
            self._put_to_rest(row)
        for tenant, memory in self._tenants.items():
            if tenant in graphs:
                memory.associations = Associations.unpacked(graphs[tenant])
                for record_id in forgotten:
                    memory.associations.forget(record_id)
            self._indexes.load(tenant, memory, self._versions)
        self._emptied = set(graphs) - self._tenants.keys()
        self._indexes.keep_only(self._tenants)

    def _refresh(self, rows: Mapping[str, SlotRow]) -> None:
        """Encode again what was encoded with something that is gone or changed since."""
        for memory in self._tenants.values():
            ids = [
                trace.id
                for trace in memory.traces()
                if trace.episode is not None
                and rows[trace.id].window != self._window(memory, memory.slot(trace.id))
            ]
            memory.refresh(ids)
            self._keep(memory, ids)

    def _fits(self, row: SlotRow) -> bool:
        vectors = (row.vector, row.context)
        return all(
            len(vector) == self.encoder.dimension and np.isfinite(vector).all() and vector.any()
            for vector in vectors
        )

    def _place(self, record: Record, row: SlotRow) -> None:
        tenant = _tenant(record)
        memory = self.tenant(tenant)
        slot = memory.place(Trace.of(record), row.vector, row.context)
        memory.last_used.values[slot] = row.last_used
        memory.uses.values[slot] = row.uses
        memory.strengths.values[slot] = row.strength
        self._tenant_of[record.id], self._versions[record.id] = tenant, row.version

    def _put_to_rest(self, row: SlotRow) -> None:
        tenant = self._tenant_of.get(row.id)
        if (
            row.asleep_for is None
            or tenant is None
            or self._tenant_of.get(row.asleep_for) != tenant
        ):
            return
        memory = self._tenants[tenant]
        if row.asleep_for not in memory.asleep:
            memory.rest(row.id, row.asleep_for)


def _tenant(record: Record) -> str:
    return record.scope.user_id or ""


def _behind(memory: SlotMemory, ids: Sequence[str]) -> list[str]:
    """The traces that one of these stands for."""
    if not memory.asleep:
        return []
    wanted = set(ids)
    return [sleeper for sleeper, other in memory.asleep.items() if other in wanted]


def _bytes(memory: SlotMemory) -> int:
    """Of the vectors on disk; what follows nothing in an episode has one, the others two."""
    following = int((memory.episodes.before != NONE).sum())
    return 4 * memory.encoder.dimension * (len(memory) + following)


def _passage(hit: Hit, record: Record) -> Passage:
    signals = {**hit.signals, "confidence": hit.confidence}
    return Passage(hit.trace.id, hit.trace.text, hit.score, signals, record)
