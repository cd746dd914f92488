"""Told facts: answerable from the text, apart from what is apart, in any model's chat template."""

from __future__ import annotations

import re
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from itertools import islice
from typing import Any

import pytest

from memgraft.core.errors import InvalidInput
from memgraft.data import told as module
from memgraft.data.checker import check
from memgraft.data.facts import SPLITS, facts, stack
from memgraft.data.fitting import TokenCount
from memgraft.data.samples import Sample
from memgraft.data.told import HEARD, Chat, ToldConfig, told

PLAIN = (
    "{% for m in messages %}{{ m['role'].capitalize() }}: {{ m['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}Assistant:{% endif %}"
)
SYSTEM = (
    "[system] Reply in one sentence.\n"
    "{% for m in messages %}[{{ m.role }}]\n{{ m.content }}[end]\n{% endfor %}"
    "{% if add_generation_prompt %}[assistant]\n{% endif %}"
)
# The last reply has thoughts, earlier ones have lost theirs.
THINKING = (
    "{% for m in messages %}[{{ m.role }}]\n"
    "{% if loop.last and m.role == 'assistant' %}[thought][/thought]\n{% endif %}"
    "{{ m.content }}[end]\n{% endfor %}{% if add_generation_prompt %}[assistant]\n{% endif %}"
)
ONE_LINE = (
    "<s>{% for m in messages %}{% if m.role == 'user' %}[INST] {{ m.content }} [/INST]"
    "{% else %} {{ m.content }}</s>{% endif %}{% endfor %}"
)
# question, reply, exchange
TEMPLATES = {
    PLAIN: ("User: Q\nAssistant:", " R<|im_end|>", "User: S\nAssistant: H"),
    SYSTEM: (
        "[system] Reply in one sentence.\n[user]\nQ[end]\n[assistant]\n",
        "R[end]",
        "[user]\nS[end]\n[assistant]\nH[end]",
    ),
    THINKING: (
        "[user]\nQ[end]\n[assistant]\n",
        "[thought][/thought]\nR[end]",
        "[user]\nS[end]\n[assistant]\nH[end]",
    ),
    ONE_LINE: ("<s>[INST] Q [/INST]", " R</s>", "[INST] S [/INST] H</s>"),
}
CONFIG = ToldConfig(tokens=2000, facts=(1, 4, 8), apart=3)


@pytest.fixture
def tokenizer(byte_tokenizer: Any) -> Any:
    return templated(byte_tokenizer, SYSTEM)


def templated(tokenizer: Any, template: str | None) -> Any:
    copied = deepcopy(tokenizer)
    copied.chat_template = template
    return copied


def made(config: ToldConfig, tokenizer: Any, count: int = 20, seed: int | str = 1) -> list[Sample]:
    return list(islice(told(config, tokenizer, seed), count))


def context(sample: Sample) -> str:
    return str(sample.input).removesuffix(sample.metadata["question"])


def named(answer: str, text: str) -> int:
    return len(re.findall(rf"(?<!\w){re.escape(answer)}(?!\w)", text, re.IGNORECASE))


@pytest.mark.parametrize("template", TEMPLATES)
def test_turns_in_the_words_of_a_template(template: str, byte_tokenizer: Any) -> None:
    chat = Chat(templated(byte_tokenizer, template))
    question, reply, exchange = TEMPLATES[template]
    assert chat.question("Q") == question
    assert chat.reply("R") == reply
    assert chat.begun("R") == reply.partition("R")[0] + "R"
    assert chat.exchange("S", "H") == exchange


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("split", SPLITS)
def test_every_sample_is_answerable(split: str, template: str, byte_tokenizer: Any) -> None:
    tokenizer = templated(byte_tokenizer, template)
    count = TokenCount(tokenizer)
    for sample in made(replace(CONFIG, split=split), tokenizer, 8):
        check(sample, count)
        assert sample.metadata["split"] == split


def test_samples_are_nearly_as_long_as_asked(tokenizer: Any) -> None:
    count = TokenCount(tokenizer)
    for tokens in (1000, 4000):
        for sample in made(replace(CONFIG, tokens=tokens), tokenizer, 5):
            used = count(str(sample.input)) + count(str(sample.target))
            assert used == sample.metadata["tokens"] + sample.metadata["target_tokens"]
            assert tokens - 60 < used <= tokens


