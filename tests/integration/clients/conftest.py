"""A server per store and a client per version, both for the whole session."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache

import pytest
from matrix import VERSIONS, Client, Process, Version
from serving import KEY, Service, serving

from databases import fresh_database

# What is started lazily stays for the whole session, in whatever order pytest takes the tests.


@pytest.fixture(scope="session")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Service]]:
    """One server per kind of store, each on a new one."""
    with ExitStack() as running:

        @cache
        def started(kind: str) -> Service:
            folder = tmp_path_factory.mktemp(kind)
            location = str(folder / "memory.db")
            if kind == "postgresql":
                location = running.enter_context(fresh_database())
            return running.enter_context(serving(location, folder))

        yield started


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def service(request: pytest.FixtureRequest, services: Callable[[str], Service]) -> Service:
    return services(request.param)


@pytest.fixture(scope="session", params=VERSIONS, ids=lambda version: version.name)
def version(request: pytest.FixtureRequest) -> Version:
    return request.param


@pytest.fixture(scope="session")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Version], Process]]:
    """One process per client, for all stores: importing one takes a second."""
    with ExitStack() as running:

        @cache
        def started(version: Version) -> Process:
            process = Process(version, tmp_path_factory.mktemp(version.name))
            running.callback(process.close)
            return process

        yield started


@pytest.fixture(scope="session")
def process(version: Version, processes: Callable[[Version], Process]) -> Process:
    return processes(version)


@pytest.fixture(scope="session")
def client(service: Service, version: Version, process: Process) -> Client:
    return Client(process, version, service.address, KEY)


@pytest.fixture
def user() -> str:
    """Somebody of whom nothing is known yet."""
    return f"user-{uuid.uuid4().hex[:12]}"
