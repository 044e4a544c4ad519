"""What `genai doctor` says, a finding a line."""

from genai_orchestration_tests.support.command import (
    SECRET,
    genai,
)


def findings(code: int) -> list[tuple[str, str]]:
    """What the doctor says, as pairs of mark and sentence; its exit code must be `code`."""
    said = genai("doctor")
    assert (said.code, said.err) == (code, ""), said
    assert SECRET not in said.out
    lines = [(line[:4].strip(), line[5:]) for line in said.out.splitlines()]
    for mark, words in lines:
        assert mark in ("ok", "--", "BAD")
        assert words.endswith(".")
    assert (code == 1) == any(mark == "BAD" for mark, _ in lines)
    return lines


def bad() -> str:
    """The one finding of a doctor who finds everything else well."""
    lines = findings(1)
    assert [mark for mark, _ in lines].count("BAD") == 1, lines
    assert [mark for mark, _ in lines].count("--") == 0, lines
    return next(words for mark, words in lines if mark == "BAD")
