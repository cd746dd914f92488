"""`memgraft mcp`: the memory as tools of the Model Context Protocol."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from memgraft.cli import options
from memgraft.cli.progress import Bars, prepare_libraries
from memgraft.cli.retrieval import Encoder


class Transport(StrEnum):
    """How clients reach the server."""

    stdio = "stdio"
    http = "http"


def mcp(
    store: options.Store = None,
    user: Annotated[
        str, typer.Option(help="Whose memories, where a call names nobody.")
    ] = options.DEFAULT_USER,
    encoder: Encoder = None,
    transport: Annotated[
        Transport, typer.Option(help="stdio (a client starts this command) or http.")
    ] = Transport.stdio,
    host: Annotated[str, typer.Option(help="For http: an address of this computer.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="For http.", min=0, max=65_535)] = 8124,
) -> None:
    """Serve the memory to MCP clients: add, search, get, list, update, delete, history."""
    from memgraft.serve import mcp as server

    if transport is Transport.http:
        server.check_host(host)
    prepare_libraries()
    from memgraft.open import open_retrieval

    with Bars() as bars:
        opened = open_retrieval(store, encoder=encoder, progress=bars)
    with opened as memory:
        if transport is Transport.http:
            server.serve_http(memory, user, host, port)
        else:
            server.serve_stdio(memory, user)
