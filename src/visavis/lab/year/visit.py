"""One lived visit: what every method would have named, what was said, and what was true."""

from msgspec import Struct

from visavis.measurement.peers import Named


class EntranceVisit(Struct, gc=False):
    """One eligible visit at the door, by every method."""

    named: Named
    product: str
    hit: bool
    product_hit: bool
    beyond: Named
    beyond_hit: bool
    counted: Named
    counted_hit: bool
    beyond_counted: Named
    beyond_counted_hit: bool
    decayed: str
    decayed_hit: bool
    beyond_decayed: str
    beyond_decayed_hit: bool
    chance: float


class TillVisit(Struct, gc=False):
    """The same visit at the till: of what is missing, what is bought on another trip within three days."""

    named: Named
    hit: bool
    counted: Named
    counted_hit: bool
    decayed: Named
    decayed_hit: bool
    chance: float


class Decided(Struct, gc=False):
    """What was decided at one moment, in short: an action with its family, or silence with its reason."""

    decision: str
    action: str
    family: str
    product: str
    silence: str
    p_response: float
    p_shown: float
    held_out: bool


class Visit(Struct):
    """One lived visit: what was decided at the door and at the till, and what was true."""

    household: int
    basket: int
    at: float
    development: bool
    eligible: bool
    entered: Decided
    paying: Decided | None = None
    door: EntranceVisit | None = None
    till: TillVisit | None = None
    hit: bool = False
    product_hit: bool = False
