"""Words that exclude each other: a question about the yellow boat is not about the blue one.

Sentence embeddings put words of one class close together. Where a question names one and a fact
another, the question is about something else.
"""

from __future__ import annotations

import re

# A line is a class; words joined by a slash stand for the same thing.
_CLASSES = """
red crimson/scarlet blue/navy green yellow orange purple/violet pink brown black white grey/gray
monday tuesday wednesday thursday friday saturday sunday
january/jan february/feb march april/apr june/jun july/jul august/aug september/sep october/oct \
november/nov december/dec
spring summer autumn/fall winter
morning/breakfast afternoon/lunch/lunchtime evening/dinner/supper night/nightly
dog/puppy/pup/hound cat/kitten/kitty rabbit/bunny horse/mare/stallion pony donkey/mule \
parrot/budgie hamster tortoise/turtle goat sheep/lamb cow/calf pig snake ferret hen/chicken duck \
fish/goldfish jellyfish wasp bee
piano/keyboard guitar violin/fiddle viola cello flute clarinet oboe trumpet trombone \
saxophone/sax accordion harp banjo ukulele drum
football/soccer rugby cricket tennis badminton squash basketball volleyball handball hockey \
baseball golf chess swimming/swim climbing yoga pilates bowling darts fencing judo karate
english french german spanish italian portuguese dutch swedish norwegian danish finnish polish \
czech russian ukrainian greek turkish arabic hebrew hindi chinese/mandarin japanese korean welsh \
irish/gaelic
tea coffee/espresso wine beer/ale whisky/whiskey milk juice cider lemonade
car/automobile motorbike/motorcycle/moped/scooter bicycle/bike van lorry/truck \
boat/yacht/dinghy/kayak/canoe caravan tractor bus tram
coat/jacket glove/mitten shoe/trainer/sneaker/boot hat/cap shirt/blouse trousers/jeans \
skirt/dress sock scarf ring/band wallet/purse belt watch
passport licence/license visa permit
dentist dermatologist therapist/counsellor optician/optometrist physiotherapist/physio \
vet/veterinarian midwife cardiologist accountant lawyer/solicitor plumber electrician \
hairdresser/barber gardener
kitchen bathroom bedroom attic/loft cellar/basement garage shed garden hallway pantry
boy girl
left right
north south east west
oldest/eldest youngest
aunt uncle
knee elbow shoulder ankle wrist hip
strawberry raspberry apple pear plum cherry banana lemon grape peach
"""
_WORD = re.compile(r"[^\W\d_]+")


def rival_terms(question: str, fact: str) -> list[str]:
    """Words of the question that stand where the fact has another of their class.

    >>> rival_terms("Whose is the yellow boat?", "The blue boat belongs to Ida")
    ['yellow']
    >>> rival_terms("Whose is the yellow boat?", "The blue and yellow boat belongs to Ida")
    []
    """
    asked, told = _named(question), _named(fact)
    return sorted(
        word
        for number, words in asked.items()
        if number in told and not set(words) & set(told[number])
        for word in words.values()
    )


def _named(text: str) -> dict[int, dict[int, str]]:
    """By class, by the thing in it: the word that names it."""
    found: dict[int, dict[int, str]] = {}
    for word in map(str.casefold, _WORD.findall(text)):
        place = _PLACES.get(word) or _PLACES.get(word.removesuffix("s"))
        if place:
            found.setdefault(place[0], {})[place[1]] = word
    return found


_PLACES = {
    word: (number, place)
    for number, line in enumerate(_CLASSES.split("\n"))
    for place, names in enumerate(line.split())
    for word in names.split("/")
}
