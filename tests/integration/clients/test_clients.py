"""Five unmodified mem0 clients against a running server, on both stores."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from queue import Queue
from typing import Any

import pytest
from matrix import Client, ClientError, Process, Version, rows
from serving import Service

pytestmark = pytest.mark.slow

UNKNOWN = "00000000-0000-7000-8000-000000000000"
SCHEMA = {"type": "object", "properties": {"memories": {"type": "array"}}}


@contextmanager
def fails(kind: str) -> Iterator[None]:
    """The call within raises the client's own exception of this type."""
    with pytest.raises(ClientError) as raised:
        yield
    assert kind in raised.value.kinds, str(raised.value)


# -- construction -----------------------------------------------------------------------------


def test_constructor_learns_its_project(client: Client) -> None:
    assert client.org_id
    assert client.project_id


def test_wrong_key(client: Client, process: Process, service: Service) -> None:
    """Python raises ValueError in the constructor; Node when it first asks."""
    for key in ("m0-of-somebody-else", service.keys["expired"]):
        with fails("ValueError" if client.version.python else "AuthenticationError"):
            Client(process, client.version, service.address, key, "wrong")


def test_another_tenant_sees_nothing(
    client: Client, process: Process, service: Service, user: str
) -> None:
    memory_id = client.keep("My safe is behind the clock", user)
    other = Client(process, client.version, service.address, service.keys["other"], "other")
    assert other.texts(user) == []
    assert rows(other.search("Where is my safe?", {"user_id": user})) == []
    assert user not in {one["name"] for one in other.users()}
    for method in (other.get, other.delete, other.history):
        with fails("MemoryNotFoundError"):
            method(memory_id)
    assert client.texts(user) == ["My safe is behind the clock"]


def test_a_key_that_may_only_read(
    client: Client, process: Process, service: Service, user: str
) -> None:
    client.keep("I may be read", user)
    reader = Client(process, client.version, service.address, service.keys["reader"], "reader")
    assert reader.texts(user) == ["I may be read"]
    with fails("AuthenticationError"):
        reader.keep("I may not be written", user)
    assert client.texts(user) == ["I may be read"]


def test_a_key_that_asks_too_often(client: Client, process: Process, service: Service) -> None:
    key = service.keys[f"slow-{client.version.name}"]
    slow = Client(process, client.version, service.address, key, "slow")
    raised = []
    for _ in range(10):
        with pytest.raises(ClientError) as error:
            slow.get(UNKNOWN)
        raised.append(error.value.kinds[0])
    assert set(raised) == {"MemoryNotFoundError", "RateLimitError"}
    assert raised[-1] == "RateLimitError"


# -- add, get ---------------------------------------------------------------------------------


def test_adds_a_string(client: Client, user: str) -> None:
    (row,) = client.add("I collect stamps from Iceland", user_id=user, infer=False)
    assert row["event"] == "ADD"
    assert row["memory"] == row["data"]["memory"] == "I collect stamps from Iceland"
    assert client.get(row["id"])["memory"] == "I collect stamps from Iceland"


def test_infers_facts_from_a_conversation(client: Client, user: str) -> None:
    """The user's own facts are kept, what the assistant says to please is not."""
    said = [
        {"role": "user", "content": "My dog is called Bella. I live in Lisbon."},
        {"role": "assistant", "content": "What a lovely name, I would be glad to help you today!"},
    ]
    added = client.add(said, user_id=user)
    assert all(row["event"] == "ADD" for row in added)
    known = client.texts(user)
    assert sorted(row["memory"] for row in added) == known
    assert any("Bella" in text for text in known)
    assert any("Lisbon" in text for text in known)
    assert not any("lovely" in text for text in known)


def test_keeps_each_message_as_given_without_inference(client: Client, user: str) -> None:
    texts = ['I said: "yes" -- 100 %', "naïve café, 東京 \N{GRINNING FACE}"]
    client.add([{"role": "user", "content": text} for text in texts], user_id=user, infer=False)
    assert client.texts(user) == sorted(texts)


