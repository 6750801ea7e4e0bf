"""Choose one arm by an explicit probability vector, and draw from that same vector: the logged ``p_shown`` is exact."""
# Inverse gap weighting: ``p_a = 1 / (n + gamma · gap_a)`` for all but the best arm, which takes the rest; then every
# arm gets at least ``floor / n``. The vector is rounded *before* the draw. Silence is an arm and wins ties.
# Reference: Abe & Long, *Associative reinforcement learning using linear probabilistic concepts*, 1999; Foster &
# Rakhlin, *Beyond UCB*, 2020, eq. 6.

from collections.abc import Sequence


def chances(nets: Sequence[float], explored: Sequence[bool], *, gamma: float, floor: float) -> list[float]:
    """The probability of each arm, from the nets alone; sums to 1. The first of equal nets is best: put silence first.

    ``explored[i]`` false keeps arm i out of the draw unless it is the best.

    >>> chances([0.0, 5.0, 4.0], [True, True, True], gamma=100.0, floor=0.02)
    [0.016181, 0.934544, 0.049275]
    >>> chances([0.0, 0.0], [True, False], gamma=100.0, floor=0.02)
    [1.0, 0.0]
    """
    best = max(range(len(nets)), key=nets.__getitem__)
    arms = [i for i in range(len(nets)) if explored[i] or i == best]
    n = len(arms)
    top = nets[best]
    scale = max([1e-9, *[abs(net) for net in nets]])
    p = [0.0] * len(nets)
    for i in arms:
        if i != best:
            p[i] = round((1.0 - floor) / (n + gamma * (top - nets[i]) / scale) + floor / n, 6)
    p[best] = round(1.0 - sum(p), 6)
    return p


def draw(p: Sequence[float], u: float) -> int:
    """The arm whose cumulative probability first exceeds ``u`` in [0, 1).

    >>> draw([0.25, 0.75], 0.1), draw([0.25, 0.75], 0.25)
    (0, 1)
    """
    total = 0.0
    for i, share in enumerate(p):
        total += share
        if u < total:
            return i
    return max(i for i, share in enumerate(p) if share > 0.0)
