"""Consent: one purpose, the scope that the served notice named, and what the person chose."""
# A purpose is closed until a yes to a served notice; two of the ten statuses open it (DPV 2.3,
# ``dpv:ConsentStatusValidForProcessing``). A purpose on another basis is open without asking.

from hashlib import sha256
from typing import Final, Literal

import msgspec
from msgspec import Struct

from visavis.model.dpv import MARKETING, SHARING

Basis = Literal["consent", "contract", "legal", "legitimate"]
Status = Literal[
    "given", "renewed", "unknown", "requested", "deferred", "refused", "expired", "invalidated", "revoked", "withdrawn"
]
Actor = Literal["person", "guardian", "brand"]
OPENS: Final = frozenset({"given", "renewed"})
CATEGORIES: Final = ("places", "sight", "purchases", "home", "numbers", "preferences", "orders")
"""What a consent can name; ``service`` (what we showed) and ``account`` need none, and never feed learning."""
RIGHTS: Final = "rights"
"""The purpose of a copy that a person takes of their own data: a duty, whatever the strategy says."""
OVERSIGHT: Final = "oversight"
"""The purpose for which the brand looks at what was decided about a person: it answers for it."""
SENSITIVE: Final = frozenset({"numbers"})
"""Health (GDPR art. 9): read by explicit consent only, by a purpose that reads nothing else."""
TRIAL_DAYS: Final = 30
FULL_AGE_YEARS: Final = 15
"""From this age a person consents alone (France); before, a holder of parental authority consents too."""
PAST_LIMIT: Final = 16
"""How many times in which a purpose was open (or an objection stood) are kept; before them it counts as closed."""
ASK_AGAIN_DAYS: Final = 182
"""A no is remembered this long before the brand may ask again."""


class EarlierNotice(Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """The words of an earlier version, and its scope where that was another than the purpose's now."""

    text: dict[str, str]
    iri: tuple[str, ...] | None = None
    categories: tuple[str, ...] | None = None
    recipients: tuple[str, ...] | None = None


class Notice(Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """The words a person reads before choosing; ``versions`` are those that were served before, by their names."""

    version: str
    text: dict[str, str]
    versions: dict[str, EarlierNotice] = {}

    def text_of(self, version: str) -> dict[str, str]:
        """The words of this version by language; none for an unknown one."""
        earlier = self.versions.get(version)
        return self.text if version == self.version else earlier.text if earlier is not None else {}


class Purpose(Struct, frozen=True, gc=False):
    """What data are read for what, by whom, how long; ``benefit`` is what the person is promised.

    ``recipients`` and ``processors`` are named; ``dpia_id`` is the impact assessment, without which no consent is
    asked; ``offer_kinds`` are those that it may serve; ``retention_days`` how long the data are kept after the last
    active contact.
    """

    key: str
    iri: str | tuple[str, ...]
    basis: Basis
    categories: frozenset[str]
    benefit: dict[str, str]
    notice: Notice
    recipients: tuple[str, ...] = ()
    processors: tuple[str, ...] = ()
    dpia_id: str = ""
    offer_kinds: tuple[Literal["general", "tailored"], ...] = ()
    duration_days: int = 730
    retention_days: int = 1095
    enabled: bool = True

    @property
    def iris(self) -> tuple[str, ...]:
        """The purposes of the vocabulary that this is, in a fixed order."""
        return (self.iri,) if isinstance(self.iri, str) else tuple(sorted(self.iri))

    @property
    def marketing(self) -> bool:
        """Whether an objection to direct marketing closes it."""
        return not MARKETING.isdisjoint(self.iris)

    @property
    def sharing(self) -> bool:
        """Whether Global Privacy Control closes it."""
        return not SHARING.isdisjoint(self.iris)

    @property
    def basis_term(self) -> str:
        """The legal basis, as in :data:`~visavis.model.dpv.BASIS_TERMS`; explicit consent for sensitive data."""
        return "explicit" if self.basis == "consent" and self.categories & SENSITIVE else self.basis


class NoticeText(Struct, frozen=True, gc=False):
    """What a notice says, exactly: its text in one language and its scope; named by the SHA-256 of its JSON."""

    purpose: str
    language: str
    text: str
    iri: tuple[str, ...]
    categories: tuple[str, ...]
    recipients: tuple[str, ...]


class Served(Struct, frozen=True, array_like=True, gc=False):
    """The notice last on this person's screen for one purpose; ``id`` is the moment's, ``hash`` the words'."""

    version: str
    hash: str
    language: str
    at: float
    id: str
    categories: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()
    iri: tuple[str, ...] = ()


class OpenTime(Struct, frozen=True, array_like=True, gc=False):
    """A time in which a choice was open, which is over, and for what."""

    since: float
    until: float
    categories: tuple[str, ...]
    recipients: tuple[str, ...]
    iri: tuple[str, ...]
    by: tuple[Actor, ...]


class Consent(Struct, frozen=True, array_like=True, gc=False):
    """The person's present choice for one purpose; a fold of their choices, never edited.

    ``notice`` is the version, ``served`` the moment that served it, ``hash`` its words; ``by`` who said yes; ``record``
    the moment of this choice and ``previous`` that of the one before. It opens exactly ``categories``, for the purposes
    ``iri``, towards ``recipients``. ``no_at`` is when the last no was received; ``past`` the times, at most
    :data:`PAST_LIMIT`, in which it was open before.
    """

    status: Status
    categories: tuple[str, ...]
    notice: str
    since: float
    until: float
    recipients: tuple[str, ...] = ()
    iri: tuple[str, ...] = ()
    hash: str = ""
    served: str = ""
    served_at: float = 0.0
    language: str = ""
    by: tuple[Actor, ...] = ()
    method: str = ""
    record: str = ""
    previous: str = ""
    trial: bool = False
    no_at: float = 0.0
    past: tuple[OpenTime, ...] = ()

    @property
    def open_times(self) -> tuple[OpenTime, ...]:
        """The times in which it was open, and the present one when it is a yes."""
        if self.status not in OPENS or self.until <= self.since:
            return self.past
        now = OpenTime(self.since, self.until, self.categories, self.recipients, self.iri, self.by)
        return (*self.past, now)[-PAST_LIMIT:]


def notice_text(purpose: Purpose, language: str, version: str = "") -> NoticeText:
    """What this purpose's notice says in this language and version (the present one), its scope in a fixed order."""
    iri, categories, recipients = purpose.iris, tuple(purpose.categories), purpose.recipients
    earlier = purpose.notice.versions.get(version)
    if earlier is not None:
        iri = tuple(sorted(earlier.iri)) if earlier.iri is not None else iri
        categories = earlier.categories if earlier.categories is not None else categories
        recipients = earlier.recipients if earlier.recipients is not None else recipients
    words = purpose.notice.text_of(version or purpose.notice.version)[language]
    return NoticeText(purpose.key, language, words, iri, tuple(sorted(categories)), tuple(sorted(recipients)))


def hash_of(notice: NoticeText) -> str:
    """The name of these words; another letter of the text or another scope gives another.

    >>> notice = NoticeText("home", "en", "What your fridge reports.", (), ("home",), ())
    >>> hash_of(notice)[:12], hash_of(msgspec.structs.replace(notice, recipients=("Acme",)))[:12]
    ('6423416f133a', '99ffd6433b06')
    """
    return sha256(msgspec.json.encode(notice)).hexdigest()