def test_a_memory_has_the_fields_that_clients_read(client: Client, user: str) -> None:
    metadata = {"topic": "food", "deepKey": {"inner_key": [1, 2.5, None, True]}}
    memory_id = client.keep("I eat porridge in the morning", user, metadata=metadata)
    found = client.get(memory_id)
    assert found["id"] == memory_id
    assert found[client.key("user_id")] == user
    assert found[client.key("agent_id")] is None
    assert found["metadata"] == metadata
    assert found["categories"] == []
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", found[client.key("created_at")])
    assert found[client.key("updated_at")] == found[client.key("created_at")]


def test_belongs_to_every_id_that_was_given(client: Client, user: str) -> None:
    own = {"user_id": user, "agent_id": f"{user}-agent", "run_id": f"{user}-run"}
    (row,) = client.add("I prefer window seats", **own, infer=False)
    found = client.get(row["id"])
    assert {name: found[client.key(name)] for name in own} == own


def test_one_message_instead_of_a_list(client: Client, user: str) -> None:
    message = {"role": "user", "content": "I sail on Sundays"}
    (row,) = client.add(message, user_id=user, infer=False)
    assert client.get(row["id"])["memory"] == "I sail on Sundays"


def test_options_of_add_are_accepted(client: Client, user: str) -> None:
    """What this server has no use for changes nothing."""
    options = {
        "custom_categories": [{"my_own_hobby": "what I do on Sundays"}],
        "custom_instructions": "Keep hobbies",
        "structured_data_schema": {"type": "object"},
        "timestamp": 1_714_557_600,
    }
    if client.version.api != "v3":
        options |= {"enable_graph": False, "immutable": True, "includes": "hobbies"}
    memory_id = client.keep("I climb on Sundays", user, **options)
    assert client.get(memory_id)["memory"] == "I climb on Sundays"


def test_ids_of_add_below_filters(client: Client, user: str) -> None:
    if client.version.api != "v3":
        pytest.skip("this client documents ids at top level alone")
    message = {"role": "user", "content": "I read at night"}
    client.add([message], filters={"user_id": user}, infer=False)
    assert client.texts(user) == ["I read at night"]


def test_a_memory_of_nobody_is_refused(client: Client) -> None:
    with fails("ValidationError"):
        client.add("I belong to nobody", infer=False)


def test_what_has_expired_is_not_listed(client: Client, user: str) -> None:
    if client.version.api != "v3":
        pytest.skip("this client documents no expiration")
    gone = client.keep("My parking permit is valid", user, expiration_date="2020-01-31")
    client.keep("My passport is valid", user, expiration_date="2999-01-31")
    assert client.texts(user) == ["My passport is valid"]
    shown = rows(client.get_all({"user_id": user}, show_expired=True))
    assert {row["id"] for row in shown} > {gone}
    client.update(gone, expiration_date=None)
    assert client.texts(user) == ["My parking permit is valid", "My passport is valid"]


# -- get_all ----------------------------------------------------------------------------------


def test_listing_has_the_shape_of_its_version(client: Client, user: str) -> None:
    """v1 gives a bare list, v2 and v3 a page."""
    memory_id = client.keep("I play the cello", user)
    for api in client.version.apis:
        answer = client.get_all({"user_id": user}, api)
        assert isinstance(answer, list) == (api == "v1")
        assert [row["id"] for row in rows(answer)] == [memory_id]
        assert rows(answer)[0]["memory"] == "I play the cello"


def test_pages(client: Client, user: str) -> None:
    ids = [client.keep(f"I own record number {number}", user) for number in range(5)]
    for api in client.version.apis:
        first, second, last = (
            client.get_all({"user_id": user}, api, page=page, page_size=2) for page in (1, 2, 3)
        )
        assert first["count"] == second["count"] == last["count"] == 5
        assert first["previous"] is None
        assert last["next"] is None
        assert all([first["next"], second["previous"], second["next"], last["previous"]])
        paged = [row["id"] for page in (first, second, last) for row in page["results"]]
        assert paged == ids[::-1], "newest first, none twice"


