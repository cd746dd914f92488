"""A server process: settings, keys, memories, and who may use what."""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread
from fastapi import HTTPException, Request

from memgraft.core.errors import StoreError
from memgraft.core.home import Home
from memgraft.core.paths import default_store
from memgraft.integrations.extraction import extractor_from_environment
from memgraft.memory import Memory
from memgraft.serve import operations
from memgraft.serve.keys import Key, KeyRing, Right
from memgraft.serve.limits import RateLimiter
from memgraft.serve.schemas import AddBody
from memgraft.serve.settings import ServeSettings
from memgraft.serve.tenants import Tenants
from memgraft.serve.webhooks import Webhooks
from memgraft.store.base import Store
from memgraft.store.open import open_store
from memgraft.text.extract import Extracted

if TYPE_CHECKING:
    from memgraft.host.load import Host
    from memgraft.text.encoder import Encoder

# Who asks where no key is needed.
_ANYBODY = Key("", "anybody", "", ("read", "write", "admin"))
_SCHEMES = ("token", "bearer")
# Threads that check keys, and requests of one tenant that are answered at the same time.
_CHECKING = 4
_AT_ONCE = 8


class Server:
    """What the routes stand on. Models are loaded once, when `ready` or the first request asks.

    Args:
        settings: see there.
    """

    def __init__(self, settings: ServeSettings) -> None:
        self.settings = settings
        self.location = settings.store or str(default_store())
        self.root: Store = open_store(self.location)
        # Wherever it is started from, a server that others can reach asks for a key.
        self.keys = KeyRing(self.root, settings.api_key, required=settings.public)
        self.limiter = RateLimiter()
        self.tenants = Tenants(self._open)
        # Who holds a key of somebody else's server must not reach what only that server can.
        self.webhooks = Webhooks(
            lambda: settings.local_webhooks or (not settings.public and not self.keys.needed())
        )
        self._turns: dict[str, anyio.Semaphore] = {}
        self.checking = anyio.CapacityLimiter(_CHECKING)
        self._loading = threading.Lock()
        self._extractor = extractor_from_environment()

    def ready(self) -> None:
        """Load what requests need, and see that the store answers."""
        self.check()
        with self.tenants.use("") as memory:
            memory.catch_up()

    def check(self) -> None:
        """Raise `StoreError` if the store does not answer, or its file is gone."""
        self.root.count()
        path = Path(self.root.location)
        if path.is_absolute() and not path.exists():
            raise StoreError("the file of the store is gone", got=str(path))

    def turns(self, tenant: str) -> anyio.Semaphore:
        """Held by requests while they are answered, so that those of one tenant, which wait for
        one memory, never take all threads. Of the event loop."""
        return self._turns.setdefault(tenant, anyio.Semaphore(_AT_ONCE))

    def facts(self, body: AddBody) -> list[Extracted] | None:
        """What a language model finds in messages, if one is configured; else None.

        Asked before the memory is taken: it may think for long, and others wait for the memory.
        """
        if self._extractor is None or not body.infer:
            return None
        return self._extractor(operations.messages_of(body), operations.scope_of(body))

    def close(self) -> None:
        """Everything acknowledged is on disk already; this waits for what is under way."""
        self.webhooks.close()
        self.tenants.close()
        self.root.close()

    def _open(self, tenant: str) -> Memory:
        store = open_store(self.location, tenant)
        try:
            with self._loading:  # two tenants that come first must not load the models twice
                homes = self._homes(store)
            memory = Memory(store, homes)
            memory.catch_up()
        except BaseException:
            store.close()
            raise
        return memory

    def _homes(self, store: Store) -> list[Home]:
        from memgraft.open import HOMES, homes_folder, injection_home, retrieval_home

        homes: list[Home] = []
        if "weights" in HOMES[self.settings.home]:
            folder = homes_folder(store) / "weights"
            homes.append(injection_home(self._host, self._router_encoder, folder, "encoder"))
        if "passages" in HOMES[self.settings.home]:
            homes.append(retrieval_home(store, self.encoder))
        return homes

    @functools.cached_property
    def encoder(self) -> Encoder:
        """Of the passages."""
        from memgraft.open import encoder_name
        from memgraft.text.open import open_encoder

        return open_encoder(encoder_name(self.settings.encoder or None))

    @functools.cached_property
    def _router_encoder(self) -> Encoder:
        from memgraft.text.minilm import MiniLM

        return MiniLM()

    @functools.cached_property
    def _host(self) -> Host:
        from memgraft.host.load import load_host

        return load_host(self.settings.model)


@dataclass(frozen=True)
class Access:
    """A request that was let in: by which key, and to which memory."""

    server: Server
    key: Key

    @contextlib.contextmanager
    def memory(self) -> Iterator[Memory]:
        with self.server.tenants.use(self.key.tenant) as memory:
            yield memory

    @property
    def project(self) -> str:
        return self.key.tenant or "default"


def access(right: Right) -> Callable[[Request], AsyncIterator[Access]]:
    """A dependency of routes: lets in who has a key with this right."""

    async def let_in(request: Request) -> AsyncIterator[Access]:
        server: Server = request.app.state.server
        key = _key_at_once(server, request)
        if key is None:
            # The keys are read from the store now and then, and a database may be slow.
            key = await anyio.to_thread.run_sync(
                known_key, server, request, limiter=server.checking
            )
        if right not in key.rights:
            raise HTTPException(403, f"this key may not {right}")
        if key.size is not None and request.state.size > key.size:
            raise HTTPException(413, f"the body is too large for this key: {key.size:,} bytes")
        wait = server.limiter.wait(key.id, _rate(server, key))
        if wait:
            raise HTTPException(
                429,
                "too many requests for this key",
                headers={"Retry-After": str(max(1, round(wait + 0.5)))},
            )
        request.state.key = key
        async with server.turns(key.tenant):
            yield Access(server, key)

    return let_in


def known_key(server: Server, request: Request) -> Key:
    """The key that a request comes with, or an error that mem0's clients understand."""
    secret = presented(request)
    if secret:
        key = server.keys.find(secret)
        if key is not None:
            return key
    if not server.keys.needed():
        return _ANYBODY
    raise HTTPException(
        401,
        "Invalid API key" if secret else "an API key is needed",
        headers={"WWW-Authenticate": "Token"},
    )


def _key_at_once(server: Server, request: Request) -> Key | None:
    """`known_key` where it need not look into the store: a thread costs more than that."""
    secret = presented(request)
    if secret:
        return server.keys.known(secret)
    return _ANYBODY if server.keys.open else None


def presented(request: Request) -> str:
    """The key in a request's headers, as mem0's hosted and self-hosted clients send it."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() in _SCHEMES and value.strip():
        return value.strip()
    return request.headers.get("x-api-key", "").strip()


def _rate(server: Server, key: Key) -> int:
    return server.settings.rate if key.rate is None else key.rate
