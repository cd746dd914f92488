"""One tree of errors. Each says what happened, what was expected, what came, and what to do."""

from __future__ import annotations


class MemgraftError(Exception):
    """Base of every error that memgraft raises on purpose.

    Args:
        what: what could not be done, one clause.
        expected: what would have been accepted.
        got: what came instead.
        next_step: what the reader can do about it.
    """

    exit_code = 1

    def __init__(
        self, what: str, *, expected: str = "", got: str = "", next_step: str = ""
    ) -> None:
        self.what = what
        self.expected = expected
        self.got = got
        self.next_step = next_step
        labelled = [("expected", expected), ("got", got), ("next", next_step)]
        super().__init__(what + "".join(f"; {name}: {text}" for name, text in labelled if text))


class InvalidInput(MemgraftError, ValueError):
    """A value that the caller gave cannot be used."""

    exit_code = 2


class NotFound(MemgraftError, KeyError):
    """No record, file or name like that."""

    __str__ = Exception.__str__  # KeyError would print the repr


class Conflict(MemgraftError):
    """The record changed since the caller read it."""


class StoreError(MemgraftError):
    """The store cannot be opened, read or written."""


class StoreBusy(StoreError):
    """Another process held the write lock for longer than the timeout."""


class FolderError(MemgraftError):
    """A saved folder is missing, damaged, of another kind, version or base model."""


class BundleError(MemgraftError):
    """A bundled model could not be fetched or is not what its hash says."""


class ModelError(MemgraftError):
    """A language model cannot be loaded, or has an architecture that is not in the table."""


class MissingExtra(MemgraftError, ImportError):
    """An optional dependency is not installed."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(
            f"{feature} needs packages that are not installed",
            next_step=f"pip install 'memgraft[{extra}]'",
        )
