"""Runs an unmodified mem0 client for Python: requests are lines of stdin, answers of stdout.

    {"open": NAME, "options": {...}}                      MemoryClient(**options)
    {"on": NAME, "call": "project.get", "args": [...], "options": {...}}
    {"reached": true}                                     every host that this process turned to

A call that raises is answered by the exception's type, its bases and its message.
"""

from __future__ import annotations

import json
import sys
from typing import Any

HERE = "127.0.0.1"
reached: set[str] = set()


def guard(event: str, args: tuple[Any, ...]) -> None:
    """Note every host that is looked up or connected to; refuse all but this computer's."""
    if event == "socket.connect":
        host = args[1][0] if isinstance(args[1], tuple) else args[1]
    elif event == "socket.getaddrinfo":
        host = args[0]
    else:
        return
    reached.add(host.decode() if isinstance(host, bytes) else str(host))
    if host not in (HERE, HERE.encode()):
        raise PermissionError(f"the tests let nothing reach {host}")


def answer(request: dict[str, Any], clients: dict[str, Any]) -> Any:
    from mem0 import MemoryClient

    if "reached" in request:
        return sorted(reached)
    if "open" in request:
        client = clients[request["open"]] = MemoryClient(**request["options"])
        return {"org_id": client.org_id, "project_id": client.project_id}
    target = clients[request["on"]]
    for name in request["call"].split("."):
        target = getattr(target, name)
    return target(*request["args"], **request["options"])


def main() -> None:
    sys.addaudithook(guard)
    answers, sys.stdout = sys.stdout, sys.stderr  # what libraries print is no answer
    clients: dict[str, Any] = {}
    for line in sys.stdin:
        try:
            said = {"result": answer(json.loads(line), clients)}
        except Exception as error:
            kinds = [kind.__name__ for kind in type(error).__mro__]
            said = {"error": {"kinds": kinds, "message": str(error)}}
        print(json.dumps(said), file=answers, flush=True)


if __name__ == "__main__":
    main()
