"""Open a memory by the names that people give: a store, a home, a model."""

from __future__ import annotations

import hashlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from memgraft.core.bundles import BUNDLES, DEFAULT_MODEL, Progress
from memgraft.core.errors import InvalidInput, ModelError
from memgraft.core.home import Home
from memgraft.core.paths import data_folder, default_store
from memgraft.memory import Memory
from memgraft.retrieval.home import PassagesHome
from memgraft.store.base import Store
from memgraft.store.open import open_store
from memgraft.store.postgres import PostgresStore
from memgraft.text.encoder import Encoder
from memgraft.text.open import open_encoder

# A memory that is only searched, with an encoder that needs none, loads no torch.
if TYPE_CHECKING:
    from memgraft.host.load import Host
    from memgraft.injection.home import InjectionHome

# How facts get into the weights: by the memory encoder that ships for the model, or solved for,
# as they are where none ships.
WRITERS = ("encoder", "closed-form")
WRITER_VARIABLE = "MEMGRAFT_WRITER"
ENCODER_VARIABLE = "MEMGRAFT_ENCODER"
DEFAULT_ENCODER = "minilm"
HOMES = {
    "weights": ("weights",),
    "passages": ("passages",),
    "both": ("weights", "passages"),
    "mag": ("mag",),
}


@dataclass(frozen=True)
class Opened:
    """A memory and the language model that its weights or its state are grafted onto."""

    memory: Memory
    host: Host


def check_home(home: str) -> str:
    """The name itself, or `InvalidInput` with the choices."""
    if home not in HOMES:
        raise InvalidInput(f"no home is called {home!r}", expected=" or ".join(HOMES), got=home)
    return home


def open_memory(
    store: str | None = None,
    *,
    home: str = "weights",
    model: str = DEFAULT_MODEL,
    writer: str | None = None,
    branch: str | Path | None = None,
    progress: Progress | None = None,
) -> Opened:
    """Open or create a memory.

    Args:
        store: a file, a `sqlite:///` or a `postgresql://` URL; the user's own file by default.
        home: `weights`, `passages`, `both` or `mag`.
        model: see `memgraft.host.load.load_host`.
        writer: `encoder` or `closed-form`; by default what MEMGRAFT_WRITER says, else `encoder`,
            which is the closed form for models that no encoder ships for.
        branch: for `mag`, the folder of the memory branches that the model is given; by default
            those that ship for it.
        progress: told how far long work is: fetching a bundle, and writing what another model or
            an interrupted process left unwritten.
    """
    check_home(home)
    if branch is not None and home != "mag":
        raise InvalidInput(
            "only the home mag has a memory branch", expected="home mag", got=f"home {home}"
        )
    writer = writer or os.environ.get(WRITER_VARIABLE) or WRITERS[0]
    if writer not in WRITERS:
        raise InvalidInput(f"no writer is called {writer!r}", expected=" or ".join(WRITERS))
    opened = open_store(store or default_store())
    try:
        if home == "mag":
            host = branched_host(model, branch, progress)
            homes: list[Home] = [mag_home(host, opened)]
        else:
            host, homes = _host_and_homes(opened, home, model, writer, progress)
        memory = Memory(opened, homes)
        memory.catch_up(progress)
    except BaseException:
        opened.close()
        raise
    return Opened(memory, host)


def _host_and_homes(
    opened: Store, home: str, model: str, writer: str, progress: Progress | None
) -> tuple[Host, list[Home]]:
    """The homes but for `mag`, and the model for them."""
    from memgraft.host.load import load_host
    from memgraft.text.minilm import MiniLM

    host = load_host(model, progress)
    encoder = MiniLM(progress=progress)
    homes: list[Home] = []
    if "weights" in HOMES[home]:
        homes.append(injection_home(host, encoder, homes_folder(opened) / "weights", writer))
    if "passages" in HOMES[home]:
        homes.append(retrieval_home(opened, _passages_encoder(encoder)))
    return host, homes


def open_retrieval(
    store: str | None = None,
    *,
    tenant: str = "",
    encoder: str | None = None,
    progress: Progress | None = None,
) -> Memory:
    """Open or create a memory that is only searched: no language model is loaded.

    Args:
        store: a file, a `sqlite:///` or a `postgresql://` URL; the user's own file by default.
        tenant: whose part of a store that several share.
        encoder: a name as in `memgraft.text.open`; by default what MEMGRAFT_ENCODER says, else
            `minilm`. Vectors of another encoder are refused: see `reembed`.
        progress: told how far long work is.
    """
    opened = open_store(store or default_store(), tenant)
    try:
        chosen = open_encoder(encoder_name(encoder), progress)
        memory = Memory(opened, [retrieval_home(opened, chosen)])
        memory.catch_up(progress)
    except BaseException:
        opened.close()
        raise
    return memory


