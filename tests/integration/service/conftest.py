"""Stores for servers of the tests' own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from databases import fresh_database


@pytest.fixture
def postgres_url() -> Iterator[str]:
    """An empty database."""
    with fresh_database() as url:
        yield url
