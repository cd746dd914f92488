"""What a server is told: by options of the command, else by variables of the environment."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from urllib.parse import urlsplit

from memgraft.core.bundles import DEFAULT_MODEL
from memgraft.core.errors import InvalidInput

PREFIX = "MEMGRAFT_"
# Where mem0's clients are told to go; a server without other orders listens there.
BASE_URL = "MEM0_BASE_URL"
LOG_LEVELS = ("debug", "info", "warning", "error")
_SWITCH = {"true": True, "1": True, "false": False, "0": False, "": False}


@dataclass(frozen=True)
class ServeSettings:
    """Everything that a server process depends on; each field can be MEMGRAFT_<NAME> instead."""

    host: str = "127.0.0.1"
    port: int = 8123
    # A file or URL; the user's own if empty.
    store: str = ""
    # What records are compiled into: passages, weights or both.
    home: str = "passages"
    model: str = DEFAULT_MODEL
    encoder: str = ""
    # A key that may do everything in the tenant "". Others are kept in the store.
    api_key: str = ""
    # Requests a minute of one key, unless the key has a limit of its own; 0 is none.
    rate: int = 0
    # Bytes of a request's body.
    max_body: int = 8 * 1024 * 1024
    # Seconds that the body of a request may take.
    patience: float = 60.0
    # Webhooks may go to this computer and its network, though keys are needed.
    local_webhooks: bool = False
    log_level: str = "info"

    def __post_init__(self) -> None:
        for name, least in (("port", 0), ("rate", 0), ("max_body", 1), ("patience", 0.1)):
            value = getattr(self, name)
            if value < least or (name == "port" and value > 65_535):
                raise InvalidInput(f"{name} cannot be used", got=str(value))
        if self.home not in ("passages", "weights", "both"):
            raise InvalidInput(
                f"no home is called {self.home!r}", expected="passages, weights or both"
            )
        if self.log_level not in LOG_LEVELS:
            raise InvalidInput(
                f"no log level is called {self.log_level!r}", expected=", ".join(LOG_LEVELS)
            )
        # As addresses are written in URLs.
        object.__setattr__(self, "host", self.host.strip("[]"))

    @property
    def url(self) -> str:
        """Where the server is asked."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    @property
    def public(self) -> bool:
        """True if other computers can reach the address."""
        return not is_loopback(self.host)

    def environment(self) -> dict[str, str]:
        """The variables from which `from_environment` makes the same settings."""
        return {PREFIX + name.upper(): str(value) for name, value in asdict(self).items()}


def from_environment(variables: Mapping[str, str] = os.environ, **given: object) -> ServeSettings:
    """Settings from MEMGRAFT_* and MEM0_BASE_URL; what is given and not None goes first.

    Raises:
        InvalidInput: a value of the wrong kind.
    """
    values: dict[str, object] = {}
    url = variables.get(BASE_URL, "")
    # A server behind TLS is somebody else's, or behind a proxy of its own.
    if url and not url.startswith("https://"):
        values["host"], values["port"] = _split(url)
    for field in fields(ServeSettings):
        text = variables.get(PREFIX + field.name.upper())
        if text is not None:
            values[field.name] = _converted(field.name, text)
    values |= {name: value for name, value in given.items() if value is not None}
    return ServeSettings(**values)  # type: ignore[arg-type]


def is_loopback(host: str) -> bool:
    """True for names and addresses of this computer alone."""
    name = host.strip("[]").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _split(url: str) -> tuple[str, int]:
    try:
        parts = urlsplit(url)
        port = parts.port or 80
    except ValueError:
        parts, port = urlsplit(""), 0
    if parts.scheme != "http" or not parts.hostname:
        raise InvalidInput(
            f"{BASE_URL} cannot be used", expected="http://127.0.0.1:8123", got=repr(url)
        )
    return parts.hostname, port


def _converted(name: str, text: str) -> object:
    kind = type(getattr(ServeSettings, name))
    try:
        return _SWITCH[text.lower()] if kind is bool else kind(text)
    except (KeyError, ValueError) as error:
        raise InvalidInput(
            f"{PREFIX}{name.upper()} cannot be used", expected=kind.__name__, got=repr(text)
        ) from error