def test_filters(client: Client, user: str) -> None:
    """AND, OR and NOT, with ids, metadata, dates and keywords below them."""
    api = client.version.apis[-1]
    soup = client.keep("I like soup", user, metadata={"topic": "food"})
    jazz = client.keep("I like jazz", user, metadata={"topic": "music"})
    rain = client.keep("I dislike rain", user)

    def meant(*conditions: dict[str, Any]) -> set[str]:
        answer = client.get_all({"AND": [{"user_id": user}, *conditions]}, api)
        return {row["id"] for row in rows(answer)}

    assert meant() == {soup, jazz, rain}
    assert meant({"metadata": {"topic": "food"}}) == {soup}
    assert meant({"OR": [{"metadata": {"topic": "food"}}, {"metadata": {"topic": "music"}}]}) == {
        soup,
        jazz,
    }
    assert meant({"NOT": [{"metadata": {"topic": "food"}}]}) == {jazz, rain}
    assert meant({"keywords": {"icontains": "RAIN"}}) == {rain}
    assert meant({"memory_ids": {"in": [soup, rain]}}) == {soup, rain}
    assert meant({"created_at": {"gte": "2020-01-01"}}) == {soup, jazz, rain}
    assert meant({"created_at": {"lt": "2020-01-01"}}) == set()
    assert meant({"run_id": "*"}) == set()
    with fails("ValidationError"):
        meant({"colour": "red"})


def test_a_page_that_cannot_be_is_refused(client: Client, user: str) -> None:
    for size in (-1, 100_000):
        with fails("ValidationError"):
            client.get_all({"user_id": user}, page=1, page_size=size)


# -- search -----------------------------------------------------------------------------------


def test_search(client: Client, user: str) -> None:
    fish = client.keep("My cat eats fresh fish every day", user, metadata={"topic": "cat"})
    client.keep("The tax office opens at nine", user, metadata={"topic": "office"})
    for api in client.version.apis:
        answer = client.search("What does my cat eat?", {"user_id": user}, api, threshold=0.0)
        assert isinstance(answer, list) == (api == "v1")
        found = rows(answer)
        assert found[0]["id"] == fish
        assert found[0]["memory"] == "My cat eats fresh fish every day"
        assert found[0]["metadata"] == {"topic": "cat"}
        assert found[0][client.key("user_id")] == user
        scores = [row["score"] for row in found]
        assert scores == sorted(scores, reverse=True)
        assert all(0 <= score <= 1 for score in scores)


def test_search_keeps_to_top_k_threshold_and_filters(client: Client, user: str) -> None:
    api = client.version.apis[-1]
    for number in range(4):
        client.keep(f"I parked the car on level {number}", user, metadata={"level": number})
    query, own = "On which level is the car?", {"user_id": user}
    found = rows(client.search(query, own, api, top_k=2, threshold=0.0))
    assert len(found) == 2
    best = found[0]["score"]
    above = rows(client.search(query, own, api, threshold=best, top_k=4))
    assert {row["id"] for row in above} >= {found[0]["id"]}
    assert all(row["score"] >= best for row in above)
    third = {"AND": [own, {"metadata": {"level": 3}}]}
    (only,) = rows(client.search(query, third, api, threshold=0.0))
    assert only["metadata"] == {"level": 3}


def test_options_of_search_are_accepted(client: Client, user: str) -> None:
    memory_id = client.keep("My piano was tuned in spring", user)
    options = {"rerank": True, "keyword_search": False, "top_k": 3, "fields": ["memory"]}
    if client.version.api == "v3":
        options |= {"reference_date": "2026-05-01", "latest_only": True, "show_expired": False}
    else:
        options |= {"limit": 3, "output_format": "v1.1", "enable_graph": False}
    for api in client.version.apis:
        (found,) = rows(
            client.search("When was my piano tuned?", {"user_id": user}, api, **options)
        )
        assert found["id"] == memory_id
        assert found["memory"] == "My piano was tuned in spring"
        assert "metadata" not in found, "only the fields that were asked for, and the id"


