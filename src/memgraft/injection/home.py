"""HOME 2: facts in the weights. The prompt stays empty of them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from memgraft.core.errors import FolderError
from memgraft.core.files import RecordFiles
from memgraft.core.home import Home
from memgraft.core.recall import Awake, LowRankTerm, Patch, Query
from memgraft.core.receipts import Receipt, Report
from memgraft.core.records import Record
from memgraft.core.scope import Scope
from memgraft.host.load import Host
from memgraft.injection.config import InjectionConfig
from memgraft.injection.delta import Delta, LatentDelta, LowRankDelta, load_delta
from memgraft.injection.encoder import MemoryEncoder
from memgraft.injection.encoding import EncodingWriter, as_int8
from memgraft.injection.reading import reply_ids
from memgraft.injection.router import Router
from memgraft.injection.writer import ClosedFormWriter
from memgraft.text.encoder import Encoder, Vectors
from memgraft.text.person import to_second_person
from memgraft.text.questions import questions

KIND = "memgraft-injection"
VERSION = 1
# A write by the memory encoder is checked on this many of the fact's own questions.
CHECKED = 2
# How many of the best facts a patch reports, for `/why`.
CONSIDERED = 5


class InjectionHome(Home):
    """Low-rank deltas of one layer, one file each, woken per question by the router.

    Args:
        host: the frozen language model.
        encoder: embeds questions for the router.
        folder: where the deltas live; one folder per base model and encoder.
        memory_encoder: writes facts in one forward pass, where one was trained for the model;
            what it cannot write falls back to the closed form.
    """

    name = "weights"

    def __init__(
        self,
        host: Host,
        encoder: Encoder,
        folder: Path,
        config: InjectionConfig = InjectionConfig(),
        memory_encoder: MemoryEncoder | None = None,
    ) -> None:
        self.host = host
        self.config = config
        self.closed_form = ClosedFormWriter(host, config)
        self.encoding = EncodingWriter(host, memory_encoder) if memory_encoder else None
        self.router = Router(encoder)
        identity = {"base_model": host.fingerprint, "encoder": encoder.id}
        if memory_encoder:
            identity["memory_encoder"] = memory_encoder.fingerprint()
        self._files = RecordFiles(folder, KIND, VERSION, identity)
        self._deltas: dict[str, Delta] = {}
        self._refused: dict[str, int] = {}
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
            Awake(route.record_id, self._deltas[route.record_id].text, route.score)
            for route in routes
        )
        awake = tuple(fact for fact in considered[:1] if fact.score >= self.config.threshold)
        terms = [term for fact in awake for term in self._terms(self._deltas[fact.record_id])]
        return Patch(tuple(terms), awake, considered)

    def composed(self, scope: Scope) -> Patch:
        """Every fact of a scope awake at once, without a gate."""
        deltas = [delta for delta in self._deltas.values() if scope.covers(delta.scope)]
        jointly = [d for d in deltas if isinstance(d, LatentDelta)] if self._solves else []
        apart = [d for d in deltas if not (self._solves and isinstance(d, LatentDelta))]
        terms = [term for delta in apart for term in self._terms(delta)]
        if jointly and self.encoding:
            terms += self.encoding.solve(jointly)
        awake = tuple(Awake(delta.record_id, delta.text, 1.0) for delta in deltas)
        return Patch(tuple(terms), awake, awake)

    @property
    def _solves(self) -> bool:
        return self.config.compose == "solved"

    def forget(self, ids: Iterable[str]) -> list[Receipt]:
        receipts = []
        for record_id in ids:
            self._files.remove(record_id)
            self._deltas.pop(record_id, None)
            self._refused.pop(record_id, None)
            self.router.remove(record_id)
            receipts.append(Receipt(record_id, self.name, "exact"))
        return receipts

    def consolidate(self, budget: float = 1.0) -> Report:
        """Nothing to merge here: facts are independent. Reports those whose check failed."""
        return Report(self.name, figures={"unchecked": len(self._unchecked())})

    def held(self) -> dict[str, int]:
        return {i: delta.version for i, delta in self._deltas.items()} | self._refused

    def save(self) -> None:
        """Nothing to do: every write is on disk when its receipt is given."""

    def stats(self) -> dict[str, Any]:
        return {
            "facts": len(self._deltas),
            "refused": len(self._refused),
            "unchecked": len(self._unchecked()),
            "bytes": sum(delta.nbytes for delta in self._deltas.values()),
            "model": self.host.name,
            "in one pass": sum(isinstance(d, LatentDelta) for d in self._deltas.values()),
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
        delta, failed = self._compile(record, reply, asked)
        delta.save(self._files.path(record.id))
        self._keep(delta)
        return self._receipt(record, started, *failed)

    def _compile(
        self, record: Record, reply: str, asked: list[str]
    ) -> tuple[Delta, tuple[str, ...]]:
        """The change for a fact, and the questions that it fails on: by the memory encoder,
        refined if it fails, and in closed form if it still does."""
        common: dict[str, Any] = {
            "record_id": record.id,
            "version": record.version,
            "text": record.text,
            "scope": record.scope,
            "routes": _as_stored(self.router.keys_for(record.text, reply, asked)),
        }
        latent: tuple[Delta, tuple[str, ...]] | None = None
        if self.encoding:
            codes, tokens = self.encoding.write(record.text, reply)
            failed = self.encoding.failing(codes, tokens, asked[:CHECKED], reply)
            if failed:
                codes = self.encoding.refine(codes, tokens, asked[:CHECKED], reply)
                failed = self.encoding.failing(codes, tokens, asked[:CHECKED], reply)
            latent = (
                LatentDelta(**common, checked=not failed, codes=as_int8(codes), tokens=tokens),
                failed,
            )
            if not failed:
                return latent
        written = self.closed_form.write_checked(asked, reply)
        if latent and len(latent[1]) <= len(written.failed):
            return latent
        a, b = written.a.to(torch.float16), written.b.to(torch.float16)
        delta = LowRankDelta(
            **common, checked=not written.failed, layer=self.closed_form.layer, a=a, b=b
        )
        return delta, written.failed

    def _terms(self, delta: Delta) -> tuple[LowRankTerm, ...]:
        if isinstance(delta, LatentDelta):
            assert self.encoding, "the folder's identity names the memory encoder"
            return self.encoding.expand(delta)
        assert isinstance(delta, LowRankDelta)
        return (delta.term(),)

    def _adopt(self, record: Record) -> bool:
        """Take a delta of the same text that is there already.

        Another process on the same store wrote it, or only the record's metadata changed.
        """
        path = self._files.path(record.id)
        if not path.exists():
            return False
        try:
            delta = load_delta(path)
        except FolderError:
            return False
        if delta.text != record.text:
            return False
        if delta.version != record.version:
            delta = replace(delta, version=record.version)
            delta.save(path)
        self._keep(delta)
        return True

    def _receipt(self, record: Record, started: float, *failed: str) -> Receipt:
        """What was written; a delta from another process has only kept whether its check failed."""
        spent = 1e3 * (time.perf_counter() - started)
        if self._deltas[record.id].checked:
            return Receipt(record.id, self.name, "exact", milliseconds=spent)
        asked = repr(failed[0]) if failed else "all of its questions"
        reason = f"the model does not answer {asked} with it"
        return Receipt(record.id, self.name, "approximate", reason, spent)

    def _refuse(self, record: Record, reason: str) -> Receipt:
        """For good: nothing of an older version stays, and it is not tried again."""
        self.forget([record.id])
        self._refused[record.id] = record.version
        return Receipt(record.id, self.name, "refused", reason)

    def _keep(self, delta: Delta) -> None:
        self._refused.pop(delta.record_id, None)
        self._deltas[delta.record_id] = delta
        self.router.put(delta)

    def _load(self) -> None:
        """Read all deltas; a damaged one is dropped, and `Memory` has it written again."""
        for path in self._files.paths():
            try:
                self._keep(load_delta(path))
            except FolderError:
                path.unlink(missing_ok=True)

    def _unchecked(self) -> list[str]:
        return [i for i, delta in self._deltas.items() if not delta.checked]


def _as_stored(routes: Vectors) -> Vectors:
    """Rounded as the file rounds them, so that a restart wakes the same facts."""
    return routes.astype(np.float16).astype(np.float32)
