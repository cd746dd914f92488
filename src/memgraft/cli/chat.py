"""`memgraft chat`: talk to a model that remembers."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from memgraft.cli import options
from memgraft.cli.records import describe_add, describe_stats, find_record, open_with_bars
from memgraft.core.errors import InvalidInput, MemgraftError
from memgraft.core.scope import Scope

if TYPE_CHECKING:
    from memgraft.cli.conversation import Conversation
    from memgraft.cli.screen import Screen


def chat(
    model: options.Model = options.DEFAULT_MODEL,
    user: options.User = options.DEFAULT_USER,
    home: options.HomeName = "weights",
    branch: options.Branch = None,
    store: options.Store = None,
    plain: Annotated[bool, typer.Option(help="Lines in, lines out, for scripts.")] = False,
    auto: Annotated[bool, typer.Option(help="Notice facts in what you say, offer them.")] = False,
    max_new_tokens: Annotated[int, typer.Option(help="Longest reply, in tokens.", min=1)] = 256,
    temperature: Annotated[float, typer.Option(help="0 is greedy.", min=0.0)] = 0.0,
    seed: Annotated[int, typer.Option(help="Matters above temperature 0.")] = 0,
) -> None:
    """Talk to a model that remembers, in its weights.

    With --home mag the conversation streams through the memory of the model, whose state is kept
    per user; /forget builds it anew from what is remembered, without the conversation.
    """
    opened = open_with_bars(store, home, model, branch)
    from memgraft.cli.mag_conversation import conversation_with
    from memgraft.cli.screen import PlainScreen, TerminalScreen
    from memgraft.host.session import GenerationConfig

    generation = GenerationConfig(max_new_tokens, temperature, seed)
    interactive = sys.stdin.isatty() and not plain
    with opened.memory as memory:
        conversation = conversation_with(opened, Scope(user_id=user), generation)
        screen: Screen = TerminalScreen(list(COMMANDS)) if interactive else PlainScreen()
        if interactive:
            known = memory.store.count(Scope(user_id=user))
            screen.say(f"{opened.host.name}, {known} memories. /help lists the commands.")
        failures = Chat(conversation, screen, auto).run()
    if failures and not interactive:
        raise typer.Exit(1)


class Chat:
    """The loop: commands begin with a slash, everything else is said to the model."""

    def __init__(self, conversation: Conversation, screen: Screen, auto: bool = False) -> None:
        self.conversation = conversation
        self.memory = conversation.memory
        self.scope = conversation.scope
        self.screen = screen
        self.auto = auto
        self.noticed: list[str] = []
        self.failures = 0
        self.leaving = False

    def run(self) -> int:
        """Until /quit or the end of input. Returns the number of lines that failed."""
        while (line := self.screen.read()) is not None:
            try:
                if not self.handle(line.strip()):
                    break
            except KeyboardInterrupt:
                if not self.screen.interactive:
                    raise
                self.screen.error("Interrupted. What was acknowledged is kept.")
            except MemgraftError as error:
                self.failures += 1
                self.screen.error(str(error))
        return self.failures

    def handle(self, line: str) -> bool:
        """Act on one line; False ends the chat."""
        if not line:
            return True
        if not line.startswith("/"):
            self.talk(line)
            return True
        name, _, argument = line.partition(" ")
        if name not in COMMANDS:
            raise InvalidInput(
                f"no command is called {name}",
                expected=" ".join(COMMANDS),
                next_step="/help tells what they do",
            )
        COMMANDS[name][0](self, argument.strip())
        return not self.leaving

    def talk(self, line: str) -> None:
        self.screen.reply(self.conversation.reply(line))
        if self.auto:
            self.offer(line)

    def offer(self, line: str) -> None:
        """Point out facts in what the user said; nothing is kept unasked."""
        from memgraft.text.notice import notice

        known = {record.text.casefold() for record in self.memory.store.list(self.scope)}
        self.noticed = [fact for fact in notice(line) if fact.casefold() not in known]
        for fact in self.noticed:
            self.screen.say(f'Noticed: "{fact}". /remember keeps it.')

    def remember(self, fact: str) -> None:
        facts = [fact] if fact else self.noticed
        if not facts:
            raise InvalidInput("there is no fact to remember", expected="/remember <fact>")
        self.noticed = []
        for each in facts:
            with self.screen.busy("writing"):
                result = self.memory.add(each, user_id=self.scope.user_id)["results"][0]
            self.screen.say(describe_add(result))

    def memories(self, _: str) -> None:
        records = self.memory.store.list(self.scope)
        lines = [f"{number:>3}. {record.text}" for number, record in enumerate(records, start=1)]
        self.screen.say("\n".join(lines) or "Nothing yet.")

    def forget(self, which: str) -> None:
        record = find_record(self.memory.store, self.scope, which)
        receipts = self.memory.delete(record.id)["receipts"]
        self.conversation.restart()
        self.screen.say(f'Forgotten: "{record.text}"')
        for receipt in receipts:
            if receipt["reason"]:
                self.screen.say(f"Note: {receipt['reason']}")

    def clear(self, _: str) -> None:
        count = self.memory.store.count(self.scope)
        if not self.screen.confirm(f"Forget all {count} memories?"):
            return
        self.memory.delete_all(**self.scope.given())
        self.conversation.restart()
        self.screen.say(f"Forgotten: {count} memories.")

    def stats(self, _: str) -> None:
        self.screen.say(describe_stats(self.memory.stats(self.scope)))

    def why(self, _: str) -> None:
        """The last reply's sources, and the prompt, which proves what was not in it."""
        why = self.conversation.why()
        if not why["prompt"]:
            self.screen.say("Nothing was asked yet.")
            return
        for name in ("awake", "considered", "passages"):
            facts = [f"{fact['score']:.2f} {fact['memory']}" for fact in why[name]]
            self.screen.say(f"{name}: " + ("; ".join(facts) or "nothing"))
        self.screen.say("prompt:\n" + why["prompt"])

    def save(self, _: str) -> None:
        self.memory.save()
        self.screen.say(f"Saved in {self.memory.store.location}")

    def quit(self, _: str) -> None:
        self.leaving = True

    def help(self, _: str) -> None:
        self.screen.say("\n".join(f"{name:<11} {text}" for name, (_, text) in COMMANDS.items()))


Command = Callable[[Chat, str], None]

COMMANDS: dict[str, tuple[Command, str]] = {
    "/remember": (Chat.remember, "<fact>: remember it (alone: what was noticed)"),
    "/memories": (Chat.memories, "list what is remembered"),
    "/forget": (Chat.forget, "<number, id or text>: forget it, exactly"),
    "/clear": (Chat.clear, "forget everything of this user"),
    "/stats": (Chat.stats, "counts, bytes, model"),
    "/why": (Chat.why, "which facts were awake for the last answer, and the exact prompt"),
    "/save": (Chat.save, "make all state durable now (writes are already)"),
    "/help": (Chat.help, "this list"),
    "/quit": (Chat.quit, "leave (so does Ctrl-D)"),
}