def retrieval_home(store: Store, encoder: Encoder) -> Home:
    """Where the records of a store are searched: beside a file, or in the database itself.

    Raises:
        FolderError: the vectors there were made with another encoder; see `reembed`.
    """
    if isinstance(store, PostgresStore):
        from memgraft.retrieval.postgres_home import PostgresPassages

        return PostgresPassages(store, encoder)
    return PassagesHome(store, encoder, homes_folder(store) / "passages")


def reembed(
    store: str | None = None,
    *,
    tenant: str = "",
    encoder: str | None = None,
    progress: Progress | None = None,
) -> Memory:
    """`open_retrieval` after dropping the vectors, which are made anew from the store.

    What was learned by reading, strengths and associations, is dropped with them.
    """
    open_encoder(encoder_name(encoder), progress)  # a wrong name must not cost the vectors
    opened = open_store(store or default_store(), tenant, create=False)
    try:
        if isinstance(opened, PostgresStore):
            from memgraft.retrieval.postgres_vectors import drop_vectors

            drop_vectors(opened)
        else:
            shutil.rmtree(homes_folder(opened) / "passages", ignore_errors=True)
    finally:
        opened.close()
    return open_retrieval(store, tenant=tenant, encoder=encoder, progress=progress)


def encoder_name(given: str | None) -> str:
    return given or os.environ.get(ENCODER_VARIABLE) or DEFAULT_ENCODER


def _passages_encoder(router: Encoder) -> Encoder:
    """The encoder of passages: the router's where it is the same, so that it is loaded once."""
    name = encoder_name(None)
    return router if name == DEFAULT_ENCODER else open_encoder(name)


def injection_home(host: Host, encoder: Encoder, folder: Path, writer: str) -> InjectionHome:
    """The weights home of a model.

    What is written depends on the model, the writer and the router, so each set of them has a
    folder of its own, and facts are written again from the store when one of them changes.
    """
    from memgraft.injection.home import InjectionHome
    from memgraft.injection.pretrained import shipped_encoder
    from memgraft.injection.router import shipped_router

    writes = shipped_encoder(host) if writer == "encoder" else None
    parts = [host.fingerprint, writes.fingerprint() if writes else writer]
    parts.append(shipped_router(encoder).id)
    name = hashlib.sha256(" ".join(parts).encode()).hexdigest()[:16]
    return InjectionHome(host, encoder, folder / name, memory_encoder=writes)


def branched_host(
    model: str = DEFAULT_MODEL, branch: str | Path | None = None, progress: Progress | None = None
) -> Host:
    """A model with memory branches.

    Args:
        model: see `load_host`; either the base, or a patched model that was saved whole. If it is
            the default and a branch is given, the base that the branch was trained for.
        branch: a folder that `memgraft train mag` wrote, or the name of a branch that ships; by
            default what ships for the model.

    Raises:
        ModelError: no branches are given, and none ship.
        FolderError: the branches cannot be read, or are another base's.
    """
    import memgraft.mag.models  # noqa: F401  (so that whole models are known)
    from memgraft.mag.checkpoint import load_base, patched_with, read_branch, shipped_branch

    ships = shipped_branch(model) if model in BUNDLES else None
    path = ships if branch is None else Path(branch)
    if path is not None or model not in BUNDLES:
        from memgraft.host.load import load_host, make_host

        if path is not None:
            saved = read_branch(path)
            by_name = branch is not None and model == DEFAULT_MODEL
            base = load_base(saved, path) if by_name else load_host(model, progress)
            return make_host(patched_with(saved, base), base.tokenizer, base.name)
        host = load_host(model, progress)
        if hasattr(host.model, "branches"):
            return host
    raise ModelError(
        f"no memory branches ship for {model}",
        expected="a model with memory branches, or a folder of branches for it",
        got=model,
        next_step="train them with `memgraft train mag`, and name their folder with --branch",
    )


def mag_home(host: Host, store: Store) -> Home:
    """The home of the states of a model with memory branches; each model has a folder of its own,
    and the records are streamed through again from the store when it changes."""
    from memgraft.mag.home import MagHome, identity

    return MagHome(host, store, homes_folder(store) / "mag" / identity(host))


def homes_folder(store: Store) -> Path:
    """Where the homes of a store keep what they compiled from it on this computer: beside the
    store's file, or, where there is none, with the user's own data."""
    if isinstance(store, PostgresStore):
        name = hashlib.sha256(f"{store.location} {store.tenant}".encode()).hexdigest()[:16]
        return data_folder() / "homes" / name
    path = Path(store.location)
    return path.with_name(path.name + ".homes")