def test_every_question_is_answered_by_one_told_fact(tokenizer: Any) -> None:
    for sample in made(CONFIG, tokenizer):
        answers, text = sample.metadata["answers"], context(sample)
        pairs = [[sample.metadata["question"], sample.target], *sample.metadata["also"]]
        assert len(pairs) == len(answers) == sample.metadata["facts"]
        assert len({question for question, _ in pairs}) == len(pairs)
        for answer, (question, target) in zip(answers, pairs, strict=True):
            assert named(answer, target)
            assert target.endswith("[end]")
            assert question.startswith("\n[system]") and question.endswith("\n[assistant]\n")
            assert len([line for line in text.split("\n") if named(answer, line)]) == 1


def test_facts_are_notes_and_said_in_conversation(tokenizer: Any) -> None:
    texts = [context(sample) for sample in made(replace(CONFIG, facts=(4,)), tokenizer)]
    exchanges = sum(text.count("[user]\n") for text in texts)
    assert 0.3 < exchanges / (4 * len(texts)) < 0.7
    assert all(text.count("[user]\n") == text.count("[assistant]\n") for text in texts)
    assert all(any(one in "".join(texts) for text in texts) for one in HEARD)
    assert not any("[system]" in text for text in texts)


def test_no_answer_stands_in_the_filler(tokenizer: Any) -> None:
    """Facts about colours, weekdays and fruit would be answered by many a made-up sentence."""
    common = 0
    for sample in made(replace(CONFIG, tokens=6000, facts=(8,)), tokenizer, 12):
        lines = context(sample).split("\n")
        told_lines = [
            line for line in lines if any(named(a, line) for a in sample.metadata["answers"])
        ]
        assert len(told_lines) == sample.metadata["facts"] == 8
        common += len(lines) - len(told_lines)
    assert common > 500


def test_what_is_apart_is_answered_by_nothing_told(tokenizer: Any) -> None:
    near = 0
    for sample in made(replace(CONFIG, apart=6, facts=(8,)), tokenizer):
        texts = sample.metadata["apart"]
        asked = [pair[0].strip() for pair in sample.metadata["also"]]
        asked.append(sample.metadata["question"].strip())
        assert len(texts) == len(set(texts)) == 6
        for text in texts:
            assert text.startswith("[system]") and "[assistant]\n" in text
            assert not any(text.startswith(question) for question in asked)
            assert not any(named(answer, text) for answer in sample.metadata["answers"])
            near += text.partition("[end]")[0].endswith("?")
    assert near > 2.5 * 20


def test_neighbours_that_another_fact_answers_are_left_out() -> None:
    for group in (stack(facts("train", seed), 6) for seed in range(40)):
        taken = group[0].questions[0].text
        answer = group[1].questions[0].answer
        crossed = [
            group[0],
            replace(group[1], neighbours=(taken, f"Who has {answer.upper()}?", "Who am I?")),
        ]
        found = list(module._near(crossed, [answer]))
        assert taken not in found and f"Who has {answer.upper()}?" not in found
        assert "Who am I?" in found
        assert set(found) <= {*group[0].neighbours, "Who am I?"}


def test_nothing_is_apart_unless_it_is_asked_for(tokenizer: Any) -> None:
    assert {len(s.metadata["apart"]) for s in made(replace(CONFIG, apart=0), tokenizer)} == {0}


def test_the_same_seed_gives_the_same_samples(tokenizer: Any) -> None:
    first = made(CONFIG, tokenizer, 6)
    assert first == made(CONFIG, tokenizer, 6)
    assert first != made(CONFIG, tokenizer, 6, seed=2)
    assert first[4:] == list(islice(told(CONFIG, tokenizer, 1, start=4), 2))


def test_facts_that_do_not_fit_are_left_out(tokenizer: Any) -> None:
    """Bytes are tokens here: not all of thirty facts have room in a thousand."""
    count = TokenCount(tokenizer)
    for sample in made(ToldConfig(tokens=1000, facts=(30,)), tokenizer, 10):
        assert 1 <= sample.metadata["facts"] < 30
        assert len(sample.metadata["also"]) == sample.metadata["facts"] - 1
        check(sample, count)


