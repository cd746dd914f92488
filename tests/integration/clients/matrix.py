"""The five clients by one set of names, each spoken to as its own documentation says.

Only names and the places of arguments differ here; what a client sends is its own affair.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from client_packages import node_package, program, python_package

DRIVERS = Path(__file__).parent
Row = dict[str, Any]


@dataclass(frozen=True)
class Version:
    """One published client.

    Attributes:
        api: the version of the API that it lists and searches by, unless told otherwise.
        asked: the option by which it is told to use v2, if it can be.
        camel: it takes options and gives keys in camelCase.
    """

    registry: str
    number: str
    api: str
    asked: str = ""
    camel: bool = False

    @property
    def name(self) -> str:
        return f"{self.registry}-{self.number}"

    @property
    def python(self) -> bool:
        return self.registry == "pypi"

    @property
    def apis(self) -> list[str]:
        return [self.api, "v2"] if self.asked else [self.api]


VERSIONS = [
    Version("pypi", "2.2.1", "v3"),
    Version("pypi", "1.0.11", "v2"),
    Version("pypi", "0.1.118", "v1", asked="version"),
    Version("npm", "3.3.1", "v3", camel=True),
    Version("npm", "2.4.6", "v1", asked="api_version"),
]


class ClientError(Exception):
    """What the client raised: its type, and the types that this one is derived from."""

    def __init__(self, kinds: list[str], message: str) -> None:
        super().__init__(f"{kinds[0]}: {message}")
        self.kinds = kinds
        self.message = message


class Process:
    """A process that has imported the client; several clients can be opened in it."""

    def __init__(self, version: Version, folder: Path) -> None:
        """`folder` is for what the client writes, which would else go to the user's home."""
        environment = {**os.environ, "MEM0_TELEMETRY": "false", "MEM0_DIR": str(folder / "mem0")}
        if version.python:
            environment["PYTHONPATH"] = str(python_package(version.number))
            command = [sys.executable, str(DRIVERS / "driver.py")]
        else:
            package = str(node_package(version.number))
            command = [program("node"), str(DRIVERS / "driver.cjs"), package]
        folder.mkdir(parents=True, exist_ok=True)
        self._log = (folder / "stderr.txt").open("w+")
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env=environment,
        )

    def ask(self, **request: Any) -> Any:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            self._log.seek(0)
            raise RuntimeError(f"the client's process ended:\n{self._log.read()}")
        said = json.loads(line)
        if "error" in said:
            raise ClientError(**said["error"])
        return said["result"]

    def close(self) -> None:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        self._process.wait(timeout=30)
        self._process.stdout.close()
        self._log.close()


class Client:
    """One `MemoryClient`, by the names of the Python clients."""

    def __init__(
        self, process: Process, version: Version, host: str, key: str, name: str = "main"
    ) -> None:
        self.version = version
        self.host = host
        self._process = process
        self._name = name
        api_key = "api_key" if version.python else "apiKey"
        opened = process.ask(open=name, options={api_key: key, "host": host})
        self.project_id: str = opened["project_id"]
        self.org_id: str = opened["org_id"]

    def key(self, name: str) -> str:
        """The key by which the client's answers hold this field."""
        return _camel(name) if self.version.camel else name

    def call(self, method: str, *args: Any, **options: Any) -> Any:
        """A method by its Python name; for Node the options are its last argument."""
        if self.version.python:
            return self._process.ask(on=self._name, call=method, args=args, options=options)
        given = {self.key(name): value for name, value in options.items()}
        args = (*args, given) if options else args
        return self._process.ask(on=self._name, call=_camel(method), args=args)

    def add(self, messages: Any, **options: Any) -> list[Row]:
        """The `results` of the answer."""
        return self.call("add", messages, **options)["results"]

    def keep(self, text: str, user: str, **options: Any) -> str:
        """Store one text as it is; the id of its memory."""
        (row,) = self.add([{"role": "user", "content": text}], user_id=user, infer=False, **options)
        return row["id"]

    def get(self, memory_id: str) -> Row:
        return self.call("get", memory_id)

    def get_all(self, filters: Row, api: str = "", **options: Any) -> Any:
        """By version `api`; v1 has no filters but ids, which stand at top level."""
        return self.call("get_all", **self._meant(filters, api), **options)

    def search(self, query: str, filters: Row, api: str = "", **options: Any) -> Any:
        return self.call("search", query, **self._meant(filters, api), **options)

    def texts(self, user: str) -> list[str]:
        """All that is known of a user, in alphabetical order."""
        return sorted(row["memory"] for row in rows(self.get_all({"user_id": user})))

    def update(self, memory_id: str, **changes: Any) -> Row:
        return self.call("update", memory_id, **changes)

    def history(self, memory_id: str) -> list[Row]:
        return self.call("history", memory_id)

    def delete(self, memory_id: str) -> Row:
        return self.call("delete", memory_id)

    def users(self) -> list[Row]:
        return self.call("users")["results"]

    def batch_update(self, memories: list[Row]) -> Any:
        if not self.version.python:
            memories = [{"memoryId": one["memory_id"], "text": one["text"]} for one in memories]
        return self.call("batch_update", memories)

    def batch_delete(self, ids: list[str]) -> Any:
        python = self.version.python
        return self.call("batch_delete", [{"memory_id": one} if python else one for one in ids])

    def get_project(self, fields: list[str]) -> Row:
        return self.call("project.get" if self.version.python else "get_project", fields=fields)

    def update_project(self, **changes: Any) -> Row:
        return self.call("project.update" if self.version.python else "update_project", **changes)

    def get_webhooks(self) -> list[Row]:
        project = {"project_id" if self.version.python else "projectId": self.project_id}
        return self._webhook("get_webhooks", project)

    def create_webhook(self, url: str, name: str, events: list[str]) -> Row:
        if self.version.python:
            own = {"event_types": events, "project_id": self.project_id}
        else:
            own = {"eventTypes": events}
        return self._webhook("create_webhook", {"url": url, "name": name, **own})

    def update_webhook(self, webhook_id: Any, **changes: Any) -> Row:
        named = "webhook_id" if self.version.python else "webhookId"
        return self._webhook("update_webhook", {named: webhook_id, **changes})

    def delete_webhook(self, webhook_id: Any) -> Row:
        named = "webhook_id" if self.version.python else "webhookId"
        return self._webhook("delete_webhook", {named: webhook_id})

    def _webhook(self, method: str, options: Row) -> Any:
        # Both npm versions take these options in camelCase.
        if self.version.python:
            return self.call(method, **options)
        return self._process.ask(on=self._name, call=_camel(method), args=[options])

    def _meant(self, filters: Row, api: str) -> Row:
        api = api or self.version.api
        if api == "v1":
            return filters
        told = {self.version.asked: api} if self.version.asked else {}
        return {"filters": filters, **told}


def rows(answer: Any) -> list[Row]:
    """The memories of a listing or a search, in a page or bare."""
    return answer if isinstance(answer, list) else answer["results"]


def _camel(name: str) -> str:
    return re.sub(r"_([a-z])", lambda letter: letter[1].upper(), name)
