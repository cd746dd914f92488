"""`memgraft serve` and `memgraft keys`: a memory that mem0's clients can be pointed at."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from memgraft.cli import options
from memgraft.core.errors import InvalidInput, MissingExtra
from memgraft.core.paths import default_store

if TYPE_CHECKING:
    from memgraft.serve.keys import Key, KeyRing
    from memgraft.serve.settings import ServeSettings

keys = typer.Typer(help="API keys of a server's store.", no_args_is_help=True)

_APP = "memgraft.serve.app:create_worker"
# Seconds that requests under way may still take when the server is told to stop.
_GRACE = 20
# Beyond so many, a worker answers 503 at once.
_CONNECTIONS = 1_000


def serve(
    host: Annotated[
        str | None, typer.Option(help="Address to listen on; 127.0.0.1 by default.")
    ] = None,
    port: Annotated[int | None, typer.Option(help="Port; 8123 by default.")] = None,
    store: options.Store = None,
    home: Annotated[
        str | None, typer.Option(help="passages, weights or both; passages by default.")
    ] = None,
    encoder: Annotated[
        str | None, typer.Option(help="What embeds texts; see `memgraft reembed`.")
    ] = None,
    api_key: Annotated[
        str | None,
        typer.Option(
            help="A key that may do everything. Others of this computer can read it in the list of "
            "processes: MEMGRAFT_API_KEY is better, `memgraft keys` best."
        ),
    ] = None,
    rate: Annotated[int | None, typer.Option(help="Requests a minute of a key; 0: any.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes that answer.")] = 1,
    local_webhooks: Annotated[
        bool | None,
        typer.Option(
            "--local-webhooks",
            help="Webhooks may go to this computer and its network, though keys are needed.",
        ),
    ] = None,
) -> None:
    """Serve memories to mem0's clients. Options can be variables too: MEMGRAFT_PORT and so on."""
    try:
        import fastapi  # noqa: F401
        import prometheus_client  # noqa: F401
        import uvicorn
    except ImportError as error:
        raise MissingExtra("the server", "serve") from error
    from memgraft.serve.settings import from_environment

    settings = from_environment(
        host=host, port=port, store=store, home=home, encoder=encoder, api_key=api_key, rate=rate,
        local_webhooks=local_webhooks,
    )  # fmt: skip
    place = _checked(settings)
    os.environ.update(settings.environment())
    typer.echo(f"memgraft serves {place} on {settings.url}")
    with tempfile.TemporaryDirectory(prefix="memgraft-") as folder:
        if workers > 1:
            os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", folder)
        uvicorn.run(
            _APP,
            factory=True,
            host=settings.host,
            port=settings.port,
            workers=workers,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=_GRACE,
            limit_concurrency=_CONNECTIONS,
        )


@keys.command("create")
def create(
    name: Annotated[str, typer.Argument(help="Whom the key is for.")],
    tenant: Annotated[
        str, typer.Option(help="Whose memories; tenants never see each other's.")
    ] = "",
    right: Annotated[
        list[str] | None, typer.Option(help="read, write or admin; all if not given.")
    ] = None,
    rate: Annotated[
        int | None, typer.Option(min=0, help="Requests a minute, instead of the server's.")
    ] = None,
    size: Annotated[
        int | None, typer.Option(min=1, help="Bytes of a request, instead of the server's.")
    ] = None,
    expires: Annotated[
        str | None, typer.Option(help="Last day of the key, such as 2027-01-31.")
    ] = None,
    store: options.Store = None,
    as_json: options.Json = False,
) -> None:
    """Make a key. It is shown this once: the store keeps its hash."""
    from memgraft.serve.keys import RIGHTS
    from memgraft.serve.operations import expiry
    from memgraft.store.open import open_store

    location = store or str(default_store())
    open_store(location, tenant).close()  # a wrong name is told now, and a new tenant is made
    with _ring(location) as ring:
        secret, key = ring.create(name, tenant, right or RIGHTS, rate, size, expiry(expires))
    if as_json:
        typer.echo(json.dumps({"key": secret, **_shown(key)}))
    else:
        typer.echo(secret)


@keys.command("list")
def list_keys(store: options.Store = None, as_json: options.Json = False) -> None:
    """Show the keys, but not their secrets."""
    with _ring(store or str(default_store())) as ring:
        found = [_shown(key) for key in ring.list()]
    if as_json:
        typer.echo(json.dumps(found))
        return
    for key in found:
        typer.echo("  ".join(f"{name}={value}" for name, value in key.items() if value))
    if not found:
        typer.echo("no keys: a server on this computer lets in whoever asks from it")


@keys.command("revoke")
def revoke(
    key_id: Annotated[str, typer.Argument(help="As `memgraft keys list` shows it.")],
    store: options.Store = None,
) -> None:
    """Take a key back; servers that run notice within two seconds."""
    with _ring(store or str(default_store())) as ring:
        ring.revoke(key_id)
    typer.echo(f"{key_id} is revoked")


@contextlib.contextmanager
def _ring(location: str) -> Iterator[KeyRing]:
    from memgraft.serve.keys import KeyRing
    from memgraft.store.open import open_store

    with contextlib.closing(open_store(location)) as store:
        yield KeyRing(store)


def _shown(key: Key) -> dict[str, object]:
    return {
        "id": key.id, "name": key.name, "tenant": key.tenant, "rights": list(key.rights),
        "rate": key.rate, "size": key.size, "expires_at": key.expires_at,
        "created_at": key.created_at,
    }  # fmt: skip


def _checked(settings: ServeSettings) -> str:
    """Where the store is, without secrets. What would fail in every worker is told here, once.

    Other computers may reach a server only if it asks for keys that somebody has.
    """
    from memgraft.store.open import open_store

    location = settings.store or str(default_store())
    with contextlib.closing(open_store(location)) as store:
        place = store.location
    if settings.public and not settings.api_key:
        with _ring(location) as ring:
            if not ring.list():
                raise InvalidInput(
                    "a server that other computers can reach needs a key",
                    expected="--host 127.0.0.1, or a key",
                    got=f"--host {settings.host} without one",
                    next_step="set MEMGRAFT_API_KEY, or make a key: memgraft keys create NAME",
                )
    return place
