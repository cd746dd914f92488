"""Where a chat reads lines and shows replies: a terminal, or plain lines for scripts."""

from __future__ import annotations

import contextlib
import sys
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator
from typing import Any, ClassVar


class Screen(ABC):
    """What a chat needs of its surroundings."""

    # Whether Ctrl-C drops what is being done and the chat goes on.
    interactive: ClassVar[bool]

    @abstractmethod
    def read(self) -> str | None:
        """The next line, or None at the end of input."""

    @abstractmethod
    def reply(self, pieces: Iterator[str]) -> None:
        """Show a reply as it comes."""

    @abstractmethod
    def say(self, text: str) -> None:
        """Show what a command answered."""

    @abstractmethod
    def error(self, text: str) -> None:
        """Show what went wrong."""

    @abstractmethod
    def confirm(self, question: str) -> bool:
        """Ask before something is lost."""

    @contextlib.contextmanager
    def busy(self, what: str) -> Generator[None]:
        """Show that something takes a few seconds."""
        yield


class PlainScreen(Screen):
    """One line in, one line out; replies begin with `Assistant: `. Nobody is asked to confirm."""

    interactive = False

    def read(self) -> str | None:
        raw = sys.stdin.buffer.readline()
        return raw.decode("utf-8", errors="replace") if raw else None

    def reply(self, pieces: Iterator[str]) -> None:
        self.say("Assistant: " + " ".join("".join(pieces).split()))

    def say(self, text: str) -> None:
        print(text, flush=True)

    def error(self, text: str) -> None:
        print(f"Error: {text}", file=sys.stderr, flush=True)

    def confirm(self, question: str) -> bool:
        return True


class TerminalScreen(Screen):
    """Line editing, history, completion; replies stream."""

    interactive = True

    def __init__(self, commands: list[str]) -> None:
        from prompt_toolkit import PromptSession
        from prompt_toolkit.completion import WordCompleter
        from prompt_toolkit.history import FileHistory
        from rich.console import Console

        from memgraft.core.paths import cache_folder

        cache_folder().mkdir(parents=True, exist_ok=True)
        self._console = Console(highlight=False, markup=False)
        self._session: Any = PromptSession(
            history=FileHistory(str(cache_folder() / "chat_history")),
            completer=WordCompleter(commands, sentence=True),
            complete_while_typing=False,
        )

    def read(self) -> str | None:
        while True:
            try:
                return str(self._session.prompt("You: "))
            except KeyboardInterrupt:
                continue  # Ctrl-C drops the line, as in a shell
            except EOFError:
                return None

    def reply(self, pieces: Iterator[str]) -> None:
        self._console.print("Assistant: ", style="bold", end="")
        try:
            for piece in pieces:
                self._console.print(piece, end="", soft_wrap=True)
        except KeyboardInterrupt:
            self._console.print(" [interrupted]", style="dim", end="")
        finally:
            close = getattr(pieces, "close", None)
            if close:
                close()
            self._console.print()

    def say(self, text: str) -> None:
        self._console.print(text, style="cyan", soft_wrap=True)

    def error(self, text: str) -> None:
        self._console.print(text, style="red", soft_wrap=True)

    def confirm(self, question: str) -> bool:
        try:
            return str(self._session.prompt(f"{question} [y/N] ")).strip().lower() in ("y", "yes")
        except (KeyboardInterrupt, EOFError):
            return False

    @contextlib.contextmanager
    def busy(self, what: str) -> Generator[None]:
        with self._console.status(what):
            yield
