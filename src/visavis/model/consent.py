"""Consent: one purpose, the categories of data that a notice named, and what the person chose.

Nothing is open until a person said yes to a notice that was served to them; only two statuses open the gate (DPV 2.3,
``dpv:ConsentStatusValidForProcessing``). A purpose on a contract basis is open without asking and covers only its own categories.
"""

from typing import Final, Literal

from msgspec import Struct

Basis = Literal["consent", "contract"]
Status = Literal["given", "renewed", "refused", "withdrawn", "expired"]
OPENS: Final = frozenset({"given", "renewed"})
CATEGORIES: Final = ("places", "sight", "purchases", "home", "numbers", "preferences", "orders")
"""What a consent can name. ``service`` (what we showed) and ``account`` are ours to keep, and never feed a decision's learning."""


class Notice(Struct, frozen=True, forbid_unknown_fields=True):
    """The words a person read before choosing, in one version."""

    version: str
    text: dict[str, str]


class Purpose(Struct, frozen=True):
    """What data are read for what; ``benefit`` is what the person is promised."""

    key: str
    basis: Basis
    categories: frozenset[str]
    benefit: dict[str, str]
    notice: Notice
    iri: str = ""
    duration_days: int = 730


class Consent(Struct, frozen=True, array_like=True):
    """The person's present choice for one purpose; a fold of their choices, never edited."""

    status: Status
    categories: tuple[str, ...]
    notice: str
    since: float
    until: float
