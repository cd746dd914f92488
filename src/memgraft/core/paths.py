"""Where things live on this computer; each place can be moved by an environment variable."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_cache_path, user_data_path


def cache_folder() -> Path:
    """Downloads and what can be computed again. `MEMGRAFT_CACHE` moves it."""
    return Path(os.environ.get("MEMGRAFT_CACHE") or user_cache_path("memgraft"))


def data_folder() -> Path:
    """What the user would miss."""
    return user_data_path("memgraft")


def default_store() -> str:
    """The store that the commands use when none is named. `MEMGRAFT_STORE` moves it."""
    return os.environ.get("MEMGRAFT_STORE") or str(data_folder() / "memory.db")
