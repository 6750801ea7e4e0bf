"""The record of one visit: what each method predicted, what was decided, and what was bought."""

from msgspec import Struct

from visavis.measurement.peers import Prediction


class EntrancePredictions(Struct, gc=False):
    """What each method (ours and the peers) predicted at the entrance, and whether it was in the basket.

    ``beyond_…``: the best outside the household's three most counted; ``chance``: hit rate of a random family.
    """

    model: Prediction
    model_product: str
    model_hit: bool
    product_hit: bool
    beyond: Prediction
    beyond_hit: bool
    counted: Prediction
    counted_hit: bool
    beyond_counted: Prediction
    beyond_counted_hit: bool
    decayed: str
    decayed_hit: bool
    beyond_decayed: str
    beyond_decayed_hit: bool
    chance: float


class TillPredictions(Struct, gc=False):
    """The same at the till, among what is missing there: a hit was bought on another trip within three days."""

    model: Prediction
    model_hit: bool
    counted: Prediction
    counted_hit: bool
    decayed: Prediction
    decayed_hit: bool
    chance: float


class DecisionRecord(Struct, gc=False):
    """One decision in short: an action with its family and product, or silence with its reason."""

    decision: str
    action: str
    family: str
    product: str
    silence: str
    p_response: float
    p_shown: float
    held_out: bool


class Visit(Struct):
    """One visit: the decisions at the entrance and at the till, and the predictions where there are some."""

    household: int
    basket: int
    at: float
    development: bool
    eligible: bool
    at_entrance: DecisionRecord
    at_till: DecisionRecord | None = None
    entrance: EntrancePredictions | None = None
    till: TillPredictions | None = None
    hit: bool = False
    product_hit: bool = False