def test_search_sees_nobody_else(client: Client, user: str) -> None:
    client.keep("My locker code is 7341", user)
    for api in client.version.apis:
        answer = client.search("What is my locker code?", {"user_id": f"{user}-other"}, api)
        assert rows(answer) == []


# -- update, history, delete ------------------------------------------------------------------


def test_update_and_history(client: Client, user: str) -> None:
    memory_id = client.keep("I live in Bonn", user, metadata={"sure": False})
    client.update(memory_id, text="I live in Graz", metadata={"sure": True})
    found = client.get(memory_id)
    assert found["memory"] == "I live in Graz"
    assert found["metadata"] == {"sure": True}
    assert found[client.key("updated_at")] > found[client.key("created_at")]
    old, new = client.key("old_memory"), client.key("new_memory")
    told = [(line["event"], line[old], line[new]) for line in client.history(memory_id)]
    assert told == [
        ("ADD", None, "I live in Bonn"),
        ("UPDATE", "I live in Bonn", "I live in Graz"),
    ]
    line = client.history(memory_id)[0]
    assert line[client.key("memory_id")] == memory_id
    assert line[client.key("user_id")] == user
    assert isinstance(line["input"], list)


def test_update_of_metadata_leaves_the_text(client: Client, user: str) -> None:
    memory_id = client.keep("I own a red bicycle", user)
    client.update(memory_id, metadata={"checked": True})
    assert client.get(memory_id)["memory"] == "I own a red bicycle"
    assert client.get(memory_id)["metadata"] == {"checked": True}


def test_update_of_the_time_it_tells_of(client: Client, user: str) -> None:
    """Seconds since 1970 or, as the later clients document, a date in words of ISO 8601."""
    if client.version.number == "0.1.118":
        pytest.skip("this client's update has no timestamp")
    memory_id = client.keep("I ran a marathon", user)
    for timestamp in (1_714_557_600, "2024-05-01T10:00:00Z"):
        client.update(memory_id, timestamp=timestamp)
        assert client.get(memory_id)["memory"] == "I ran a marathon"


def test_what_was_updated_is_found_by_its_new_text(client: Client, user: str) -> None:
    memory_id = client.keep("My favourite flower is the tulip", user)
    client.update(memory_id, text="The garage door squeaks badly")
    (found,) = rows(client.search("Does the garage door squeak?", {"user_id": user}))
    assert found["id"] == memory_id


def test_delete(client: Client, user: str) -> None:
    gone, stays = client.keep("I have a cold", user), client.keep("I have a sister", user)
    assert client.delete(gone)["message"]
    assert client.texts(user) == ["I have a sister"]
    with fails("MemoryNotFoundError"):
        client.get(gone)
    assert client.history(gone)[-1]["event"] == "DELETE"
    assert client.get(stays)["id"] == stays


def test_unknown_memory(client: Client) -> None:
    for memory_id in (UNKNOWN, "none-at-all"):
        with fails("MemoryNotFoundError"):
            client.get(memory_id)
        with fails("MemoryNotFoundError"):
            client.update(memory_id, text="I do not exist")
        with fails("MemoryNotFoundError"):
            client.delete(memory_id)
        with fails("MemoryNotFoundError"):
            client.history(memory_id)


# -- delete_all -------------------------------------------------------------------------------


def test_delete_all_of_one_user(client: Client, user: str) -> None:
    other = f"{user}-other"
    for text in ("I am left-handed", "I am colour-blind"):
        client.keep(text, user)
    client.keep("I am tall", other)
    assert client.call("delete_all", user_id=user)["message"]
    assert client.texts(user) == []
    assert client.texts(other) == ["I am tall"]


def test_delete_all_without_a_scope_is_refused(client: Client, user: str) -> None:
    client.keep("I must not be lost", user)
    with fails("ValidationError"):
        client.call("delete_all")
    assert client.texts(user) == ["I must not be lost"]