def test_a_first_fact_that_is_too_long_is_drawn_anew(
    tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = ToldConfig(tokens=330, facts=(1,))
    for sample in made(config, tokenizer, 40):
        check(sample, TokenCount(tokenizer))
    monkeypatch.setattr(module, "DRAWS", 1)
    with pytest.raises(InvalidInput, match="longer than the sample"):
        made(config, tokenizer, 40)


def test_too_small(tokenizer: Any) -> None:
    with pytest.raises(InvalidInput, match="longer than the sample"):
        next(told(ToldConfig(tokens=60), tokenizer))


def test_a_reply_that_garbles_its_answer_is_not_asked_for() -> None:
    fact = next(facts("train", 1))
    lady = replace(fact.questions[0], answer="Our Lady's School")
    garbled = replace(fact, reply="Your Lady's School took her.", questions=(lady,))
    assert not module._whole(garbled)
    assert module._whole(replace(garbled, reply="Our Lady's School took her."))


@pytest.mark.parametrize("template", [None, ""])
def test_a_tokenizer_without_a_chat_template(template: str | None, byte_tokenizer: Any) -> None:
    with pytest.raises(InvalidInput, match="chat template") as error:
        told(CONFIG, templated(byte_tokenizer, template))
    assert "instruct" in str(error.value.expected)


def test_a_tokenizer_that_knows_no_templates() -> None:
    with pytest.raises(InvalidInput, match="chat template"):
        told(CONFIG, object())


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"facts": ()}, "at least one fact"),
        ({"facts": (0, 2)}, "at least one fact"),
        ({"apart": -1}, "apart"),
        ({"tokens": 0}, "at least one token"),
        ({"split": "dev"}, "dev"),
    ],
)
def test_configs_that_make_no_sense(wrong: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        ToldConfig(**wrong)


def test_a_config_comes_back_from_json() -> None:
    assert ToldConfig.from_dict({"tokens": 300, "facts": [1, 2]}).facts == (1, 2)


def line_of(sample: Sample) -> str:
    answer = sample.metadata["answer"]
    return next(line for line in context(sample).split("\n") if named(answer, line))


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda text, line, answer: text.replace(f"{line}\n", "", 1), "not told once"),
        (lambda text, line, answer: f"{line}\n{text}", "not told once"),
        (lambda text, line, answer: f"He saw {answer.lower()} there.\n{text}", "not told once"),
        (lambda text, line, answer: text[:-1], "end with a question"),
        (lambda text, line, answer: f"Hello.\n{text}", "offsets"),
        (lambda text, line, answer: text.replace(line, f"Hello.\n{line}", 1), "offsets"),
    ],
)
def test_damage_is_found(
    damage: Callable[[str, str, str], str], reason: str, tokenizer: Any
) -> None:
    for sample in made(replace(CONFIG, facts=(2,)), tokenizer, 6):
        text = damage(str(sample.input), line_of(sample), sample.metadata["answer"])
        with pytest.raises(InvalidInput, match=reason):
            check(replace(sample, input=text))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"facts": 1}, "facts"),
        ({"answer": "x"}, "answer"),
        ({"answers": ["x"]}, "not every question"),
        ({"answers": None}, "answers are no texts"),
        ({"also": []}, "not every question"),
        ({"also": [["a question"]]}, "questions cannot be read"),
        ({"also": None}, "questions cannot be read"),
        ({"apart": [3]}, "apart are no texts"),
        ({"question": ""}, "end with a question"),
        ({"offsets": []}, "offsets"),
        ({"offsets": [1]}, "offsets"),
        ({"depths": [2.0]}, "depth"),
        ({"tokens": 1}, "tokens"),
    ],
    ids=str,
)
def test_wrong_metadata_is_found(changes: dict[str, Any], reason: str, tokenizer: Any) -> None:
    [sample] = made(replace(CONFIG, facts=(2,)), tokenizer, 1)
    with pytest.raises(InvalidInput, match=reason):
        check(replace(sample, metadata=sample.metadata | changes), TokenCount(tokenizer))


def test_wrong_replies_and_texts_apart_are_found(tokenizer: Any) -> None:
    for sample in made(replace(CONFIG, facts=(2,)), tokenizer, 6):
        told_of, (first, second) = sample.metadata, sample.metadata["answers"]
        [[question, reply]] = told_of["also"]
        same = [[told_of["question"], reply]]
        swapped = [second, first]
        for wrong, reason in (
            (replace(sample, target="I do not know.[end]"), "the target is wrong"),
            (replace(sample, target=reply), "the target is wrong"),
            (replace(sample, target=[1]), "are texts"),
            (
                replace(sample, metadata=told_of | {"also": [[question, "No.[end]"]]}),
                "the target is wrong",
            ),
            (replace(sample, metadata=told_of | {"also": same}), "asked more than once"),
            (
                replace(sample, metadata=told_of | {"answers": swapped, "answer": second}),
                "the target is wrong",
            ),
            (
                replace(sample, metadata=told_of | {"apart": [f"It is {second.lower()}."]}),
                "apart names an answer",
            ),
        ):
            with pytest.raises(InvalidInput, match=reason):
                check(wrong)
