"""Which error a person is shown: one that was foreseen, and never in the place of a bug."""

import pytest

from genai_orchestration.errors import UserError, causes, plain


def raised(kind: str) -> Exception:
    """An error as code really raises it, with what it was raised from or struck in."""
    try:
        try:
            raise UserError("the API has no such key")
        except UserError as foreseen:
            match kind:
                case "bug":
                    int([])  # type: ignore[call-overload]
                case "silenced":
                    raise KeyError("id") from None
                case "wrapped":
                    raise RuntimeError("step failed") from foreseen
                case _:
                    raise
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


def test_a_foreseen_error_is_shown_as_it_is() -> None:
    error = raised("itself")
    assert plain(error) is error


def test_a_foreseen_error_is_found_in_what_libraries_wrap_around_it() -> None:
    error = raised("wrapped")
    assert str(plain(error)) == "the API has no such key"
    assert [type(cause) for cause in causes(error)] == [RuntimeError, UserError]


@pytest.mark.parametrize("kind", ["bug", "silenced"])
def test_a_bug_that_strikes_while_a_foreseen_error_is_handled_stays_a_bug(kind: str) -> None:
    assert plain(raised(kind)) is None


def test_an_error_that_names_itself_as_its_cause_has_an_end() -> None:
    error = UserError("once")
    error.__cause__ = error
    assert list(causes(error)) == [error]
