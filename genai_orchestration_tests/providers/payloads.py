"""Payloads that nobody foresaw: any JSON object, with a provider's field names among its keys."""

from typing import Any

from hypothesis import strategies as st


def odd_payloads(*names: str) -> st.SearchStrategy[dict[str, Any]]:
    """JSON objects of any shape, as deep as two objects, whose keys are mostly `names`."""
    scalars = (
        st.none()
        | st.booleans()
        | st.integers(-3, 20)
        | st.floats(allow_nan=True)
        | st.text(max_size=8)
        | st.sampled_from(names)
    )
    keys = st.sampled_from(names) | st.text(max_size=8)
    inner = st.dictionaries(keys, scalars | st.lists(scalars, max_size=3), max_size=4)
    middle = st.dictionaries(keys, scalars | inner, max_size=4)
    return st.dictionaries(keys, scalars | st.lists(scalars, max_size=3) | middle, max_size=6)
