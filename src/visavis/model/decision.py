"""Decisions: to show one arm or nothing, with the reasons, the refusals and the exact ``p_shown``."""

from typing import Literal

from msgspec import Struct

RefusalReason = Literal[
    "consent",
    "condition_false",
    "condition_unknown",
    "dates",
    "cap",
    "gap",
    "cool_down",
    "quiet_hours",
    "late",
    "same_stay",
    "closed",
    "resident",
    "back",
    "device",
    "attention",
    "holdout",
    "silence_better",
    "not_drawn",
    "nothing_to_name",
    "wrong",
    "unparameterised",
    "no_target",
]


class Refusal(Struct, frozen=True, array_like=True, gc=False):
    """Why one action was not eligible; ``detail`` names the failing predicate, the cap or the purpose."""

    action: str
    reason: RefusalReason
    detail: str = ""


class Known(Struct, frozen=True, array_like=True, gc=False):
    """A family estimated to be needed, before caps, holdout and cool-down; calibration is measured on these."""

    family: str
    product: str
    p: float


class Scored(Struct, frozen=True, array_like=True, gc=False):
    """One arm of the draw: its value net of the price of attention, and its probability. Silence has no action."""

    action: str
    family: str
    net_millicents: int
    p_shown: float


class Term(Struct, frozen=True, array_like=True, gc=False):
    """A feature of an estimate, and how far it moved the logit away from the average, in hundredths."""

    feature: str
    push: int


class Window(Struct, frozen=True, array_like=True, gc=False):
    """When the outcome counts: from ``opens_at`` to before ``until``, if received before ``closes_at`` (epoch seconds).

    With ``visit`` the first basket ends it; ``place`` is where that visit began.
    """

    objective: str
    opens_at: float
    until: float
    closes_at: float
    visit: bool
    outcome: str = "bought_family"
    place: str = ""


FactKind = Literal["name", "need", "reward", "order", "heavy", "away", "trait", "avoid"]
Origin = Literal["declared", "observed", "inferred"]


class Fact(Struct, frozen=True, array_like=True, gc=False):
    """A fact for an adviser; of a need, how many ``times`` it was met, ``every_days`` on average (0: no rhythm)."""

    kind: FactKind
    subject: str
    origin: Origin
    since_day: int = 0
    p: float = 1.0
    times: int = 0
    every_days: float = 0.0


class Show(Struct, frozen=True, array_like=True, tag="show", gc=False):
    """Show this arm on that device, until ``until`` (epoch seconds); ``facts`` of a brief, ``figures`` on a card."""

    id: str
    audience: str
    purpose: str
    action: str
    family: str
    product: str
    device: str
    units: float
    p_response: float
    p_shown: float
    scored: tuple[Scored, ...]
    known: tuple[Known, ...]
    refusals: tuple[Refusal, ...]
    terms: tuple[Term, ...]
    window: Window | None
    head: str = ""
    until: float = 0.0
    facts: tuple[Fact, ...] = ()
    figures: dict[str, float] = {}


class Silence(Struct, frozen=True, array_like=True, tag="silence", gc=False):
    """Show nothing; ``reason`` is that of the action that got furthest."""

    id: str
    audience: str
    purpose: str
    reason: RefusalReason
    p_shown: float
    scored: tuple[Scored, ...]
    known: tuple[Known, ...]
    refusals: tuple[Refusal, ...]
    window: Window | None
    head: str = ""


Decision = Show | Silence


class Outcome(Struct, frozen=True, array_like=True, gc=False):
    """The outcome of a decision: bit i of ``hits`` when its i-th known family was bought; ``got`` for the shown arm.

    Not ``observed``: no till could have reported a purchase all that time, so that nothing bought says nothing.
    ``opens_at`` and ``until`` are those of its window.
    """

    decision: str
    objective: str
    action: str
    hits: int
    got: bool
    value_cents: int
    observed: bool = True
    opens_at: float = 0.0
    until: float = 0.0