def test_delete_all_by_filters_deletes_no_more_than_those(client: Client, user: str) -> None:
    """Python sends its own notation of the dictionary, Node `[object Object]`, which is nothing."""
    other = f"{user}-other"
    client.keep("I am to go", user)
    client.keep("I am to stay", other)
    if client.version.python:
        client.call("delete_all", filters={"user_id": user})
    else:
        with fails("ValidationError"):
            client.call("delete_all", filters={"user_id": user})
    assert client.texts(user) == ([] if client.version.python else ["I am to go"])
    assert client.texts(other) == ["I am to stay"]


# -- users ------------------------------------------------------------------------------------


def test_users(client: Client, user: str) -> None:
    client.keep("I play chess", user)
    client.keep("I play go", user, agent_id=f"{user}-agent")
    total = client.key("total_memories")
    told = {(one["type"], one["name"]): one[total] for one in client.users()}
    assert told["user", user] == 2
    assert told["agent", f"{user}-agent"] == 1


def test_delete_users(client: Client, user: str) -> None:
    stays = f"{user}-stays"
    client.keep("I am about to leave", user)
    client.keep("I am not", stays)
    client.call("delete_users", user_id=user)
    assert client.texts(user) == []
    assert client.texts(stays) == ["I am not"]
    names = {one["name"] for one in client.users()}
    assert stays in names
    assert user not in names


def test_delete_users_with_an_odd_name(client: Client, user: str) -> None:
    """The versions before the newest do not encode the name, so theirs can hold no slash."""
    name = f"{user} o'neil+ü@example.org" + ("/x?y#z%41" if client.version.api == "v3" else "")
    client.keep("I have an odd name", name)
    client.call("delete_users", user_id=name)
    assert name not in {one["name"] for one in client.users()}
    assert client.texts(name) == []


def test_delete_users_without_a_name_deletes_all(client: Client, user: str) -> None:
    """The client deletes everybody it was told of, one by one: with the last memory of a user that
    of an agent may go, whom the client deletes next."""
    client.keep("I go as well", user)
    client.keep("And so do I", user, agent_id=f"{user}-agent", run_id=f"{user}-run")
    client.call("delete_users")
    assert client.users() == []
    assert client.texts(user) == []


# -- batch ------------------------------------------------------------------------------------


def test_batch_update_and_delete(client: Client, user: str) -> None:
    one, two, three = (client.keep(f"I am number {name}", user) for name in ("1", "2", "3"))
    changes = [
        {"memory_id": one, "text": "I am the first"},
        {"memory_id": two, "text": "I am next"},
    ]
    assert client.batch_update(changes)["message"] == "Successfully updated 2 memories"
    assert client.texts(user) == ["I am next", "I am number 3", "I am the first"]
    assert client.batch_delete([one, three])["message"] == "Successfully deleted 2 memories"
    assert client.texts(user) == ["I am next"]


def test_a_batch_with_an_unknown_id_changes_nothing(client: Client, user: str) -> None:
    known = client.keep("I stay as I am", user)
    with fails("MemoryNotFoundError"):
        client.batch_delete([known, UNKNOWN])
    with fails("MemoryNotFoundError"):
        client.batch_update(
            [{"memory_id": known, "text": "I changed"}, {"memory_id": UNKNOWN, "text": "I too"}]
        )
    assert client.texts(user) == ["I stay as I am"]


# -- feedback, export, summary ----------------------------------------------------------------


def test_feedback(client: Client, user: str) -> None:
    memory_id = client.keep("I am vegetarian", user)
    given = {"memory_id": memory_id, "feedback": "POSITIVE", "feedback_reason": "it is so"}
    if client.version.python and client.version.number != "2.2.1":
        # These two versions fail in their own code once the server has accepted the feedback.
        with fails("TypeError"):
            client.call("feedback", **given)
    else:
        assert client.call("feedback", **given)["message"]
    with fails("MemoryNotFoundError"):
        client.call("feedback", memory_id=UNKNOWN, feedback="NEGATIVE")


