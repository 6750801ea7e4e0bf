"""What was decided at a moment: to show one arm, or to stay silent; always with reasons, refusals and the exact ``p_shown``."""

from typing import Literal

from msgspec import Struct

RefusalReason = Literal[
    "consent", "condition_false", "condition_unknown", "cap", "gap", "cool_down", "budget", "quiet_hours", "device", "attention",
    "time_to_live", "holdout", "silence_better", "not_drawn", "never_push", "nothing_to_name", "wrong", "unparameterised",
]  # fmt: skip


class Refusal(Struct, frozen=True, array_like=True, gc=False):
    """Why one action was not eligible; ``detail`` names the failing predicate, the cap or the purpose."""

    action: str
    reason: RefusalReason
    detail: str = ""


class Known(Struct, frozen=True, array_like=True, gc=False):
    """A family we believed would be needed, best first, before caps, holdout and cool-down: what calibration is judged and mended on."""

    family: str
    product: str
    p: float


class Scored(Struct, frozen=True, array_like=True, gc=False):
    """One arm of the draw: what it would bring net of the price of attention, in thousandths of a cent, and its probability. Silence has no action."""

    action: str
    family: str
    net_millicents: int
    p_shown: float


class Term(Struct, frozen=True, array_like=True, gc=False):
    """One push on the estimate: a feature's name and how far it moved the logit away from the average, in hundredths."""

    feature: str
    push: int


class Window(Struct, frozen=True, array_like=True, gc=False):
    """When the outcome is known: it counts on local days ``from_day`` … ``until_day``; it closes at ``closes_at`` (epoch seconds)."""

    objective: str
    closes_at: float
    from_day: int
    until_day: int
    visit: bool


class Show(Struct, frozen=True, array_like=True, tag="show"):
    """Show this arm on that device."""

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


class Silence(Struct, frozen=True, array_like=True, tag="silence"):
    """Say nothing; ``reason`` is the one that a person would want to hear first."""

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
    """What became of a decision, once: bit i of ``hits`` says whether its i-th known family happened; ``got`` whether the shown arm did."""

    decision: str
    objective: str
    action: str
    hits: int
    got: bool
    value_cents: int
