"""Stories: moments and what is expected of each, as a test, for ``visavis play``, and as a scene of the stage."""
# A story holds no words of cards; a name (``@usual milk``, ``@card``…, see ``docs/stories.md``) depends on the person.

import tomllib
from collections.abc import Mapping
from typing import Any, Literal

import msgspec
from msgspec import Struct

from visavis.model.errors import Invalid

Words = dict[str, str]
"""A text by language: `fr` and `en`."""
By = Literal["brand", "device", "till", "adviser", "sensor", "other-till"]


def text_in(words: Words, language: str) -> str:
    """The text in this language, else in the first that it has."""
    return words.get(language) or next(iter(words.values()), "")


class Expected(Struct, frozen=True, forbid_unknown_fields=True):
    """What is checked of a step, where given; ``or_silence`` are reasons for which its ``card`` may be missing."""

    status: int = 0
    card: str = ""
    silence: str = ""
    or_silence: tuple[str, ...] = ()
    brief: str = ""
    facts_at_most: int = -1
    avoid: bool | None = None
    untold: tuple[str, ...] = ()
    on_glasses: str = ""
    on_adviser: int = -1
    granted: str = ""
    device: str = ""
    effect: str = ""
    wallet: dict[str, str] = {}
    on: tuple[str, ...] = ()
    off: tuple[str, ...] = ()


class Step(Struct, frozen=True, forbid_unknown_fields=True):
    """One thing that happens.

    A ``moment`` reported by ``by``, a ``switch`` of a purpose, the ``close`` of a kind of data, a ``read`` of something
    of the person's, or time that passes (``pass_s``). ``again`` sends the last moment once more, as a retry does.
    """

    by: By = "device"
    moment: dict[str, Any] = {}
    switch: str = ""
    close: str = ""
    on: bool = True
    pass_s: float = 0.0
    read: str = ""
    say: Words = {}
    again: bool = False
    expect: Expected = Expected()


class Story(Struct, frozen=True, forbid_unknown_fields=True):
    """Steps for one person; ``given`` are the purposes that they chose before, a ``stranger`` is not known at all."""

    title: Words
    promise: Words
    steps: tuple[Step, ...]
    id: str = ""
    given: tuple[str, ...] = ()
    declared: dict[str, str | float | bool] = {}
    stranger: bool = False
    at: Literal["visit", "morning", "now"] = "visit"


def stories(files: Mapping[str, bytes]) -> list[Story]:
    """The stories of a strategy's folder, by file name; :class:`Invalid` names the file and the key that is wrong."""
    found = []
    for path in sorted(files):
        if path.startswith("stories/") and path.endswith(".toml"):
            try:
                content = tomllib.loads(files[path].decode())
                found.append(msgspec.convert(content | {"id": path[len("stories/") : -len(".toml")]}, Story))
            except (UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
                raise Invalid(f"{path}: {error}.", advice="See docs/stories.md.") from None
    return found


class Check(Struct, frozen=True):
    """One expectation beside what happened."""

    what: str
    expected: str
    found: str

    @property
    def holds(self) -> bool:
        """Whether it is as expected."""
        return self.expected == self.found


class PlayedStep(Struct, frozen=True):
    """A played step: sent, answered, on both screens, checked; ``excused`` tells why its card is rightly missing."""

    story: str
    number: int
    person: str
    sent: dict[str, Any]
    status: int
    reply: dict[str, Any]
    checks: tuple[Check, ...]
    glasses: str = ""
    adviser: tuple[str, ...] = ()
    us: float = 0.0
    skipped: bool = False
    excused: str = ""

    @property
    def as_expected(self) -> bool:
        """Whether every check holds; a step that needs a card which is rightly missing is skipped, and may be."""
        return all(check.holds for check in self.checks) and (not self.skipped or bool(self.excused))
