"""The checker can fail: every kind of damage to a sample is refused, for its own reason."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from memgraft.core.errors import InvalidInput
from memgraft.data.checker import check, check_file
from memgraft.data.code_retrieval import CodeRetrievalConfig, code_retrieval
from memgraft.data.dependency import DependencyConfig, dependency
from memgraft.data.fitting import TokenCount
from memgraft.data.hash_hop import HashHopConfig, hash_hop
from memgraft.data.mqar import IGNORED, MQARConfig, mqar
from memgraft.data.samples import Sample, read_samples, write_samples
from memgraft.data.token_hops import TokenHopsConfig, token_hops

MAKERS: dict[str, Callable[[Any, int], Any]] = {
    "magic": lambda t, s: hash_hop(HashHopConfig(tokens=900, hops=(3,)), t, s),
    "agents": lambda t, s: hash_hop(HashHopConfig(tokens=900, hops=(3,), style="agents"), t, s),
    "components": lambda t, s: dependency(DependencyConfig(tokens=900), t, s),
    "variables": lambda t, s: dependency(DependencyConfig(tokens=900, style="variables"), t, s),
}


def needle(sample: Sample) -> list[str]:
    text = str(sample.input)
    return [text[offset:].split("\n")[0] for offset in sample.metadata["offsets"]]


def refused(sample: Sample, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        check(sample)


@pytest.fixture(params=MAKERS)
def chains(request: pytest.FixtureRequest, byte_tokenizer: Any) -> list[Sample]:
    made = [next(MAKERS[request.param](byte_tokenizer, seed)) for seed in range(25)]
    for sample in made:
        check(sample)
    return made


class TestChains:
    def test_a_lost_link(self, chains: list[Sample]) -> None:
        for sample in chains:
            for line in needle(sample):
                refused(replace(sample, input=str(sample.input).replace(f"{line}\n", "", 1)), ".")

    def test_a_link_that_leads_elsewhere(self, chains: list[Sample]) -> None:
        """The second line tells of another name than the first one leads to."""
        for sample in chains:
            line = needle(sample)[1]
            first = {"magic": 0, "components": 2}.get(sample.metadata["style"], 1)
            name = line.split(" ")[first]
            wrong = line.replace(name, name[::-1] + name, 1)
            refused(replace(sample, input=str(sample.input).replace(line, wrong, 1)), ".")

    def test_swapped_ends(self, chains: list[Sample]) -> None:
        """Two chains change their answers: the text stays whole, the target is wrong."""
        for sample in chains:
            own = needle(sample)[-1]
            end = re.compile(r"'\w+'|\b[\w-]+(?=\.$)|\d+$")
            other = next(
                line
                for line in str(sample.input).split("\n")
                if line not in needle(sample)
                and end.search(line)
                and "hands" not in line
                and end.findall(line)[-1] != end.findall(own)[-1]
                and " depends on " + end.findall(line)[-1] + "." not in "".join(needle(sample))
            )
            mine, theirs = end.findall(own)[-1], end.findall(other)[-1]
            text = str(sample.input).replace(mine, "@").replace(theirs, mine).replace("@", theirs)
            refused(replace(sample, input=text), ".")

    def test_another_target(self, chains: list[Sample]) -> None:
        for sample in chains:
            target = str(sample.target)
            for wrong in (target[:-3] + "Q" + target[-2:], "", target.strip(), target + "x"):
                if wrong != target:
                    refused(replace(sample, target=wrong), "the target is wrong")

    def test_a_name_that_is_told_of_twice(self, chains: list[Sample]) -> None:
        for sample in chains:
            text = f"{needle(sample)[0]}\n{sample.input}"
            refused(replace(sample, input=text), "more than one line")

    def test_a_line_that_says_nothing(self, chains: list[Sample]) -> None:
        refused(replace(chains[0], input=f"hello\n{chains[0].input}"), "line 1 .* cannot be read")

    def test_a_question_that_was_cut_off(self, chains: list[Sample]) -> None:
        refused(replace(chains[0], input=str(chains[0].input)[:-1]), "end with a question")
        refused(replace(chains[0], input=str(chains[0].input)[40:]), ".")

    @pytest.mark.parametrize(
        ("name", "value", "reason"),
        [
            ("hops", 2, "hops"),
            ("answer", "x", "answer"),
            ("start", "x", "start"),
            ("offsets", [0, 1, 2], "offsets"),
            ("depths", [0.1], "depths"),
            ("depths", [0.1, 0.2, 1.2], "within 0 and 1"),
            ("depths", None, "depths"),
            ("style", "haiku", "style"),
            ("task", "juggling", "task"),
            ("cot", True, "."),
        ],
        ids=str,
    )
    def test_wrong_metadata(self, chains: list[Sample], name: str, value: Any, reason: str) -> None:
        refused(replace(chains[0], metadata=chains[0].metadata | {name: value}), reason)

    def test_wrong_numbers_of_tokens(self, chains: list[Sample], byte_tokenizer: Any) -> None:
        count = TokenCount(byte_tokenizer)
        for name in ("tokens", "target_tokens"):
            wrong = chains[0].metadata | {name: chains[0].metadata[name] + 1}
            with pytest.raises(InvalidInput, match=name):
                check(replace(chains[0], metadata=wrong), count)

    def test_depths_in_another_order(self, chains: list[Sample]) -> None:
        depths = chains[0].metadata["depths"]
        flipped = chains[0].metadata | {"depths": depths[::-1]}
        if depths[0] != depths[-1]:
            refused(replace(chains[0], metadata=flipped), "disagree")


def test_circles_and_chains_past_their_end() -> None:
    question = "\nCOMPLETION:\nHops={}\n\nCoT=False\n\na ="
    made = {"task": "hash_hop", "style": "magic", "cot": False}
    for lines, reason in (
        ("a = b\nb = a", "circle"),
        ("a = b\nb = c\nc = 'd'\nx = y\ny = z\nz = x", "circle"),
        ("a = 'b'\nb = 'c'", "after its end"),
        ("a = b\nb = 'c'\nx = b", "more than one line leads to b"),
        ("a = 'b'\nc = d", "breaks off"),
        ("b = 'c'", "no line begins"),
        ("a = b\nb = 'c'", "hops"),
    ):
        refused(Sample(lines + question.format(3), " 'c'", made | {"hops": 3}), reason)


class TestCode:
    @pytest.fixture(params=["name", "source"])
    def samples(self, request: pytest.FixtureRequest, byte_tokenizer: Any) -> list[Sample]:
        config = CodeRetrievalConfig(tokens=3000, ask=request.param)
        return list(islice(code_retrieval(config, byte_tokenizer), 10))

    def test_damage(self, samples: list[Sample]) -> None:
        for sample in samples:
            text, name = str(sample.input), sample.metadata["answer"]
            description = re.findall(r'described as "(.*)"', text)[0]
            own = text[sample.metadata["offsets"][0] :].split("\n\n\n")[0]
            for wrong, reason in (
                (text.replace(f"def {name}(", "def other_name(", 1), "target"),
                (
                    text.replace(f'"""{description}"""', '"""Something else."""', 1),
                    "which function",
                ),
                (text.replace(f'as "{description}"', 'as "Not this."'), "which function"),
                (own.replace(name, "another_one") + "\n\n\n" + text, "which function"),
                (own.replace(description, "Else.") + "\n\n\n" + text, "more than one function"),
                ("def broken(\n\n\n" + text, "no Python"),
                (text[:-1], "end with a question"),
                (text.replace(description, f"Do as {name} does."), "gives the name away"),
                ("A_LINE = 1\n\n\n" + text, "offsets"),
            ):
                assert wrong != text
                refused(replace(sample, input=wrong), reason)
            refused(replace(sample, target=f"{sample.target}s"), "the target is wrong")
            refused(replace(sample, metadata=sample.metadata | {"answer": "f"}), "answer")


class TestMQAR:
    @pytest.fixture(params=[0, 6])
    def samples(self, request: pytest.FixtureRequest) -> list[Sample]:
        config = MQARConfig(tokens=80, updates=request.param, vocabulary=128, noise=5, filler=7)
        return list(islice(mqar(config), 20))

    def test_damage(self, samples: list[Sample]) -> None:
        for sample in samples:
            ids, labels = list(sample.input), list(sample.target)
            assert all(isinstance(token, int) for token in ids)
            asked = next(i for i, label in enumerate(labels) if label != IGNORED)
            last = max(i for i in range(asked - 1) if ids[i] == ids[asked])
            keys = 61

            def changed(values: Any, place: int, value: int) -> Any:
                return [*values[:place], value, *values[place + 1 :]]

            unused = next(value for value in range(keys + 1, 2 * keys) if value not in ids)
            stranger = next(key for key in range(1, keys) if key not in ids)
            for wrong, reason in (
                (replace(sample, target=changed(labels, asked, unused)), "label of key"),
                (replace(sample, target=changed(labels, asked, IGNORED)), "label of key"),
                (replace(sample, target=changed(labels, last, unused)), "nothing is asked"),
                (replace(sample, input=changed(ids, last + 1, unused)), "label of key"),
                (replace(sample, input=changed(ids, last, stranger)), "not written|label of key"),
                (replace(sample, input=changed(ids, asked, 127)), "nothing is asked"),
                (replace(sample, input=changed(ids, asked, stranger)), "not written"),
                (replace(sample, input=changed(ids, asked + 1, unused)), "."),
                (replace(sample, input=changed(ids, len(ids) - 1, unused)), "no key|nothing"),
                (replace(sample, input=changed(ids, 0, 0)), "not of the vocabulary"),
                (replace(sample, input=changed(ids, 0, 128)), "not of the vocabulary"),
                (replace(sample, input=ids[:-1]), "tokens"),
                (replace(sample, target=labels[:-1]), "labels"),
                (replace(sample, input="text"), "token ids"),
            ):
                refused(wrong, reason)
            for name in ("pairs", "queries", "updates", "distances", "tokens"):
                wrong_told = sample.metadata | {name: 1}
                refused(replace(sample, metadata=wrong_told), name)
            refused(replace(sample, metadata=sample.metadata | {"noise": None}), "noise")

    def test_plain_mqar_has_every_key_once(self) -> None:
        config = MQARConfig(tokens=80, updates=2, vocabulary=128, noise=5)
        sample = next(mqar(config))
        told = sample.metadata | {"task": "mqar"}
        refused(replace(sample, metadata=told), "written twice")


class TestTokenHops:
    @pytest.fixture(params=[False, True])
    def samples(self, request: pytest.FixtureRequest) -> list[Sample]:
        config = TokenHopsConfig(
            chains=3, length=3, hops=(2,), cot=request.param, questions=3, spread=4, filler=5
        )
        made = list(islice(token_hops(config), 20))
        for sample in made:
            check(sample)
        return made

    def test_damage(self, samples: list[Sample]) -> None:
        for sample in samples:
            ids: Any = sample.input
            labels: Any = sample.target
            names = 128 - 1 - 16 - 3
            first = next(place for place, token in enumerate(ids) if names < token <= names + 3)
            asked = ids[first + 1]
            pair = next(p for p in range(first) if ids[p] == asked and ids[p + 1] <= names)
            stranger = next(name for name in range(1, names) if name not in ids)
            due = next(place for place, label in enumerate(labels) if label != IGNORED)
            noise = next(place for place in range(first) if ids[place] > names + 3)

            def changed(values: list[int], place: int, value: int) -> list[int]:
                return [*values[:place], value, *values[place + 1 :]]

            for wrong, reason in (
                (replace(sample, target=changed(labels, due, stranger)), "what is due"),
                (replace(sample, target=changed(labels, due, IGNORED)), "what is due"),
                (replace(sample, target=changed(labels, noise, stranger)), "what is due"),
                (replace(sample, input=changed(ids, pair, stranger)), "breaks off"),
                (replace(sample, input=changed(ids, pair + 1, stranger)), "breaks off|what is met"),
                (replace(sample, input=changed(ids, pair + 1, 127)), "number of names"),
                (replace(sample, input=changed(ids, first + 1, stranger)), "breaks off"),
                (replace(sample, input=changed(ids, first, names + 1)), "."),
                (replace(sample, input=changed(ids, len(ids) - 2, 127)), "nothing|met"),
                (replace(sample, input=changed(ids, noise, stranger)), "."),
                (replace(sample, input=changed(ids, 0, 0)), "not of the vocabulary"),
                (replace(sample, input=ids[:-1]), "tokens"),
                (replace(sample, target=labels[:-1]), "labels"),
                (replace(sample, input="text"), "token ids"),
            ):
                refused(wrong, reason)
            cut = replace(sample, input=ids[:first], target=labels[:first])
            told = cut.metadata | {"tokens": first, "hops": [], "distances": []}
            refused(replace(cut, metadata=told), "nothing is asked for")
            for name, value in {"hops": [2], "distances": [1, 2, 3], "chains": 2}.items():
                refused(replace(sample, metadata=sample.metadata | {name: value}), ".")
            refused(replace(sample, metadata=sample.metadata | {"length": None}), "length")

    def test_a_question_that_comes_twice(self) -> None:
        config = TokenHopsConfig(chains=2, length=1, hops=(1,))
        sample = next(token_hops(config))
        ids: Any = sample.input
        labels: Any = sample.target
        twice = replace(
            sample, input=[*ids[:-2], *ids[-4:-2]], target=[*labels[:-2], *labels[-4:-2]]
        )
        refused(twice, "asked for more than once")


class TestFiles:
    def test_what_is_written_is_read_and_proved(self, tmp_path: Path, byte_tokenizer: Any) -> None:
        path = tmp_path / "new" / "samples.jsonl"
        samples = [next(make(byte_tokenizer, 1)) for make in MAKERS.values()]
        samples += islice(mqar(MQARConfig()), 3)
        told: list[tuple[str, int, int]] = []
        write_samples(samples, path, 7, lambda *state: told.append(state))
        assert list(read_samples(path)) == samples
        assert told[-1] == ("samples", 7, 7)
        count = TokenCount(byte_tokenizer)
        assert check_file(path, count) == {"hash_hop": 2, "dependency": 2, "mqar": 3}
        assert [p.name for p in path.parent.iterdir()] == ["samples.jsonl"]

    def test_a_writer_that_fails_leaves_the_old_file(self, tmp_path: Path) -> None:
        path = tmp_path / "samples.jsonl"
        write_samples(islice(mqar(MQARConfig()), 2), path, 2)
        before = path.read_bytes()

        def failing() -> Any:
            yield from islice(mqar(MQARConfig(), 5), 1)
            raise RuntimeError("the power went")

        with pytest.raises(RuntimeError):
            write_samples(failing(), path, 2)
        assert path.read_bytes() == before
        assert [p.name for p in tmp_path.iterdir()] == ["samples.jsonl"]

    def test_the_line_is_told(self, tmp_path: Path) -> None:
        path = tmp_path / "samples.jsonl"
        first, second = islice(mqar(MQARConfig()), 2)
        write_samples([first, replace(second, target=first.target)], path, 2)
        with pytest.raises(InvalidInput, match=r"line 2: .*(label|asked)"):
            check_file(path)

    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            ("not json\n", "line 1 is no sample"),
            ('{"input": "a", "target": "b"}\n', "line 1 is no sample"),
            ("[1]\n", "line 1 is no sample"),
            ('{"input": "a", "target": "b", "metadata": 3}\n', "metadata is no object"),
            ('{"input": "a", "target": "b", "metadata": {}}\n', "no task"),
            ('{"input": 3, "target": "b", "metadata": {"task": "hash_hop"}}\n', "texts"),
            ("", "no samples"),
        ],
    )
    def test_files_that_will_not_do(self, tmp_path: Path, content: str, reason: str) -> None:
        path = tmp_path / "samples.jsonl"
        path.write_text(content)
        with pytest.raises(InvalidInput, match=reason):
            check_file(path)

    def test_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidInput, match="cannot read"):
            check_file(tmp_path / "nothing.jsonl")
