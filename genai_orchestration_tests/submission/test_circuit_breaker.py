"""Whether the line may go on, as a pure question of the newest outcomes."""

from datetime import timedelta

import pytest

from genai_orchestration.ledger.outcomes import Outcome
from genai_orchestration.providers.states import Failure
from genai_orchestration.submission import circuit_breaker
from genai_orchestration_tests.support.ledgers import MINUTE, NOW

FAULT, SILENCE, GOOD = Failure.PROVIDER_FAULT, Failure.AMBIGUOUS, None


def ended(*failures: Failure | None) -> list[Outcome]:
    """Outcomes a minute apart, the newest of them NOW."""
    return [Outcome(NOW - MINUTE * place, failure) for place, failure in enumerate(failures)]


@pytest.mark.parametrize(
    ("failures", "in_a_row"),
    [
        ((), 0),
        ((GOOD, FAULT, FAULT, FAULT), 0),
        ((FAULT, SILENCE, Failure.TIMEOUT, GOOD, FAULT), 3),
        ((FAULT, FAULT, Failure.INVALID, FAULT), 2),  # a payload's fault: the provider works
        ((Failure.MODERATION, FAULT, FAULT, FAULT), 0),
        ((Failure.OUT_OF_CREDITS, FAULT, FAULT, FAULT), 0),
    ],
)
def test_failures_of_the_provider_are_counted_back_to_anything_else(
    failures: tuple[Failure | None, ...], in_a_row: int
) -> None:
    newest = ended(*failures)
    assert circuit_breaker.failures_in_a_row(newest) == in_a_row
    assert circuit_breaker.half_open_since(newest) == (NOW if in_a_row >= 3 else None)


@pytest.mark.parametrize("failures", [0, 1, 2])
def test_a_few_failures_do_not_stop_it(failures: int) -> None:
    assert circuit_breaker.stopped("Magic Hour", ended(*[FAULT] * failures), NOW) is None


@pytest.mark.parametrize(
    ("failures", "minutes"), [(3, 5), (4, 10), (5, 20), (6, 40), (7, 60), (10, 60)]
)
def test_more_failures_make_it_rest_ever_longer_and_never_above_an_hour(
    failures: int, minutes: int
) -> None:
    newest, rest = ended(*[FAULT] * failures), timedelta(minutes=minutes)
    why = circuit_breaker.stopped("Magic Hour", newest, NOW + rest - timedelta(seconds=1))
    until = f"{NOW + rest:%H:%M:%S}"
    assert why == (
        f"The last {failures} requests to Magic Hour failed by its fault or its silence, so the "
        f"line rests until {until} UTC: run it again then."
    )
    assert circuit_breaker.stopped("Magic Hour", newest, NOW + rest) is None