def test_export(client: Client, user: str) -> None:
    """An export is read by its id, or by the filters that it was made with."""
    other = f"{user}-other"
    client.keep("I was born in Porto", user)
    client.keep("I was born in Malmö", other)
    filters, others = ({"AND": [{"user_id": name}]} for name in (user, other))
    made = client.call("create_memory_export", schema=SCHEMA, filters=filters)
    assert made["message"]
    client.call("create_memory_export", schema=SCHEMA, filters=others)
    for named in ({"memory_export_id": made["id"]}, {"filters": filters}):
        read = json.dumps(client.call("get_memory_export", **named))
        assert "Porto" in read
        assert "Malm" not in read


def test_summary(client: Client, user: str) -> None:
    if not client.version.python:
        pytest.skip("the npm clients have no summary")
    client.keep("I was born in Porto", user)
    answer = client.call("get_summary", filters={"user_id": user})
    assert "Porto" in answer["summary"]


def test_profile(client: Client, user: str) -> None:
    if client.version.api != "v3":
        pytest.skip("this client knows nothing of profiles")
    client.keep("I keep bees", user)
    named = {"entity_id": user}
    answer = client.call("get_profile", **named)
    assert answer["status"] == "succeeded"
    assert answer[client.key("entity_id")] == user
    assert "I keep bees" in json.dumps(answer["profile"])
    assert "entities" in client.call("get_profile_settings")
    with fails("MemoryNotFoundError"):
        client.call("get_profile", entity_id=f"{user}-unknown")


# -- project, webhooks ------------------------------------------------------------------------


def test_project(client: Client, user: str) -> None:
    wanted = f"Keep what {user} says"
    client.update_project(custom_instructions=wanted)
    answer = client.get_project(["custom_instructions", "custom_categories"])
    assert answer[client.key("custom_instructions")] == wanted
    assert client.key("custom_categories") in answer


def test_project_members(client: Client) -> None:
    if not client.version.python:
        pytest.skip("the npm clients know nothing of members")
    assert client.call("project.get_members")["members"]
    with fails("AuthenticationError"):
        client.call("project.create", name="one more")
    with fails("AuthenticationError"):
        client.call("project.delete")


def test_webhooks(client: Client, user: str) -> None:
    with listening() as (url, heard):
        hook = client.create_webhook(url, f"hook of {user}", ["memory_add"])
        named = hook[client.key("webhook_id")]
        try:
            assert hook["url"] == url
            client.update_webhook(named, name=f"renamed by {user}")
            (shown,) = [
                one for one in client.get_webhooks() if one[client.key("webhook_id")] == named
            ]
            assert shown["name"] == f"renamed by {user}"
            assert shown[client.key("event_types")] == ["memory_add"]
            memory_id = client.keep("I bought a kite", user)
            told = heard.get(timeout=10)
            assert told["event"] == "memory_add"
            assert told["data"]["id"] == memory_id
        finally:
            assert client.delete_webhook(named)["message"]
    assert named not in [one[client.key("webhook_id")] for one in client.get_webhooks()]
    with fails("MemoryNotFoundError"):
        client.delete_webhook(named)


@contextmanager
def listening() -> Iterator[tuple[str, Queue[dict[str, Any]]]]:
    """An address of our own, and the bodies of what is posted there."""
    heard: Queue[dict[str, Any]] = Queue()

    class Listener(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Listener) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/hook", heard
        finally:
            server.shutdown()
            thread.join()


# -- the guard --------------------------------------------------------------------------------


def test_nothing_but_this_computer_was_reached(client: Client, process: Process) -> None:
    """By all calls above."""
    assert process.ask(reached=True) == ["127.0.0.1"]


def test_guard_sees_when_a_client_turns_elsewhere(version: Version, tmp_path: Path) -> None:
    process = Process(version, tmp_path)
    try:
        with pytest.raises(ClientError):
            Client(process, version, "http://127.0.0.2:59999", "m0-key")
        assert "127.0.0.2" in process.ask(reached=True)
    finally:
        process.close()
