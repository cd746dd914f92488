"""The real models, loaded once for all integration tests."""

from __future__ import annotations

import pytest

from memgraft.cli.progress import prepare_libraries
from memgraft.host.load import Host, load_host
from memgraft.text.minilm import MiniLM


@pytest.fixture(scope="session")
def host() -> Host:
    prepare_libraries()
    return load_host()


@pytest.fixture(scope="session")
def encoder() -> MiniLM:
    return MiniLM()
