"""The bundled model with the memory branch that ships: what was told comes back from its state."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from memgraft.evals import systems
from memgraft.open import branched_host

pytestmark = pytest.mark.bundle


def test_a_fact_is_told_and_asked_for_anew(tmp_path: Path) -> None:
    opener = systems.mag(branched_host())
    for told, asked, due in (
        ("My name is Yusuf.", "What is my name?", "Yusuf"),
        ("My sister lives in Tromsø.", "In which city does my sister live?", "Tromsø"),
    ):
        folder = tmp_path / due
        folder.mkdir()
        with closing(opener.open(folder)) as system:
            assert due not in system.answer(asked, 24)
            system.write(told)
        with closing(opener.open(folder)) as system:
            assert due in system.answer(asked, 24)
