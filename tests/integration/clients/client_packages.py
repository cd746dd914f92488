"""The clients themselves: every version from its registry, unchanged, once per computer."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

from memgraft.core.paths import cache_folder

INSTALLING = 300.0  # seconds


# Remembered, since tests move the cache folder once the first has begun.
@cache
def python_package(version: str) -> Path:
    """A folder that holds this version of PyPI's mem0ai, to be put before all other folders.

    Its dependencies come from the environment of the tests, which has those of mem0ai.
    """

    def install(folder: Path) -> None:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        _run([*pip, "--no-deps", "--target", str(folder), f"mem0ai=={version}"])

    return _once(f"pypi-{version}", install)


@cache
def node_package(version: str) -> Path:
    """The folder of this version of npm's mem0ai, its dependencies around it."""

    def install(folder: Path) -> None:
        # Peers and optional packages are for mem0's local store; the client needs none of them.
        small = ["--omit=optional", "--omit=peer", "--ignore-scripts", "--no-package-lock"]
        quiet = ["--no-audit", "--no-fund", "--loglevel=error"]
        prefix = ["--prefix", str(folder)]
        _run([program("npm"), "install", *prefix, *small, *quiet, f"mem0ai@{version}"])

    return _once(f"npm-{version}", install) / "node_modules" / "mem0ai"


def program(name: str) -> str:
    """Where node or npm is. Their absence fails the tests: half a matrix shows nothing."""
    found = shutil.which(name)
    if found is None:
        raise RuntimeError(
            f"{name} is not installed, so the npm clients cannot be tested; install Node.js 20 or "
            "newer (https://nodejs.org), or leave these tests out with -k 'not npm'"
        )
    return found


def _once(name: str, install: Callable[[Path], None]) -> Path:
    """The folder of that name in the cache, filled by `install` if it is not there yet."""
    folder = cache_folder() / "clients" / name
    if folder.exists():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=folder.parent))
    try:
        install(part)
        # Another process may have been quicker; both installed the same.
        if not folder.exists():
            part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return folder


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALLING)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
