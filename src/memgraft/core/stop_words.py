"""English words that say nothing about what a text is about."""

from __future__ import annotations

_WORDS = """
a about am an and are as at be been but by can could d did do does for from had has have how i if
in is it its ll m me my of on or our re s she he so t that the their them they this to ve was we
were what when where which who whom whose why will with would you your
"""
STOP_WORDS = frozenset(_WORDS.split())
