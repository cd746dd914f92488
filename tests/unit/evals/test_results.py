"""Results that outlive an interruption."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from memgraft.core.errors import InvalidInput
from memgraft.evals.results import FILE, Results, digest
from memgraft.evals.rows import FactRow
from memgraft.evals.systems import Opener

SETTINGS = {"rows": "abc"}
NEVER: Any = None
ONE, OTHER = Opener("weights", "lora", NEVER), Opener("weights", "grace", NEVER)


def test_what_was_added_is_found_again(tmp_path: Path) -> None:
    results = Results(tmp_path / "new" / "folder", SETTINGS)
    assert results.find(ONE, 10) is None
    results.add(ONE, 10, {"question": 0.5, "reply": "Straße\u2028"})
    results.add(OTHER, 10, {"question": 0.25})
    for opened in (results, Results(tmp_path / "new" / "folder", SETTINGS)):
        assert opened.find(ONE, 10) == {"question": 0.5, "reply": "Straße\u2028"}
        assert opened.find(OTHER, 10) == {"question": 0.25}
        assert opened.find(ONE, 100) is None


def test_results_of_other_settings_are_not(tmp_path: Path) -> None:
    Results(tmp_path, SETTINGS).add(ONE, 10, {"question": 0.5})
    assert Results(tmp_path, {"rows": "xyz"}).find(ONE, 10) is None
    trained = Opener("weights", "lora", NEVER, trained="1234")
    assert Results(tmp_path, SETTINGS).find(trained, 10) is None


def test_a_torn_line_is_passed_over(tmp_path: Path) -> None:
    Results(tmp_path, SETTINGS).add(ONE, 10, {"question": 0.5})
    path = tmp_path / FILE
    path.write_text(path.read_text() + '[1]\n{"key": {"ro')
    results = Results(tmp_path, SETTINGS)
    results.add(OTHER, 10, {"question": 0.25})
    again = Results(tmp_path, SETTINGS)
    assert again.find(ONE, 10) == {"question": 0.5}
    assert again.find(OTHER, 10) == {"question": 0.25}


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidInput, match="for a report"):
        Results(tmp_path / "file", SETTINGS)


def test_a_digest_tells_rows_apart() -> None:
    rows = [FactRow("a", "b", "c", "d")]
    assert digest(rows) == digest(list(rows))
    assert digest(rows) != digest([FactRow("a", "b", "c", "e")])
