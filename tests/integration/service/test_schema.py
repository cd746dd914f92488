"""Every route under requests that its own description allows and forbids: no 5xx, no surprise.

MEMGRAFT_CASES is how many requests each operation gets.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from databases import fresh_database
from memgraft.serve import schemas
from running import Running

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

CASES = int(os.environ.get("MEMGRAFT_CASES", "16"))
SECRET = "sesame"
KEY = {"Authorization": f"Token {SECRET}"}
CHECKS = [
    not_a_server_error,
    response_schema_conformance,
    status_code_conformance,
    content_type_conformance,
]
asked: Counter[int] = Counter()
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda part: st.lists(part, max_size=4) | st.dictionaries(st.text(), part, max_size=4),
    max_leaves=5,
)
NAMES = {
    name
    for schema in vars(schemas).values()
    if isinstance(schema, type) and issubclass(schema, schemas.Body)
    for name in schema.model_fields
}
BODIES = st.dictionaries(st.sampled_from(sorted(NAMES)), JSON, max_size=4) | JSON


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("schema")
    with ExitStack() as stack:
        location = str(folder / "memory.db")
        if request.param == "postgresql":
            location = stack.enter_context(fresh_database())
        yield from serving(Running(location, folder / "log.txt", "--api-key", SECRET))


def serving(running: Running) -> Iterator[Running]:
    with running, running.client(SECRET) as client:
        for text in ("I like tea", "My dentist is Dr. Okafor"):
            body = {"messages": text, "user_id": "alex", "infer": False}
            assert client.post("/v3/memories/add/", json=body).status_code == 200
        yield running
    assert not running.errors()


@pytest.fixture(scope="module")
def description(server: Running) -> schemathesis.BaseSchema:
    return schemathesis.openapi.from_url(server.url + "/openapi.json")


@pytest.mark.parametrize("wrong", [False, True], ids=["as described", "any JSON"])
def test_requests(description: schemathesis.BaseSchema, wrong: bool) -> None:
    """What the description allows; and bodies of any JSON, with the names that it knows."""
    problems = []
    for found in description.get_all_operations():
        operation = found.ok()
        if wrong and not operation.body:
            continue
        try:
            ask(operation, wrong)
        except Exception as error:
            problems.append(f"{operation.label}: {error}"[:1500])
    assert not problems, "\n\n".join(problems)


def ask(operation: Any, wrong: bool) -> None:
    @given(drawn=BODIES if wrong else operation.as_strategy())
    @settings(
        max_examples=CASES, deadline=None, derandomize=True, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    def all_hold(drawn: Any) -> None:
        case = with_body(operation, drawn) if wrong else drawn
        response = case.call(headers=KEY)
        asked[response.status_code] += 1
        case.validate_response(response, checks=CHECKS)

    all_hold()


def with_body(operation: Any, body: Any) -> schemathesis.Case:
    names = [parameter.name for parameter in operation.path_parameters]
    return operation.Case(
        path_parameters=dict.fromkeys(names, "default"),
        body=body,
        media_type="application/json",
    )


def test_there_were_requests_of_all_kinds() -> None:
    """Runs last in this file."""
    assert asked.total() > 30 * CASES
    assert asked[200] > asked.total() / 10
    print("\nstatus codes:", dict(sorted(asked.items())))
