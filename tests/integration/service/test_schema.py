"""Every route under requests that its own description allows and forbids: no 5xx, no surprise.

MEMGRAFT_CASES is how many requests each operation gets.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from memgraft.serve import schemas
from memgraft.serve.app import create_app
from memgraft.serve.settings import ServeSettings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

CASES = int(os.environ.get("MEMGRAFT_CASES", "12"))
KEY = {"Authorization": "Token sesame"}
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


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    store = tmp_path_factory.mktemp("schema") / "memory.db"
    app = create_app(ServeSettings(store=str(store), encoder="static", api_key="sesame"))
    with TestClient(app, headers=KEY) as client:
        for text in ("I like tea", "My dentist is Dr. Okafor"):
            body = {"messages": text, "user_id": "alex", "infer": False}
            assert client.post("/v3/memories/add/", json=body).status_code == 200
        yield app


@pytest.fixture(scope="module")
def description(app: FastAPI) -> schemathesis.BaseSchema:
    return schemathesis.openapi.from_asgi("/openapi.json", app)


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
    @given(case=operation.as_strategy(), body=BODIES)
    @settings(
        max_examples=CASES, deadline=None, derandomize=True, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    def all_hold(case: schemathesis.Case, body: Any) -> None:
        if wrong:
            case.body = body
        response = case.call(headers=KEY)
        asked[response.status_code] += 1
        case.validate_response(response, checks=CHECKS)

    all_hold()


def test_there_were_requests_of_all_kinds() -> None:
    """Runs last in this file."""
    assert asked.total() > 30 * CASES
    assert asked[200] > asked.total() / 10
    print("\nstatus codes:", dict(sorted(asked.items())))


def test_all_documented(app: FastAPI) -> None:
    """Each operation says in words what it is for, or its name does."""
    for path, operations in app.openapi()["paths"].items():
        for method, operation in operations.items():
            assert operation.get("summary") or operation.get("description"), (method, path)
