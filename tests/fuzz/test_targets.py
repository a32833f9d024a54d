"""What fuzzing starts from, and what it once found, holds good."""

from collections.abc import Callable, Iterable

import pytest

from fuzz.seeds import LINE_WORDS, RULE_WORDS, dictionary, line_seeds, rule_seeds
from fuzz.targets import check_lines, check_rules


@pytest.mark.parametrize(
    ("check", "seeds", "at_least"), [(check_lines, line_seeds, 1180), (check_rules, rule_seeds, 16)]
)
def test_no_seed_and_no_former_finding_fails(
    check: Callable[[bytes], None], seeds: Callable[[], Iterable[bytes]], at_least: int
) -> None:
    """Each ends in one of the ways that are documented."""
    number = 0
    for number, seed in enumerate(seeds(), 1):  # noqa: B007 - counted
        check(seed)
    assert number >= at_least


@pytest.mark.parametrize("words", [LINE_WORDS, RULE_WORDS])
def test_the_words_are_spelled_for_the_fuzzer(words: list[str]) -> None:
    """One a line, in printable ASCII."""
    lines = dictionary(words).splitlines()
    assert len(lines) == len(words)
    assert all(line.isascii() and line.isprintable() for line in lines)
