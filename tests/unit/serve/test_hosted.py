"""mem0's hosted routes: shapes, scopes and errors."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date

import pytest
from fastapi.testclient import TestClient

Add = Callable[..., str]
JSON = {"content-type": "application/json"}


def texts(answer: object) -> list[str]:
    found = answer["results"] if isinstance(answer, dict) else answer
    return [one["memory"] for one in found]  # type: ignore[union-attr,index]


def test_ping_names_an_organisation_and_a_project(client: TestClient) -> None:
    answer = client.get("/v1/ping/").json()
    assert answer["status"] == "ok"
    assert answer["org_id"] and answer["project_id"]


def test_a_slash_at_the_end_of_a_host_does_no_harm(client: TestClient) -> None:
    assert client.get("http://127.0.0.1:8123//v1/ping/").status_code == 200


@pytest.mark.parametrize("path", ["/v1/memories/", "/v3/memories/add/", "/memories"])
def test_adding_tells_the_event(client: TestClient, path: str) -> None:
    body = {"messages": "I like tea", "user_id": "alex", "infer": False}
    first = client.post(path, json=body).json()
    assert first["status"] == "SUCCEEDED" and first["event_id"]
    [added] = first["results"]
    assert (added["event"], added["memory"], added["data"]) == (
        "ADD", "I like tea", {"memory": "I like tea"},
    )  # fmt: skip
    [again] = client.post(path, json=body).json()["results"]
    assert (again["event"], again["id"]) == ("NONE", added["id"])


def test_facts_are_taken_out_of_every_message(client: TestClient) -> None:
    messages = [
        {"role": "user", "content": "Hi! My name is Yusuf. What's the weather?"},
        {"role": "assistant", "content": "Hello Yusuf, I am a helpful assistant."},
        {"role": "user", "content": "Thanks. I work at Google"},
    ]
    answer = client.post("/v3/memories/add/", json={"messages": messages, "user_id": "y"})
    assert texts(answer.json()) == ["My name is Yusuf", "I work at Google"]


def test_a_contradiction_supersedes(client: TestClient) -> None:
    for text in ("My name is Yusuf", "My name is Ada"):
        answer = client.post("/v3/memories/add/", json={"messages": text, "user_id": "y"}).json()
    assert answer["results"][0]["event"] == "UPDATE"
    assert texts(client.get("/v1/memories/?user_id=y").json()) == ["My name is Ada"]
    lines = client.get(f"/v1/memories/{answer['results'][0]['id']}/history/").json()
    assert [line["event"] for line in lines] == ["ADD", "UPDATE", "ADD"]


@pytest.mark.parametrize("path", ["/v1/memories/", "/v3/memories/add/", "/memories"])
def test_as_given_nothing_is_superseded(client: TestClient, path: str) -> None:
    messages = [
        {"role": "user", "content": "I live in Lisbon"},
        {"role": "assistant", "content": "I live in Porto"},
    ]
    for said, events in ((messages, ["ADD", "ADD"]), ("I live in Faro", ["ADD"])):
        body = {"messages": said, "user_id": "y", "infer": False}
        results = client.post(path, json=body).json()["results"]
        assert [one["event"] for one in results] == events
    left = texts(client.get("/v1/memories/?user_id=y").json())
    assert left == ["I live in Faro", "I live in Porto", "I live in Lisbon"]


def test_adding_without_a_scope_is_refused(client: TestClient) -> None:
    answer = client.post("/v3/memories/add/", json={"messages": "I like tea"})
    assert answer.status_code == 400
    assert "user_id" in answer.json()["detail"]


def test_ids_may_stand_in_filters(client: TestClient, add: Add) -> None:
    add("I like tea", user_id=None, filters={"AND": [{"user_id": "f"}, {"run_id": "r"}]})
    [found] = client.post("/v3/memories/", json={"filters": {"run_id": "r"}}).json()["results"]
    assert (found["user_id"], found["run_id"]) == ("f", "r")


def test_each_version_lists_in_its_shape(client: TestClient, add: Add) -> None:
    for number in range(5):
        add(f"Fact number {number}")
    bare = client.get("/v1/memories/", params={"user_id": "alex"}).json()
    assert texts(bare) == [f"Fact number {number}" for number in (4, 3, 2, 1, 0)]
    paged = {"user_id": "alex", "page": 2, "page_size": 2}
    page = client.get("/v1/memories/", params=paged).json()
    assert texts(page) == ["Fact number 2", "Fact number 1"]
    for path in ("/v2/memories/", "/v3/memories/"):
        asked = {"filters": {"user_id": "alex"}}
        page = client.post(path, json=asked, params={"page": 3, "page_size": 2}).json()
        assert (page["count"], page["next"], texts(page)) == (5, None, ["Fact number 0"])
        assert page["previous"].endswith("?page=2&page_size=2")
    page = client.get("/v1/memories/?user_id=alex&page=1&page_size=2").json()
    assert page["next"].endswith("?user_id=alex&page=2&page_size=2")
    add("Fact of another", user_id="bo")
    assert client.get(page["next"]).json()["count"] == 5


@pytest.mark.parametrize("path", ["/v1/memories/search/", "/v2/memories/search/",
                                  "/v3/memories/search/", "/search"])  # fmt: skip
def test_searching(client: TestClient, add: Add, path: str) -> None:
    wanted = add("My dentist is Dr. Okafor", metadata={"kind": "health"})
    add("I drive an old red car", metadata={"kind": "things"})
    add("My dentist is Dr. Foreign", user_id="somebody else")
    body = {"query": "who is my dentist?", "filters": {"user_id": "alex"}, "top_k": 2}
    answer = client.post(path, json=body).json()
    found = answer["results"] if isinstance(answer, dict) else answer
    assert isinstance(answer, list) == (path == "/v1/memories/search/")
    assert found[0]["id"] == wanted
    assert all(one["user_id"] == "alex" and 0 <= one["score"] <= 1 for one in found)
    body["filters"] = {"user_id": "alex", "metadata": {"kind": "things"}}
    answer = client.post(path, json=body).json()
    assert texts(answer) == ["I drive an old red car"]


def test_search_fields_and_threshold(client: TestClient, add: Add) -> None:
    add("My dentist is Dr. Okafor")
    body = {"query": "my dentist", "user_id": "alex", "fields": ["created_at"], "threshold": 0.0}
    [found] = client.post("/v3/memories/search/", json=body).json()["results"]
    assert set(found) == {"id", "memory", "created_at", "score"}
    body |= {"query": "quantum chromodynamics", "threshold": 1.0}
    assert client.post("/v3/memories/search/", json=body).json()["results"] == []


def test_filters_nest(client: TestClient, add: Add) -> None:
    add("tea", metadata={"n": 1}, categories=["drink"])
    add("cake", metadata={"n": 2}, categories=["food", "sweet"])
    add("rye bread", metadata={"n": 3}, categories=["food"])
    add("coffee", user_id=None, agent_id="waiter")

    def listed(filters: object) -> set[str]:
        return set(texts(client.post("/v3/memories/", json={"filters": filters}).json()))

    alex = {"user_id": "alex"}
    assert listed({"user_id": "*"}) == {"tea", "cake", "rye bread"}
    assert listed({"OR": [{"agent_id": "waiter"}, {"metadata": {"n": 1}}]}) == {"coffee", "tea"}
    assert listed({**alex, "categories": {"in": ["food"]}}) == {"cake", "rye bread"}
    assert listed({**alex, "categories": {"contains": "sweet"}}) == {"cake"}
    assert listed({**alex, "NOT": [{"categories": {"contains": "food"}}]}) == {"tea"}
    assert listed({"AND": [alex, {"metadata": {"n": {"gte": 2}}}]}) == {"cake", "rye bread"}
    assert listed({**alex, "keywords": {"icontains": "BREAD"}}) == {"rye bread"}
    add("a house", metadata={"address": {"city": "Porto"}})
    assert listed({**alex, "metadata": {"address": {"city": "Porto"}}}) == {"a house"}
    assert client.delete("/v1/memories/", params={"filters": "{'keywords': 'house'}"}).is_success
    assert listed({**alex, "created_at": {"gte": "2020-01-01", "lte": "2999-01-01"}}) == {
        "tea", "cake", "rye bread",
    }  # fmt: skip
    assert listed({**alex, "created_at": {"lt": "2020-01-01"}}) == set()
    assert listed({"user_id": {"in": ["alex", "nobody"]}, "metadata": {"n": {"ne": 1}}}) == {
        "cake", "rye bread",
    }  # fmt: skip


@pytest.mark.parametrize(
    "filters",
    [{"colour": "red"}, {"user_id": {"about": "x"}}, {"AND": "x"}, {"created_at": {"gte": "soon"}},
     {"metadata": 5}, {"memory_ids": {"in": "abc"}}],
)  # fmt: skip
def test_filters_that_mean_nothing_are_refused(client: TestClient, filters: object) -> None:
    answer = client.post("/v3/memories/", json={"filters": filters})
    assert answer.status_code == 400
    assert isinstance(answer.json()["detail"], str)


def test_getting_updating_and_deleting(client: TestClient, add: Add) -> None:
    memory_id = add("I like tea", metadata={"old": True}, expiration_date="2999-01-01")
    path = f"/v1/memories/{memory_id}/"
    shown = client.get(path).json()
    assert (shown["memory"], shown["expiration_date"]) == ("I like tea", "2999-01-01")
    body = {"text": "I like green tea", "metadata": {"new": 1}, "expiration_date": None}
    shown = client.put(path, json=body).json()
    assert (shown["memory"], shown["metadata"], shown["expiration_date"]) == (
        "I like green tea", {"new": 1}, None,
    )  # fmt: skip
    lines = client.get(path + "history/").json()
    assert [(line["event"], line["new_memory"]) for line in lines] == [
        ("ADD", "I like tea"), ("UPDATE", "I like green tea"),
    ]  # fmt: skip
    assert client.put(path, json={}).status_code == 400
    assert client.delete(path).json()["message"]
    for answer in (client.get(path), client.delete(path), client.put(path, json={"text": "x"})):
        assert answer.status_code == 404
        assert isinstance(answer.json()["detail"], str)
    assert client.get(path + "history/").json()[-1]["event"] == "DELETE"
    assert client.get("/v1/memories/unknown/history/").status_code == 404


def test_deleting_all_needs_a_scope(client: TestClient, add: Add) -> None:
    add("I like tea")
    for query in ("", "?org_id=o&project_id=p", "?filters=%5Bobject+Object%5D", "?filters=%7B%7D",
                  "?user_id=", "?colour=red&user_id=alex", "?filters={1:2}"):  # fmt: skip
        answer = client.delete("/v1/memories/" + query)
        assert answer.status_code == 400, query
    assert client.get("/v1/memories/?user_id=alex").json()


@pytest.mark.parametrize(
    "filters",
    [{"metadata": {}}, {"created_at": {}}, {"user_id": {}}, {"categories": {}}, {"OR": [{}]},
     {"NOT": []}, {"AND": []}, {"memory_ids": []}, {"AND": [{"user_id": "alex"}, {}]},
     {"metadata": {"topic": {}}}, {"metadata": {"topic": None}},
     {"metadata": {"topic": {"nin": []}}}, {"metadata": {"topic": {"ne": ""}}}, {"keywords": ""},
     {"keywords": {"contains": ""}}, {"keywords": {"icontains": ""}}, {"user_id": {"nin": []}},
     {"agent_id": None},
     {"agent_id": {"eq": None}}, {"user_id": {"ne": ""}}, {"user_id": {"nin": [None]}},
     {"NOT": [{"user_id": {"in": []}}]}, {"NOT": {"memory_ids": None}}, {"expiration_date": None}],
)  # fmt: skip
def test_conditions_that_say_nothing_delete_nothing(
    client: TestClient, add: Add, filters: dict[str, object]
) -> None:
    add("I like tea")
    answer = client.delete("/v1/memories/", params={"filters": repr(filters)})
    assert answer.status_code == 400
    assert client.get("/v1/memories/").json()


@pytest.mark.parametrize(
    "condition",
    [{"metadata": {"topic": {}}}, {"metadata": {"topic": {"nin": []}}}, {"keywords": ""},
     {"keywords": {"contains": ""}}, {"keywords": {"icontains": ""}}, {"user_id": {"nin": []}}],
)  # fmt: skip
def test_conditions_that_all_fulfil_are_refused_everywhere(
    client: TestClient, condition: dict[str, object]
) -> None:
    answer = client.post("/v3/memories/", json={"filters": condition})
    assert answer.status_code == 400
    assert "says nothing" in answer.json()["detail"]


@pytest.mark.parametrize(
    "body",
    [{"filters": {"created_at": {"gte": "0001-01-01T00:00:00+23:59"}}},
     {"filters": {"created_at": {"lte": "9999-12-31T23:59:59-01:00"}}},
     {"start_date": "0001-01-01T00:00:00+23:59"}, {"end_date": "9999-12-31T23:59:59-01:00"}],
)  # fmt: skip
def test_times_that_utc_does_not_have(client: TestClient, body: dict[str, object]) -> None:
    assert client.post("/v3/memories/", json=body).status_code == 400


def test_what_a_memory_took_the_place_of_goes_with_it_if_asked(client: TestClient) -> None:
    ids = []
    for text in ("My name is Yusuf", "My name is Ada", "My name is Eve"):
        body = {"messages": text, "user_id": "y"}
        ids.append(client.post("/v3/memories/add/", json=body).json()["results"][0]["id"])
    oldest, middle, newest = (f"/v1/memories/{memory_id}/" for memory_id in ids)
    assert client.delete(middle, params={"delete_linked": "false"}).status_code == 200
    assert client.get(oldest).status_code == 200
    ids.append(client.post("/v3/memories/add/", json=body | {"messages": "My name is Zoe"})
               .json()["results"][0]["id"])  # fmt: skip
    assert client.delete(f"/v1/memories/{ids[-1]}/?delete_linked=true").status_code == 200
    assert client.get(newest).status_code == 404
    assert client.get(oldest).status_code == 200, "the line was broken before it"
    assert client.delete(newest, params={"delete_linked": True}).status_code == 404


@pytest.mark.parametrize("query", ["user_id=&agent_id=bot", "user_id=a&user_id=b", "filters="])
def test_doubtful_ids_delete_nothing(client: TestClient, add: Add, query: str) -> None:
    add("I like tea", agent_id="bot")
    assert client.delete("/v1/memories/?" + query).status_code == 400
    assert client.get("/v1/memories/").json()


@pytest.mark.parametrize(
    "path", ["/v1/memories/?user_id=alex", "/v2/entities/user/alex/",
             "/v1/memories/?filters={'user_id':{'in':['alex']}}"],
)  # fmt: skip
def test_superseded_and_expired_memories_are_deleted_too(
    client: TestClient, add: Add, path: str
) -> None:
    expired = add("I swam", expiration_date="2001-01-01")
    ids = [expired, *(add(text, infer=True) for text in ("My name is Yusuf", "My name is Ada"))]
    assert client.get(f"/v1/memories/{ids[1]}/").json()["memory"] == "My name is Yusuf"
    assert texts(client.get("/v1/memories/").json()) == ["My name is Ada"]
    assert client.delete(path).status_code == 200
    assert [client.get(f"/v1/memories/{i}/").status_code for i in ids] == [404, 404, 404]


def test_days_are_whole(client: TestClient, add: Add) -> None:
    add("I like tea")
    today = client.get("/v1/memories/").json()[0]["created_at"][:10]

    def count(condition: object) -> int:
        body = {"filters": {"user_id": "alex", "created_at": condition}}
        return client.post("/v3/memories/", json=body).json()["count"]

    assert [count(today), count({"eq": today}), count({"in": ["2001-01-01", today]})] == [1, 1, 1]
    assert [count({"lte": today}), count({"gte": today})] == [1, 1]
    assert [count({"ne": today}), count({"gt": today}), count({"lt": today})] == [0, 0, 0]
    assert count({"nin": [today]}) == 0
    basic = today.replace("-", "")
    assert [count(basic), count({"gte": basic}), count({"lte": basic})] == [1, 1, 1]
    assert [count({"gt": basic}), count({"gte": basic + "T000000Z"})] == [0, 1]
    week = date.fromisoformat(today).strftime("%G-W%V-%u")
    assert [count(week), count({"gte": week}), count({"lt": week})] == [1, 1, 0]


def test_a_wildcard_wants_something(client: TestClient, add: Add) -> None:
    add("I like tea")
    add("I like cake", categories=["food"])
    body = {"filters": {"user_id": "alex", "categories": "*"}}
    assert texts(client.post("/v3/memories/", json=body).json()) == ["I like cake"]


def test_deleting_by_filters_in_python_notation(client: TestClient, add: Add) -> None:
    add("I like tea", metadata={"draft": True})
    add("I like cake", metadata={"draft": False})
    add("I like rye", user_id="bo", metadata={"draft": True})
    filters = "{'user_id': 'alex', 'metadata': {'draft': True}}"
    assert client.delete("/v1/memories/", params={"filters": filters}).status_code == 200
    left = client.post("/v3/memories/", json={"filters": {"user_id": "*"}}).json()
    assert set(texts(left)) == {"I like cake", "I like rye"}
    assert client.delete("/v1/memories/?user_id=*").status_code == 200
    assert client.get("/v1/memories/").json() == []


def test_batches_change_all_or_nothing(client: TestClient, add: Add) -> None:
    one, two = add("I like tea"), add("I like cake")
    items = [{"memory_id": one, "text": "I like mate"}, {"memory_id": "unknown", "text": "x"}]
    assert client.put("/v1/batch/", json={"memories": items}).status_code == 404
    assert client.get(f"/v1/memories/{one}/").json()["memory"] == "I like tea"
    items[1]["memory_id"] = two
    items[1]["text"] = "I like mate"
    assert client.put("/v1/batch/", json={"memories": items}).status_code == 409
    for bad in ("\ud800", "\0", " "):
        items[1]["text"] = bad
        body = json.dumps({"memories": items})
        assert client.put("/v1/batch/", content=body, headers=JSON).status_code in (400, 422)
    found = {"query": "what do I like", "user_id": "alex"}
    for shown in (
        client.get("/v1/memories/").json(),
        client.post("/v3/memories/search/", json=found).json(),
    ):
        assert sorted(texts(shown)) == ["I like cake", "I like tea"]
    assert [len(client.get(f"/v1/memories/{i}/history/").json()) for i in (one, two)] == [1, 1]
    items[1]["text"] = "I like rye"
    assert client.put("/v1/batch/", json={"memories": items}).status_code == 200
    assert "I like rye" in texts(client.post("/v3/memories/search/", json=found).json())
    assert client.get(f"/v1/memories/{one}/").json()["memory"] == "I like mate"
    both = {"memories": [{"memory_id": one}, {"memory_id": "unknown"}]}
    assert client.request("DELETE", "/v1/batch/", json=both).status_code == 404
    assert len(client.get("/v1/memories/").json()) == 2
    both["memories"][1]["memory_id"] = two
    assert client.request("DELETE", "/v1/batch/", json=both).status_code == 200
    assert client.get("/v1/memories/").json() == []
    many = {"memories": [{"memory_id": "x"}] * 1001}
    assert client.request("DELETE", "/v1/batch/", json=many).status_code == 422


@pytest.mark.parametrize(
    ("method", "path"),
    [("DELETE", "/v1/batch/"), ("DELETE", "/v1/memories/?user_id=alex"),
     ("DELETE", "/v1/memories/?filters={'user_id':{'in':['alex']}}"),
     ("DELETE", "/v2/entities/user/alex/"), ("POST", "/reset")],
)  # fmt: skip
def test_many_deletes_are_one_transaction_and_take_feedback_along(
    serve: Callable[..., TestClient], method: str, path: str
) -> None:
    client = serve()
    said = [{"role": "user", "content": f"I visited place {n}"} for n in range(5)]
    body = {"messages": said, "user_id": "alex", "infer": False}
    ids = [one["id"] for one in client.post("/v3/memories/add/", json=body).json()["results"]]
    for memory_id in ids:
        opinion = {"memory_id": memory_id, "feedback": "NEGATIVE", "feedback_reason": "untrue"}
        assert client.post("/v1/feedback/", json=opinion).status_code == 200
    statements: list[str] = []
    with client.app.state.server.tenants.use("") as memory:
        store = memory.store
        assert store.count_documents("feedback") == 5
        store._connection.set_trace_callback(statements.append)
    wanted = {"memories": [{"memory_id": one} for one in ids]} if path == "/v1/batch/" else None
    assert client.request(method, path, json=wanted).status_code == 200
    store._connection.set_trace_callback(None)
    assert statements.count("BEGIN IMMEDIATE") == 1
    assert client.get("/v1/memories/").json() == []
    assert store.count_documents("feedback") == 0
    found = {"query": "place", "user_id": "alex"}
    assert client.post("/v3/memories/search/", json=found).json()["results"] == []


def test_entities(client: TestClient, add: Add) -> None:
    add("I like tea")
    add("I like cake")
    add("I wait", user_id=None, agent_id="a/b c")
    answer = client.get("/v1/entities/").json()
    found = [(one["type"], one["name"], one["total_memories"]) for one in answer["results"]]
    assert found == [("user", "alex", 2), ("agent", "a/b c", 1)]
    for name in ("a%2Fb%20c", "a/b c"):
        shown = client.get(f"/v2/entities/agent/{name}/").json()
        assert shown["name"] == "a/b c"
    assert client.delete(f"/v1/entities/agent/{shown['id']}/").status_code == 200
    assert client.delete("/v2/entities/user/alex/").status_code == 200
    assert client.get("/v2/entities/user/alex/").status_code == 404
    assert client.delete("/v2/entities/user/alex/").status_code == 200
    assert client.delete("/v2/entities/planet/alex/").status_code == 422
    assert client.get("/v1/entities/").json()["results"] == []


def test_a_timestamp_is_when_it_happened(client: TestClient, add: Add) -> None:
    memory_id = add("I moved to Rome", timestamp=1_672_531_200)
    path = f"/v1/memories/{memory_id}/"
    assert client.get(path).json()["event_time"].startswith("2023-01-01T00:00:00")
    shown = client.put(path, json={"timestamp": "2024-05-06T07:08:09Z"}).json()
    assert shown["event_time"].startswith("2024-05-06T07:08:09")
    assert client.put(path, json={"timestamp": "soon"}).status_code == 400


def test_a_bare_list_is_whole(client: TestClient, add: Add) -> None:
    for number in range(130):
        add(f"Fact number {number}")
    assert len(client.get("/v1/memories/?user_id=alex").json()) == 130


def test_what_has_expired_is_not_found(client: TestClient, add: Add) -> None:
    add("I like tea", expiration_date="2001-01-01")
    assert client.get("/v1/memories/").json() == []
    body = {"query": "tea", "user_id": "alex"}
    assert client.post("/v3/memories/search/", json=body).json()["results"] == []
    body = {"filters": {"user_id": "alex"}, "show_expired": True}
    assert texts(client.post("/v3/memories/", json=body).json()) == ["I like tea"]


def test_a_self_hosted_search_shows_what_has_expired_if_asked(client: TestClient, add: Add) -> None:
    add("I like green tea", expiration_date="2001-01-01", metadata={"n": 1})
    add("My dentist is Dr. Okafor")
    add("I like black tea", user_id="bo", expiration_date="2001-01-01")
    body = {"query": "which tea do I like?", "filters": {"user_id": "alex"}, "top_k": 1}
    assert texts(client.post("/search", json=body).json()) != ["I like green tea"]
    body["show_expired"] = True
    [found] = client.post("/search", json=body).json()["results"]
    assert (found["memory"], found["expiration_date"]) == ("I like green tea", "2001-01-01")
    assert 0 < found["score"] <= 1
    both = texts(client.post("/search", json=body | {"top_k": 5}).json())
    assert sorted(both) == ["I like green tea", "My dentist is Dr. Okafor"]
    body["filters"] = {"user_id": "alex", "metadata": {"n": 2}}
    assert texts(client.post("/search", json=body).json()) == []
