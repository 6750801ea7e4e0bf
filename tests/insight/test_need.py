import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.people import BRANDS, NOON, STRATEGY, a_loop, camille, enters
from visavis.consent.gate import open_categories, view
from visavis.insight.features import CONTEXTS, FEATURES, context, features
from visavis.insight.need import Net, estimate, logits, pack, prior, unpack
from visavis.insight.shortlist import Shortlist, shortlist
from visavis.learning.fit import fit
from visavis.measurement.calibration import recalibrate
from visavis.model.moment import Spot
from visavis.model.world import Calibration


def camilles_shortlist(*, without: frozenset[str] = frozenset()) -> Shortlist | None:
    loop = a_loop()
    camille(loop, "reminders", "place-moment", products=tuple(BRANDS))
    moment = enters().__class__(
        id="d", customer="camille", occurred_at=NOON, place="s1", at=Spot("s1", "shop", 20_781, 12.0)
    )
    categories = open_categories(loop.customers["camille"], STRATEGY.purposes["reminders"], NOON.timestamp())
    return shortlist(view(loop.customers["camille"], moment, categories, NOON.timestamp()), without=without)


def test_a_shortlist_holds_each_habit_once_and_nothing_that_is_left_out() -> None:
    whole, part = camilles_shortlist(), camilles_shortlist(without=frozenset({"BANANAS"}))

    assert whole is not None
    assert part is not None
    assert set(part.families) == set(whole.families) - {"BANANAS"}
    assert len(set(whole.families)) == len(whole.families)


def test_features_are_finite_and_named() -> None:
    short = camilles_shortlist()
    assert short is not None

    x, c = features(short, {}), context(short, frozenset({"BANANAS"}))

    assert x.shape == (len(short.families), len(FEATURES))
    assert c.shape == (len(CONTEXTS),)
    assert np.isfinite(x).all()
    assert np.isfinite(c).all()


def test_calibration_shifts_every_probability_the_same_way() -> None:
    short = camilles_shortlist()
    assert short is not None
    plain, higher = (
        estimate(prior(), Calibration(), short, "visit"),
        estimate(prior(), Calibration(0.5), short, "visit"),
    )

    assert (higher.p > plain.p).all()
    assert ((plain.p > 0) & (plain.p < 1)).all()
    assert len(plain.terms(0)) == 3


def test_parameters_come_back_from_their_bytes() -> None:
    rng = np.random.default_rng(0)
    f, m, units = len(FEATURES), len(CONTEXTS), 5
    net = Net(
        rng.normal(size=f),
        rng.normal(size=(f, units)),
        rng.normal(size=(m, units)),
        rng.normal(size=units),
        rng.normal(size=units),
        rng.normal(size=f),
        rng.normal(size=m),
        0.5,
    )

    again = unpack(pack(net))

    assert all(np.allclose(getattr(again, name), getattr(net, name), atol=1e-6) for name in Net.__struct_fields__)
    assert pack(again) == pack(net)


def test_the_fit_finds_a_weight_that_a_context_bends() -> None:
    rng = np.random.default_rng(1)
    visits, rows = 6000, 8
    x = rng.normal(size=(visits * rows, len(FEATURES))).astype(np.float32)
    c = rng.normal(size=(visits, len(CONTEXTS))).astype(np.float32)
    visit = np.repeat(np.arange(visits), rows)
    truth = 1.0 / (
        1.0 + np.exp(-(-1.0 + 0.8 * x[:, 0] - 0.5 * x[:, 1] + 0.4 * c[visit, 2] + 0.9 * x[:, 0] * c[visit, 0]))
    )
    y = rng.random(len(truth)) < truth

    net = fit(x.copy(), c, visit, y, members=1, epochs=50)

    found = np.concatenate(
        [1.0 / (1.0 + np.exp(-logits(net, x[visit == v].astype(float), c[v].astype(float))[0])) for v in range(600)]
    )
    assert np.corrcoef(found, truth[: len(found)])[0, 1] > 0.93
    assert abs(found.mean() - truth[: len(found)].mean()) < 0.03


def test_fitting_twice_gives_the_same_bytes() -> None:
    rng = np.random.default_rng(3)
    x, c = (
        rng.normal(size=(400, len(FEATURES))).astype(np.float32),
        rng.normal(size=(50, len(CONTEXTS))).astype(np.float32),
    )
    rows = (c, np.repeat(np.arange(50), 8), rng.random(400) < 0.3)

    assert pack(fit(x.copy(), *rows, members=2, epochs=2)) == pack(fit(x.copy(), *rows, members=2, epochs=2))


@pytest.mark.parametrize(("shift", "slope"), [(0.0, 1.0), (-0.5, 1.0), (0.3, 0.8)])
def test_recalibration_recovers_a_known_shift(shift: float, slope: float) -> None:
    rng = np.random.default_rng(2)
    p = rng.beta(2, 4, size=40_000)
    y = rng.random(40_000) < 1.0 / (1.0 + np.exp(-(shift + slope * np.log(p / (1 - p)))))

    found = recalibrate(p, y)

    assert abs(found[0] - shift) < 0.06
    assert abs(found[1] - slope) < 0.06


@given(st.integers(1, 30), st.booleans())
def test_few_one_sided_labels_move_little(n: int, label: bool) -> None:
    shift, slope = recalibrate(np.full(n, 0.3), np.full(n, label))

    assert abs(shift) < 5.0
    assert abs(slope) < 5.0
