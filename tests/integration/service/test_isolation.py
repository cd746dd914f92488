"""Two tenants and random requests: what belongs to one is never told to the other.

MEMGRAFT_FUZZ is how many requests; the full measure is 10000.
"""

from __future__ import annotations

import json
import os
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from memgraft.serve.app import create_app
from memgraft.serve.keys import KeyRing
from memgraft.serve.settings import ServeSettings
from memgraft.store.open import open_store

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

REQUESTS = int(os.environ.get("MEMGRAFT_FUZZ", "2000"))
# Each tenant's own word stands in all that it says, and in no question of the other.
WORDS = {"one": "zebrafish", "two": "okapiland"}
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")


class Tenant:
    """A key, and all that was ever told to it."""

    def __init__(self, name: str, secret: str) -> None:
        self.name, self.word = name, WORDS[name]
        self.headers = {"Authorization": f"Token {secret}"}
        self.ids: set[str] = set()
        self.live: set[str] = set()


class Fuzz:
    """Makes requests of one tenant with ids of both."""

    def __init__(self, client: TestClient, tenants: list[Tenant], seed: int) -> None:
        self.client, self.tenants = client, tenants
        self.random = random.Random(seed)
        self.number = 0

    def step(self) -> None:
        self.me = self.random.choice(self.tenants)
        self.other = next(tenant for tenant in self.tenants if tenant is not self.me)
        actions: tuple[Callable[[], None], ...] = (
            self.add, self.add, self.read, self.search, self.listed, self.change, self.remove,
            self.batch, self.clear, self.others,
        )  # fmt: skip
        self.random.choice(actions)()

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        given = {} if body is None else {"json": body}
        answer = self.client.request(method, path, headers=self.me.headers, **given)
        assert answer.status_code < 500, answer.text
        asked = path + json.dumps(body)
        assert self.other.word not in answer.text
        foreign = self.other.ids - self.me.ids
        told = set(_ID.findall(answer.text)) - set(_ID.findall(asked))
        assert not told & foreign, (method, path, body, answer.text)
        return answer

    def some_id(self) -> str:
        """Mostly somebody's; of the other as often as one's own."""
        pools = [sorted(tenant.ids) for tenant in self.tenants if tenant.ids]
        return self.random.choice(self.random.choice(pools)) if pools else "unknown"

    def add(self) -> None:
        self.number += 1
        body = {
            "messages": f"{self.me.word} fact {self.number}",
            "user_id": self.random.choice(["alex", "bo"]),
            "metadata": {"of": self.me.word},
            "infer": False,
        }
        [added] = self.ask("POST", "/v3/memories/add/", body).json()["results"]
        self.me.ids.add(added["id"])
        self.me.live.add(added["id"])

    def read(self) -> None:
        memory_id = self.some_id()
        end = self.random.choice(["", "history/"])
        answer = self.ask("GET", f"/v1/memories/{memory_id}/{end}")
        known = self.me.ids if end else self.me.live
        assert (answer.status_code == 200) == (memory_id in known)

    def search(self) -> None:
        filters = self.random.choice([
            {"user_id": "alex"},
            {"user_id": "*"},
            {},
            {"OR": [{"user_id": "bo"}, {"user_id": {"ne": "bo"}}]},
            {"NOT": [{"user_id": "nobody"}]},
            {"memory_ids": {"in": [self.some_id(), self.some_id()]}},
        ])  # fmt: skip
        query = self.random.choice(["fact", "fact 7", "what do they know?"])
        body = {"query": query, "filters": filters, "top_k": 1000}
        found = self.ask("POST", self.random.choice(["/v3/memories/search/", "/search"]), body)
        assert {one["id"] for one in found.json()["results"]} <= self.me.live

    def listed(self) -> None:
        page = self.ask("POST", "/v3/memories/", {"filters": {}, "page_size": 200}).json()
        assert page["count"] == len(self.me.live)
        totals = self.ask("GET", "/v1/entities/").json()["results"]
        assert sum(one["total_memories"] for one in totals) == len(self.me.live)
        assert self.ask("GET", "/configure").json()["memories"] == len(self.me.live)

    def change(self) -> None:
        self.number += 1
        memory_id = self.some_id()
        body = {"text": f"{self.me.word} fact {self.number}"}
        answer = self.ask("PUT", f"/v1/memories/{memory_id}/", body)
        assert (answer.status_code == 200) == (memory_id in self.me.live)

    def remove(self) -> None:
        if len(self.me.live) < 20:
            return
        memory_id = self.some_id()
        answer = self.ask("DELETE", f"/v1/memories/{memory_id}/")
        assert (answer.status_code == 200) == (memory_id in self.me.live)
        self.me.live.discard(memory_id)

    def batch(self) -> None:
        ids = {self.some_id(), self.some_id()}
        body = {"memories": [{"memory_id": i, "metadata": {"of": self.me.word}} for i in ids]}
        answer = self.ask("PUT", "/v1/batch/", body)
        assert (answer.status_code == 200) == (ids <= self.me.live)

    def clear(self) -> None:
        if self.random.random() > 0.05:
            return
        path = self.random.choice(["/v1/memories/?user_id=*", "/memories?user_id=alex",
                                   "/v2/entities/user/bo/"])  # fmt: skip
        self.ask("DELETE", path)
        left = self.client.get("/v1/memories/", headers=self.me.headers).json()
        self.me.live = {one["id"] for one in left}

    def others(self) -> None:
        memory_id = self.some_id()
        self.ask("POST", "/v1/feedback/", {"memory_id": memory_id, "feedback": "POSITIVE"})
        self.ask("POST", "/v1/exports/", {"schema": {}, "filters": {"user_id": "alex"}})
        self.ask("POST", "/v1/exports/get/", {"filters": {"user_id": "alex"}})
        self.ask("POST", "/v1/summary/", {"filters": {"user_id": "*"}})
        self.ask("GET", f"/v1/event/{memory_id}/")
        self.ask("GET", "/v1/events/")
        self.ask("GET", "/v2/entities/user/alex/profile/")
        project = f"/api/v1/orgs/organizations/memgraft/projects/{self.other.name}/"
        assert self.ask("GET", project).status_code == 404


@pytest.fixture(params=["sqlite", "postgresql"])
def location(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return str(tmp_path / "memory.db")
    return str(request.getfixturevalue("postgres_url"))


def test_nothing_of_another_tenant_is_told(location: str) -> None:
    root = open_store(location)
    ring = KeyRing(root)
    tenants = [Tenant(name, ring.create(name, name)[0]) for name in WORDS]
    root.close()
    app = create_app(ServeSettings(store=location, encoder="static", log_level="error"))
    with TestClient(app) as client:
        fuzz = Fuzz(client, tenants, seed=11)
        for _ in range(REQUESTS):
            fuzz.step()
        for fuzz.me, fuzz.other in (tenants, tenants[::-1]):
            fuzz.listed()
            fuzz.others()
    assert all(len(tenant.ids) > REQUESTS / 20 for tenant in tenants)
