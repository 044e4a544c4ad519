"""What Dagster is started with."""

import inspect

from dagster._core import op_concurrency_limits_counter

from genai_orchestration import dev


def test_dagsters_queue_still_knows_the_variable_that_it_is_started_with() -> None:
    source = inspect.getsource(op_concurrency_limits_counter)
    assert [name for name in dev.QUEUE if name not in source] == []
