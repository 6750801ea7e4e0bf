"""The state that all customers share: which strategy, and what was learned. It changes only by entries of its own."""

from msgspec import Struct

from visavis.model.ids import version_of


class Learned(Struct, frozen=True, array_like=True, gc=False):
    """The parameters of ``insight.need``: per head a flat vector, and the population's figures per family."""

    version: str
    heads: dict[str, bytes]
    families: dict[str, tuple[float, ...]]
    card: dict[str, str]


class Calibration(Struct, frozen=True, array_like=True, gc=False):
    """One head's weekly correction: logit p' = ``shift`` + ``slope`` · logit p."""

    shift: float = 0.0
    slope: float = 1.0


class Belief(Struct, frozen=True, array_like=True, gc=False):
    """What outcomes taught about one action: a correction of the logit, with and without the card."""

    shown_mean: float = 0.0
    shown_variance: float = 0.25
    base_mean: float = 0.0
    base_variance: float = 0.25
    outcomes: int = 0


class World(Struct, frozen=True, gc=False):
    """The shared state that a decision saw. ``version`` is a hash chain over its entries.

    ``notices`` are the hashes of all notices that were ever loaded.
    """

    version: str = ""
    strategy: str = ""
    learned: Learned | None = None
    calibrations: dict[str, Calibration] = {}
    beliefs: dict[str, Belief] = {}
    notices: dict[str, str] = {}


class StrategyLoaded(Struct, frozen=True, array_like=True, tag="strategy", gc=False):
    """A strategy became the current one; its files are kept, so that old decisions can be repeated.

    ``notices`` are the hashes of its notices, by purpose, version and language.
    """

    version: str
    files: dict[str, bytes]
    notices: dict[str, str] = {}


class ParametersLearned(Struct, frozen=True, array_like=True, tag="learned", gc=False):
    """Parameters were fitted."""

    learned: Learned


class Recalibrated(Struct, frozen=True, array_like=True, tag="recalibrated", gc=False):
    """The weekly correction of some heads."""

    calibrations: dict[str, Calibration]


class OutcomesLearned(Struct, frozen=True, array_like=True, tag="outcomes", gc=False):
    """Beliefs were updated with a batch of outcomes."""

    beliefs: dict[str, Belief]


WorldChange = StrategyLoaded | ParametersLearned | Recalibrated | OutcomesLearned


def chained(version: str, change: bytes) -> str:
    """The next link of the world's hash chain."""
    return version_of(version.encode(), change)
