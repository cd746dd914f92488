"""Many clients at once: nothing lost, nothing twice, nothing of another tenant, no error.

MEMGRAFT_LOAD and MEMGRAFT_KILLS are how many operations and kills there are: the full measure is
20000 and 100.
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from memgraft.serve.keys import KeyRing
from memgraft.store.open import open_store
from running import Running

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

CLIENTS = 64
OPERATIONS = int(os.environ.get("MEMGRAFT_LOAD", "3200"))
KILLS = int(os.environ.get("MEMGRAFT_KILLS", "8"))
TENANTS = ("one", "two")


class Visitor:
    """One client, with a user of its own and one that all of its tenant share.

    It knows what it was told and checks every answer against that.
    """

    def __init__(self, number: int, url: str, key: str, tenant: str) -> None:
        self.number, self.tenant = number, tenant
        self.random = random.Random(number)
        self.user = f"{tenant}-user-{number}"
        self.texts: dict[str, str] = {}
        self.shared_updates: Counter[str] = Counter()
        self.spare = 0
        headers = {"Authorization": f"Token {key}"}
        self.http = httpx.Client(base_url=url, headers=headers, timeout=120, trust_env=False)

    def work(self, operations: int) -> None:
        actions = (self.add, self.add, self.add, self.add_shared, self.update, self.update_shared,
                   self.search, self.look, self.listed, self.delete)  # fmt: skip
        for _ in range(operations):
            self.random.choice(actions)()

    def ask(self, method: str, path: str, **given: Any) -> Any:
        answer = self.http.request(method, path, **given)
        assert answer.status_code == 200, (method, path, answer.status_code, answer.text)
        return answer.json()

    def new_text(self) -> str:
        self.spare += 1
        return f"{self.tenant} {self.number} keeps thing {self.spare} in box {self.random.random()}"

    def add(self, text: str | None = None, user: str | None = None) -> dict[str, Any]:
        text = text or self.new_text()
        body = {"messages": text, "user_id": user or self.user, "infer": False}
        [added] = self.ask("POST", "/v3/memories/add/", json=body)["results"]
        assert added["memory"] == text
        if user is None:
            assert added["event"] == "ADD"
            self.texts[added["id"]] = text
        return added

    def add_shared(self) -> None:
        """A text that others of this tenant add at the same time."""
        self.add(f"{self.tenant} shares thing {self.random.randrange(40)}", f"{self.tenant}-all")

    def update(self) -> None:
        if self.texts:
            memory_id = self.random.choice(list(self.texts))
            text = self.new_text()
            shown = self.ask("PUT", f"/v1/memories/{memory_id}/", json={"text": text})
            assert shown["memory"] == text
            self.texts[memory_id] = text

    def update_shared(self) -> None:
        """Metadata of a memory that others change too: each change is a line of its history."""
        text, user = f"{self.tenant} counts", f"{self.tenant}-count"
        memory_id = self.add(text, user)["id"]
        change = {"metadata": {"by": self.number, "at": self.random.random()}}
        self.ask("PUT", f"/v1/memories/{memory_id}/", json=change)
        self.shared_updates[memory_id] += 1

    def search(self) -> None:
        body = {"query": f"thing in box {self.number}", "filters": {"user_id": self.user}}
        for one in self.ask("POST", "/v3/memories/search/", json=body)["results"]:
            assert self.texts[one["id"]] == one["memory"]

    def look(self) -> None:
        if self.texts:
            memory_id = self.random.choice(list(self.texts))
            shown = self.ask("GET", f"/v1/memories/{memory_id}/")
            assert shown["memory"] == self.texts[memory_id]

    def listed(self) -> None:
        body = {"filters": {"user_id": self.user}, "page_size": 200}
        page = self.ask("POST", "/v3/memories/", json=body)
        assert page["count"] == len(self.texts)
        assert all(self.texts[one["id"]] == one["memory"] for one in page["results"])

    def delete(self) -> None:
        if len(self.texts) > 3:
            memory_id = self.random.choice(list(self.texts))
            self.ask("DELETE", f"/v1/memories/{memory_id}/")
            del self.texts[memory_id]
            assert self.http.get(f"/v1/memories/{memory_id}/").status_code == 404


def visit(visitor: Visitor, servers: Sequence[Running]) -> None:
    visitor.work(OPERATIONS // CLIENTS)


@pytest.fixture(params=["sqlite", "postgresql"])
def location(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return str(tmp_path / "memory.db")
    return str(request.getfixturevalue("postgres_url"))


def test_many_clients_at_once(location: str, tmp_path: Path) -> None:
    keys = {}
    for tenant in TENANTS:
        root = open_store(location)
        keys[tenant] = KeyRing(root).create(tenant, tenant)[0]
        root.close()
    servers = [Running(location, tmp_path / f"log-{n}.txt").start() for n in range(2)]
    try:
        visitors = [
            Visitor(n, servers[n % 2].url, keys[TENANTS[n // 2 % 2]], TENANTS[n // 2 % 2])
            for n in range(CLIENTS)
        ]
        with ThreadPoolExecutor(CLIENTS) as pool:
            for done in [pool.submit(visit, visitor, servers) for visitor in visitors]:
                done.result()
        for tenant in TENANTS:
            check([one for one in visitors if one.tenant == tenant], tenant)
    finally:
        for server in servers:
            server.stop()
    assert not [line for server in servers for line in server.errors()]


def check(visitors: list[Visitor], tenant: str) -> None:
    """What the servers know is what the visitors were told, and no more."""
    first = visitors[0]
    for visitor in visitors:
        visitor.listed()
    shared = everything(first, {"user_id": f"{tenant}-all"})
    assert max(Counter(one["memory"] for one in shared).values(), default=1) == 1
    wanted = {visitor.user for visitor in visitors} | {f"{tenant}-all", f"{tenant}-count"}
    entities = first.ask("GET", "/v1/entities/")["results"]
    assert {one["name"] for one in entities} <= wanted
    told = sum((visitor.shared_updates for visitor in visitors), Counter[str]())
    assert len(told) <= 1
    for memory_id, count in told.items():
        lines = first.ask("GET", f"/v1/memories/{memory_id}/history/")
        assert Counter(line["event"] for line in lines) == {"ADD": 1, "UPDATE": count}


def everything(visitor: Visitor, filters: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for number in range(1, 10_000):
        body = {"filters": filters, "page": number, "page_size": 200}
        page = visitor.ask("POST", "/v3/memories/", json=body)
        found += page["results"]
        if page["next"] is None:
            return found
    raise AssertionError("pages without end")


def test_killed_at_any_moment(location: str, tmp_path: Path) -> None:
    """Every write that was answered is there after a kill -9, and the server starts again."""
    server = Running(location, tmp_path / "log.txt").start()
    chance = random.Random(7)
    told: dict[str, str] = {}
    try:
        for turn in range(KILLS):
            before, enough = len(told), chance.randrange(1, 40)
            with ThreadPoolExecutor(4) as pool:
                writers = [pool.submit(write, server, turn, n, told) for n in range(4)]
                while len(told) < before + enough:
                    time.sleep(0.001)
                time.sleep(chance.uniform(0, 0.02))  # in the middle of something
                server.kill()
                for writer in writers:
                    writer.result()
            server.start()
            with server.client() as client:
                found = {
                    one["id"]: one["memory"]
                    for n in range(4)
                    for one in client.get("/v1/memories/", params={"user_id": f"{turn}-{n}"}).json()
                }
            mine = {i: text for i, text in told.items() if text.startswith(f"turn {turn} ")}
            assert mine.items() <= found.items()
        with server.client() as client:
            for memory_id, text in told.items():
                assert client.get(f"/v1/memories/{memory_id}/").json()["memory"] == text
        assert len(told) > KILLS
    finally:
        server.stop()
    assert not server.errors()


def write(server: Running, turn: int, number: int, told: dict[str, str]) -> None:
    """Note what is acknowledged until the server is gone."""
    with server.client(timeout=5) as client:
        for line in range(100):  # as many as one page shows
            text = f"turn {turn} writer {number} line {line}"
            body = {"messages": text, "user_id": f"{turn}-{number}", "infer": False}
            try:
                answer = client.post("/v3/memories/add/", json=body)
            except httpx.HTTPError:
                break
            assert answer.status_code == 200, answer.text
            told[answer.json()["results"][0]["id"]] = text
