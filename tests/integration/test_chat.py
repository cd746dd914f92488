"""The chat as a user has it: lines in, replies out, restarts in between."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = [pytest.mark.bundle, pytest.mark.slow]

COMMAND = [sys.executable, "-m", "memgraft.cli.main"]


def chat(store: Path, *lines: str, home: str = "weights", options: tuple[str, ...] = ()):
    """Run one chat; returns (what it printed, what it complained about, exit status)."""
    done = subprocess.run(
        [*COMMAND, "chat", "--store", str(store), "--home", home, *options],
        input="\n".join(lines) + "\n",
        capture_output=True,
        text=True,
        timeout=300,
    )
    return done.stdout, done.stderr, done.returncode


def replies(printed: str) -> list[str]:
    return [line for line in printed.splitlines() if line.startswith("Assistant: ")]


def test_remembers_over_a_restart_and_forgets(tmp_path: Path) -> None:
    store = tmp_path / "m.db"
    printed, _, status = chat(
        store,
        "/remember My name is Yusuf",
        "/remember I work at Google",
        "What is my name?",
        "Where do I work?",
        "/why",
        "/quit",
    )
    assert status == 0
    assert 'Injected into weights: "My name is Yusuf"' in printed
    assert ["Yusuf" in replies(printed)[0], "Google" in replies(printed)[1]] == [True, True]
    prompt = printed.partition("prompt:")[2]
    assert "Where do I work?" in prompt
    assert "Google" not in prompt
    assert "Yusuf" not in prompt

    printed, _, _ = chat(store, "What is my name?", "Where do I work?", "/quit")
    assert ["Yusuf" in replies(printed)[0], "Google" in replies(printed)[1]] == [True, True]

    printed, _, _ = chat(store, "/forget 1", "What is my name?", "Where do I work?")
    assert "Yusuf" not in replies(printed)[0]
    assert "Google" in replies(printed)[1]


def test_a_newer_fact_replaces_the_older(tmp_path: Path) -> None:
    printed, _, _ = chat(
        tmp_path / "m.db",
        "/remember I live in Lisbon",
        "/remember I moved to Porto",
        "Where do I live?",
        "/memories",
    )
    assert 'It replaces: "I live in Lisbon"' in printed
    assert "Porto" in replies(printed)[0]
    assert "1. I moved to Porto" in printed
    assert "2." not in printed


def test_bad_lines_are_told_and_harm_nothing(tmp_path: Path) -> None:
    printed, complaints, status = chat(
        tmp_path / "m.db",
        "/remember My cat is called Pilchard",
        "/remember",
        "/remember    ",
        "/remember " + "x" * 100_000,
        "/remember bell \a here",
        "/bogus",
        "/forget 99",
        "/remember 我的猫叫豆豆 🐱",
        "/memories",
    )
    assert status == 1
    for said in (
        "no fact to remember",
        "too long",
        "control characters",
        "no command is called /bogus",
        "nothing that is remembered fits",
    ):
        assert said in complaints
    assert "1. My cat is called Pilchard" in printed
    assert "2. 我的猫叫豆豆 🐱" in printed


def test_passages_and_both(tmp_path: Path) -> None:
    for home in ("passages", "both"):
        printed, _, _ = chat(
            tmp_path / f"{home}.db",
            "/remember My name is Yusuf",
            "What is my name?",
            "/why",
            home=home,
        )
        assert "Yusuf" in replies(printed)[0]
        assert "- My name is Yusuf" in printed.partition("prompt:")[2]


def test_noticed_facts_are_offered_never_kept(tmp_path: Path) -> None:
    printed, _, _ = chat(
        tmp_path / "m.db",
        "I am tired today",
        "My sister's name is Ilse.",
        "/memories",
        "/remember",
        "/memories",
        options=("--auto", "--max-new-tokens", "4"),
    )
    assert "tired" not in "".join(line for line in printed.splitlines() if "Noticed" in line)
    assert "Noticed: \"My sister's name is Ilse" in printed
    assert "Nothing yet." in printed
    assert "1. My sister's name is Ilse" in printed


def test_interrupt_in_the_middle_keeps_what_was_acknowledged(tmp_path: Path) -> None:
    store = tmp_path / "m.db"
    process = subprocess.Popen(
        [*COMMAND, "chat", "--store", str(store)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A test run in the background of a shell ignores Ctrl-C, and its children would too.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdin and process.stdout
    process.stdin.write("/remember My name is Yusuf\n/remember I work at Google\n")
    process.stdin.flush()
    assert "Yusuf" in process.stdout.readline()
    time.sleep(0.5)  # somewhere in the second write
    os.kill(process.pid, signal.SIGINT)
    _, complaints = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted" in complaints
    printed, _, status = chat(store, "What is my name?", "/memories")
    assert status == 0
    assert "Yusuf" in replies(printed)[0]
    assert "1. My name is Yusuf" in printed


def test_shell_commands_share_the_store(tmp_path: Path) -> None:
    import json

    def run(*words: str) -> str:
        done = subprocess.run(
            [*COMMAND, *words, "--store", str(tmp_path / "m.db"), "--json"],
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    added = json.loads(run("remember", "My dentist is Dr. Okafor"))
    assert added["event"] == "ADD"
    assert "Okafor" in json.loads(run("ask", "Who is my dentist?"))["answer"]
    assert [m["memory"] for m in json.loads(run("memories"))] == ["My dentist is Dr. Okafor"]
    assert json.loads(run("stats"))["homes"]["weights"]["facts"] == 1
    assert json.loads(run("forget", "dentist"))["event"] == "DELETE"
    assert json.loads(run("memories")) == []
