"""Conditions and facts as Hypothesis draws them: all operators, all types, and values that are absent or NaN."""

from hypothesis import strategies as st

from visavis.strategy.conditions import Value

NUMBERS = ["worth.trips", "moment.hour", "need.p7"]
TEXTS = ["place.kind", "saw.family"]
FLAGS = ["customer.known", "device.worn"]


def _leaf() -> st.SearchStrategy[str]:
    number = st.sampled_from(["0", "1", "2.5", "-3"])
    text = st.sampled_from(['"a"', '"b"', '"shop"'])
    return st.one_of(
        st.builds(
            "{} {} {}".format, st.sampled_from(NUMBERS), st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), number
        ),
        st.builds("{} < {} <= {}".format, number, st.sampled_from(NUMBERS), number),
        st.builds("{} {} {}".format, st.sampled_from(TEXTS), st.sampled_from(["==", "!="]), text),
        st.builds("{} {} ({}, {})".format, st.sampled_from(TEXTS), st.sampled_from(["in", "not in"]), text, text),
        st.builds("{} {} (1, 2.5)".format, st.sampled_from(NUMBERS), st.sampled_from(["in", "not in"])),
        st.builds("{} {} customer.tags".format, text, st.sampled_from(["in", "not in"])),
        st.builds("{} {} None".format, st.sampled_from(NUMBERS + TEXTS + FLAGS), st.sampled_from(["is", "is not"])),
        st.sampled_from(FLAGS),
    )


a_condition = st.recursive(
    _leaf(),
    lambda inner: st.one_of(
        st.builds("({}) and ({})".format, inner, inner),
        st.builds("({}) or ({})".format, inner, inner),
        st.builds("not ({})".format, inner),
    ),
    max_leaves=6,
)
facts: st.SearchStrategy[dict[str, Value]] = st.fixed_dictionaries(
    {},
    optional={
        **{path: st.sampled_from([0.0, 1.0, 1.5, 2.5, -3.0, 9.0, float("nan"), None]) for path in NUMBERS},
        **{path: st.sampled_from(["a", "b", "shop", "other", None]) for path in TEXTS},
        **{path: st.sampled_from([True, False, None]) for path in FLAGS},
        "customer.tags": st.sampled_from([frozenset(), frozenset({"a"}), frozenset({"a", "b"}), None]),
    },
)
