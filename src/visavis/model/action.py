"""Objectives (why), and the actions that serve them (what may be shown, to whom, when)."""

from collections.abc import Mapping
from datetime import date
from typing import Final, Literal

from msgspec import Struct, field

from visavis.model.request import Tag

Audience = Literal["customer", "adviser"]
About = Literal["need", "seen", "home", "none"]
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
SOURCES: Final[Mapping[str, str]] = {"need": "purchases", "seen": "sight", "home": "home"}
"""The category of data that the family on a card comes from, by what its action is about."""


class Objective(Struct, frozen=True, gc=False):
    """Which outcome counts, until when, what it is worth, and how its effect is measured.

    ``window`` is ``visit`` (the basket of this visit; at the latest ``hours`` later) or ``days`` (on another local day,
    up to ``days`` days later). What occurred in the window and is received up to ``grace_hours`` after it still counts:
    a till may report at night. ``credit`` is ``uplift`` (pay for what the card changed) or ``response`` (a service
    whose use is its value).
    """

    id: str
    why: dict[str, str]
    outcome: Literal["bought_family", "bought_any", "answered_yes"]
    window: Literal["visit", "days"]
    value_cents: int
    holdout_share: float
    credit: Literal["uplift", "response"]
    hours: float = 3.0
    days: int = 3
    grace_hours: float = 24.0


class Template(Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """The words of a card in one language; placeholders such as ``{family}`` are filled in."""

    title: str
    body: str
    why: str
    yes: str = ""
    no: str = ""


class Limits(Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """How often one action may be shown to one person; ``cool_down_days`` is per family."""

    per_day: int = 3
    gap_s: float = 600.0
    cool_down_days: float = 0.0


class Action(Struct, frozen=True, gc=False):
    """What may be shown, to whom, by which kinds of moment it is woken, and for which purpose it reads data.

    ``about`` names where its family and product come from. ``from`` and ``until`` are its first and last local day,
    ``days`` the weekdays on which it may be shown. ``review`` tags a decision that the person may have reviewed by a
    human: a price of their own, eligibility, credit, a refusal.
    """

    id: str
    objective: str
    purpose: str
    audience: Audience
    offer: Literal["general", "tailored"]
    woken_by: tuple[str, ...]
    about: About
    card: dict[str, Template]
    when: str = ""
    product_when: str = ""
    top: int = 1
    limits: Limits = Limits()
    effect: Literal["", "order", "reward"] = ""
    reward_cents: int = 0
    reward_days: int = 90
    lever: float = 1.0
    explore: bool = True
    ttl_s: float = 600.0
    review: Tag | Literal[""] = ""
    first_day: date | None = field(default=None, name="from")
    last_day: date | None = field(default=None, name="until")
    days: tuple[Weekday, ...] = ()
