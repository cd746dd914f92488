"""HOME 2: facts in the weights. The prompt stays empty of them."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from memgraft.core.errors import FolderError
from memgraft.core.files import RecordFiles
from memgraft.core.home import Home
from memgraft.core.recall import Awake, LowRankTerm, Patch, Query
from memgraft.core.receipts import Receipt, Report
from memgraft.core.records import Record
from memgraft.core.scope import Scope
from memgraft.host.load import Host
from memgraft.injection.closed_form import ClosedFormWriter
from memgraft.injection.config import InjectionConfig
from memgraft.injection.delta import LatentDelta, LowRankDelta
from memgraft.injection.encoder import MemoryEncoder
from memgraft.injection.encoding import EncodingWriter, Told
from memgraft.injection.reading import reply_ids
from memgraft.injection.router import shipped_router
from memgraft.injection.writer import Writer, first_to_pass
from memgraft.injection.written import WrittenFact, load_fact, rounded
from memgraft.text.encoder import Encoder
from memgraft.text.person import to_second_person
from memgraft.text.questions import questions

KIND = "memgraft-injection"
VERSION = 1
# How many facts keep the terms that their codes stand for in memory.
EXPANDED = 64
# How many of the best facts a patch reports, for `/why`.
CONSIDERED = 5


class InjectionHome(Home):
    """Low-rank deltas, one file each, woken per question by the router.

    Args:
        host: the frozen language model.
        encoder: embeds questions for the router.
        folder: where the deltas live; one folder per base model and encoder.
        memory_encoder: writes facts in one forward pass, where one was trained for the model;
            what it cannot write falls back to the closed form.
        writers: others than these, tried in turn.
    """

    name = "weights"

    def __init__(
        self,
        host: Host,
        encoder: Encoder,
        folder: Path,
        config: InjectionConfig = InjectionConfig(),
        memory_encoder: MemoryEncoder | None = None,
        writers: Sequence[Writer] = (),
    ) -> None:
        self.host = host
        self.config = config
        self._encoding = EncodingWriter(host, memory_encoder) if memory_encoder else None
        self.writers = writers or default_writers(host, config, self._encoding)
        self.router = shipped_router(encoder)
        identity = {"base_model": host.fingerprint, "router": self.router.id}
        if memory_encoder:
            identity["memory_encoder"] = memory_encoder.fingerprint()
        self._files = RecordFiles(folder, KIND, VERSION, identity)
        self._facts: dict[str, WrittenFact] = {}
        self._expanded: OrderedDict[tuple[str, int], tuple[LowRankTerm, ...]] = OrderedDict()
        self._refused: dict[str, int] = {}
        self._refined: tuple[tuple[Any, ...], dict[str, LatentDelta]] | None = None
        self._load()

    def write(self, records: Sequence[Record]) -> list[Receipt]:
        return [self._write(record) for record in records]

    def read(self, query: Query) -> Patch:
        """The one fact that the question wakes, or an empty patch; see `InjectionConfig.compose`
        for other ways."""
        if self.config.compose != "routed":
            return self.composed(query.scope)
        routes = self.router.rank(query.text, query.scope, CONSIDERED)
        considered = tuple(
            Awake(route.record_id, self._facts[route.record_id].text, route.score)
            for route in routes
        )
        gate = self.config.gate(self.router.count(query.scope))
        awake = tuple(fact for fact in considered[:1] if fact.score >= gate)
        terms = [term for fact in awake for term in self._terms(self._facts[fact.record_id])]
        return Patch(tuple(terms), awake, considered)

    def composed(self, scope: Scope) -> Patch:
        """Every fact of a scope awake at once, without a gate."""
        facts = self._covered(scope)
        solved = self.config.compose == "solved"
        return self._patch(facts, self._together(facts) if solved else {})

    def exported(self, scope: Scope) -> Patch:
        """Every fact of a scope, to be awake at every position of every text."""
        facts = self._covered(scope)
        return self._patch(facts, self._together(facts, everywhere=True))

    def forget(self, ids: Iterable[str]) -> list[Receipt]:
        receipts = []
        for record_id in ids:
            self._files.remove(record_id)
            self._facts.pop(record_id, None)
            self._refused.pop(record_id, None)
            self.router.remove(record_id)
            receipts.append(Receipt(record_id, self.name, "exact"))
        return receipts

    def consolidate(self, budget: float = 1.0) -> Report:
        """Nothing to merge here: facts are independent. Reports those whose check failed."""
        return Report(self.name, figures={"unchecked": len(self._unchecked())})

    def held(self) -> dict[str, int]:
        return {i: fact.version for i, fact in self._facts.items()} | self._refused

    def save(self) -> None:
        """Nothing to do: every write is on disk when its receipt is given."""

    def stats(self) -> dict[str, Any]:
        return {
            "facts": len(self._facts),
            "refused": len(self._refused),
            "unchecked": len(self._unchecked()),
            "bytes": sum(fact.nbytes for fact in self._facts.values()),
            "model": self.host.name,
            "encoded": sum(isinstance(f.delta, LatentDelta) for f in self._facts.values()),
            "threshold": self.config.threshold,
        }

    def _write(self, record: Record) -> Receipt:
        started = time.perf_counter()
        reply = to_second_person(record.text)
        size = len(reply_ids(self.host, reply))
        if size > self.config.max_answer_tokens:
            return self._refuse(
                record,
                f"the fact has {size} tokens, at most {self.config.max_answer_tokens} fit; "
                "split it into single facts",
            )
        if self._adopt(record):
            return self._receipt(record, started)
        asked = questions(record.text)
        if not asked:
            return self._refuse(record, "no question can be made of it; say it as a sentence")
        attempt = first_to_pass(self.writers, record.text, reply, asked)
        fact = WrittenFact(
            record_id=record.id,
            version=record.version,
            text=record.text,
            scope=record.scope,
            key=rounded(self.router.key_for(record.text, reply, asked)),
            checked=not attempt.failed,
            delta=attempt.delta,
        )
        fact.save(self._files.path(record.id))
        self._keep(fact)
        return self._receipt(record, started, *attempt.failed)

    def _terms(self, fact: WrittenFact) -> tuple[LowRankTerm, ...]:
        """The terms of a fact; those that its codes stand for are kept for a while."""
        if isinstance(fact.delta, LowRankDelta):
            return fact.delta.terms
        assert isinstance(fact.delta, LatentDelta), "a fact has one of two forms"
        key = (fact.record_id, fact.version)
        if key not in self._expanded:
            self._expanded[key] = self._solve([fact.delta])
            if len(self._expanded) > EXPANDED:
                self._expanded.popitem(last=False)
        self._expanded.move_to_end(key)
        return self._expanded[key]

    def _covered(self, scope: Scope) -> list[WrittenFact]:
        return [fact for fact in self._facts.values() if scope.covers(fact.scope)]

    def _patch(self, facts: Sequence[WrittenFact], together: Mapping[str, LatentDelta]) -> Patch:
        """All of these facts awake, some of them with codes that were refined together."""
        terms = [term for f in facts if f.record_id not in together for term in self._terms(f)]
        if together:
            terms += self._solve(list(together.values()))
        awake = tuple(Awake(fact.record_id, fact.text, 1.0) for fact in facts)
        return Patch(tuple(terms), awake, awake)

    def _together(
        self, facts: Sequence[WrittenFact], everywhere: bool = False
    ) -> dict[str, LatentDelta]:
        """Codes of the memory encoder's facts, refined for being awake at once; by record.

        It takes a second or so per fact, so the last result is kept.
        """
        latent = {f.record_id: f.delta for f in facts if isinstance(f.delta, LatentDelta)}
        if not latent or (len(latent) == 1 and not everywhere):
            return latent
        state = (everywhere, *((f.record_id, f.version) for f in facts if f.record_id in latent))
        if self._refined is None or self._refined[0] != state:
            told = [_told(fact) for fact in facts if fact.record_id in latent]
            assert self._encoding, "the folder's identity names the memory encoder"
            refined = self._encoding.together(list(latent.values()), told, everywhere)
            self._refined = state, dict(zip(latent, refined, strict=True))
        return self._refined[1]

    def _solve(self, deltas: Sequence[LatentDelta]) -> tuple[LowRankTerm, ...]:
        """One set of terms for facts of the memory encoder."""
        assert self._encoding, "the folder's identity names the memory encoder"
        return self._encoding.solve(deltas)

    def _adopt(self, record: Record) -> bool:
        """Take a delta of the same text that is there already.

        Another process on the same store wrote it, or only the record's metadata changed.
        """
        path = self._files.path(record.id)
        if not path.exists():
            return False
        try:
            fact = load_fact(path)
        except FolderError:
            return False
        if fact.text != record.text:
            return False
        if fact.version != record.version:
            fact = replace(fact, version=record.version)
            fact.save(path)
        self._keep(fact)
        return True

    def _receipt(self, record: Record, started: float, *failed: str) -> Receipt:
        """What was written; a delta from another process has only kept whether its check failed."""
        spent = 1e3 * (time.perf_counter() - started)
        if self._facts[record.id].checked:
            return Receipt(record.id, self.name, "exact", milliseconds=spent)
        asked = repr(failed[0]) if failed else "all of its questions"
        reason = f"the model does not answer {asked} with it"
        return Receipt(record.id, self.name, "approximate", reason, spent)

    def _refuse(self, record: Record, reason: str) -> Receipt:
        """For good: nothing of an older version stays, and it is not tried again."""
        self.forget([record.id])
        self._refused[record.id] = record.version
        return Receipt(record.id, self.name, "refused", reason)

    def _keep(self, fact: WrittenFact) -> None:
        self._refused.pop(fact.record_id, None)
        self._facts[fact.record_id] = fact
        self.router.put(fact)

    def _load(self) -> None:
        """Read all deltas; a damaged one is dropped, and `Memory` has it written again."""
        for path in self._files.paths():
            try:
                self._keep(load_fact(path))
            except FolderError:
                path.unlink(missing_ok=True)

    def _unchecked(self) -> list[str]:
        return [i for i, fact in self._facts.items() if not fact.checked]


def default_writers(
    host: Host, config: InjectionConfig, encoding: EncodingWriter | None
) -> tuple[Writer, ...]:
    """The memory encoder, where there is one, then the closed form."""
    closed_form = ClosedFormWriter(host, config)
    return (encoding, closed_form) if encoding else (closed_form,)


def _told(fact: WrittenFact) -> Told:
    return Told(to_second_person(fact.text), tuple(questions(fact.text)))
