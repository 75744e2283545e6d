"""Typed losses made at random, sense and nonsense: for the reader in Python and its twin."""

from hypothesis import strategies as st

from optlib.expression import ARGUMENTS, FUNCTIONS

NUMBERS = st.one_of(
    st.sampled_from(["0", "1", "2", "3", "0.5", ".25", "1e-3", "10", "7.", "2.5E1"]),
    st.floats(0, 100, allow_nan=False).map(lambda v: f"{v:.4g}"),
)
LEAVES = st.one_of(st.sampled_from(["x", "y", "x", "y", "pi", "e"]), NUMBERS)


def _grow(inner):
    call = st.sampled_from(list(FUNCTIONS)).flatmap(
        lambda name: st.lists(inner, min_size=ARGUMENTS[name], max_size=ARGUMENTS[name]).map(
            lambda parts: f"{name}({', '.join(parts)})"
        )
    )
    sign = st.sampled_from([" + ", "-", "*", " / ", "^", "**", "·", "−"])
    return st.one_of(
        st.tuples(inner, sign, inner).map("".join),
        st.tuples(inner, sign, inner).map(lambda parts: f"({''.join(parts)})"),
        inner.map(lambda a: f"-{a}"),
        inner.map(lambda a: f"({a})^2"),
        call,
    )


LOSSES = st.recursive(LEAVES, _grow, max_leaves=8)
PIECES = st.sampled_from(
    ["x", "y", "z", "2", "1e9", "1e999", "e", "pi", "+", "-", "*", "**", "^", "/", "(", ")", ",",
     " ", "sin", "max", "min(", "exp(", "__proto__", "constructor", "toString", "import", "$", "\t",
     "é", "😀", ";", "'", "\\", ".", "1.5.", "((((((((((", "−"]
)  # fmt: skip
NONSENSE = st.one_of(st.text(max_size=40), st.lists(PIECES, max_size=14).map("".join))
