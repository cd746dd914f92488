"""HOME 1: the records of the store in slot memories, one for each user, read as passages."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

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
from memgraft.retrieval.slot_file import SlotFile, SlotRow
from memgraft.retrieval.trace import Trace
from memgraft.store.base import Store
from memgraft.text.encoder import Encoder

KIND = "memgraft-passages"
VERSION = 2


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
            # What a changed text leaves behind: contexts that held it, traces that it stood for.
            after = [*memory.followers(ids), *memory.asleep]
            memory.add([Trace.of(record) for record in own])
            for record in own:
                self._tenant_of[record.id], self._versions[record.id] = tenant, record.version
                memory.associate(record.id)
            self._keep(memory, list(dict.fromkeys([*ids, *after])))
        each = 1e3 * (time.perf_counter() - started) / max(1, len(records))
        return [Receipt(record.id, self.name, "exact", milliseconds=each) for record in records]

    def read(self, query: Query) -> Passages:
        where = None
        if query.filters is not None:
            accepted = {r.id for r in self.store.list(query.scope) if query.filters(r)}
            where = lambda trace: trace.id in accepted  # noqa: E731
        asked = Asked(
            limit=query.limit,
            scope=query.scope,
            where=where,
            confidence=query.confidence,
            adaptive=query.adaptive,
            tokens=query.tokens,
        )
        hits = self._searched(query, asked)
        # Another process may have deleted one since this home caught up.
        living = {record.id for record in self.store.living([hit.trace.id for hit in hits])}
        hits = [hit for hit in hits if hit.trace.id in living]
        if hits and hits[0].confidence >= SURE:
            self._used(hits[0].trace.id)
        return Passages(tuple(_passage(hit) for hit in hits))

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
            plan = dream(memory, max(0.0, until - time.monotonic()))
            report = planned(plan) if dry_run else self._dreamt(memory, plan)
            changes += report.lines()
            figures.update(report.figures)
            if not dry_run:
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

    def save(self) -> None:
        """Write the associations; every record is on disk when its receipt is given."""
        self._file.put_graphs(
            {tenant: memory.associations.packed() for tenant, memory in self._tenants.items()}
        )
        for tenant, memory in self._tenants.items():
            self._indexes.save(tenant, memory, self._versions)

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self.save()
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
        # Scores of different memories have different means: what they share is confidence.
        found = [
            hit for memory in self._tenants.values() for hit in memory.search(query.text, asked)
        ]
        return sorted(found, key=lambda hit: -hit.confidence)[: asked.limit]

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
        behind = [other for other in memory.asleep if other != record_id]
        changed = memory.remove(record_id)
        self._keep(memory, list(dict.fromkeys([*changed, *behind])))
        if linked:
            self.save()
        if not len(memory):
            del self._tenants[tenant]

    def _used(self, record_id: str) -> None:
        memory = self._tenants[self._tenant_of[record_id]]
        memory.observe([record_id])
        self._keep(memory, [record_id])

    # -- on disk ---------------------------------------------------------------------------

    def _keep(self, memory: SlotMemory, ids: Sequence[str]) -> None:
        self._file.put(self._row(memory, record_id) for record_id in ids)

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
        )

    def _load(self) -> None:
        """Place what the file holds of the store's living records, in the order of the store."""
        rows = {row.id: row for row in self._file.rows() if self._fits(row)}
        stale = set(rows)
        for record in self.store.list():
            row = rows.get(record.id)
            if row is None or row.version != record.version:
                continue
            stale.discard(record.id)
            self._place(record, row)
        self._file.remove(stale)
        for row in rows.values():
            self._put_to_rest(row)
        for tenant, graph in self._file.graphs().items():
            if tenant in self._tenants:
                self._tenants[tenant].associations = Associations.unpacked(graph)
        for tenant, memory in self._tenants.items():
            self._indexes.load(tenant, memory, self._versions)

    def _fits(self, row: SlotRow) -> bool:
        return len(row.vector) == len(row.context) == self.encoder.dimension

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


def _bytes(memory: SlotMemory) -> int:
    """Of the vectors on disk; what follows nothing in an episode has one, the others two."""
    following = int((memory.episodes.before != NONE).sum())
    return 4 * memory.encoder.dimension * (len(memory) + following)


def _passage(hit: Hit) -> Passage:
    signals = {**hit.signals, "confidence": hit.confidence}
    return Passage(hit.trace.id, hit.trace.text, hit.score, signals)
