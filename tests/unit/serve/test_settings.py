"""Settings from options and variables."""

from __future__ import annotations

import pytest

from memgraft.core.errors import InvalidInput
from memgraft.serve.limits import RateLimiter
from memgraft.serve.settings import ServeSettings, from_environment, is_loopback


def test_options_go_before_variables() -> None:
    variables = {"MEM0_BASE_URL": "http://0.0.0.0:9000/", "MEMGRAFT_PORT": "9001",
                 "MEMGRAFT_MAX_BODY": "1000", "MEMGRAFT_HOME": "both",
                 "MEMGRAFT_LOCAL_WEBHOOKS": "true"}  # fmt: skip
    settings = from_environment(variables, port=None, rate=7)
    assert settings == ServeSettings(
        host="0.0.0.0", port=9001, max_body=1000, home="both", rate=7, local_webhooks=True
    )
    assert not from_environment({"MEMGRAFT_LOCAL_WEBHOOKS": "0"}).local_webhooks
    assert from_environment(settings.environment()) == settings
    assert settings.public and not ServeSettings().public
    assert from_environment({"MEM0_BASE_URL": "https://api.mem0.ai"}) == ServeSettings()
    assert ServeSettings(host="[::1]").url == "http://[::1]:8123"


@pytest.mark.parametrize(
    "variables",
    [{"MEM0_BASE_URL": "nonsense"}, {"MEM0_BASE_URL": "http://x:99999"}, {"MEMGRAFT_PORT": "x"},
     {"MEMGRAFT_PORT": "-1"}, {"MEMGRAFT_RATE": "-1"}, {"MEMGRAFT_HOME": "castle"},
     {"MEMGRAFT_LOG_LEVEL": "loud"}, {"MEMGRAFT_LOCAL_WEBHOOKS": "perhaps"}],
)  # fmt: skip
def test_what_cannot_be_used(variables: dict[str, str]) -> None:
    with pytest.raises(InvalidInput):
        from_environment(variables)


def test_names_of_this_computer() -> None:
    here = ["localhost", "LOCALHOST", "127.0.0.1", "127.9.9.9", "::1", "[::1]", "a.localhost"]
    assert all(map(is_loopback, here))
    assert not any(
        map(is_loopback, ["0.0.0.0", "::", "10.0.0.1", "example.com", "", "localhost.x"])
    )


def test_a_bucket_fills_again() -> None:
    moment = 0.0
    limiter = RateLimiter(clock=lambda: moment)
    assert [limiter.wait("a", 2) for _ in range(3)] == [0, 0, 30]
    assert limiter.wait("b", 2) == 0 and limiter.wait("a", 0) == 0
    moment = 31.0
    assert limiter.wait("a", 2) == 0 and limiter.wait("a", 2) > 0
