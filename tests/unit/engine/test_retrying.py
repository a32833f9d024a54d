"""When a transaction that the database refused is tried again, and when it is given up."""

from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError, IntegrityError, InternalError, OperationalError, ProgrammingError

from marketing_cli.errors import MmsgError
from marketing_cli.services.retrying import ATTEMPTS, retry_refused


class Answered(Exception):
    """What a driver raises; PostgreSQL's have an SQLSTATE."""

    def __init__(self, sqlstate: str | None = None) -> None:
        """Have this SQLSTATE."""
        super().__init__("payload 4711")
        self.sqlstate = sqlstate


def refused(
    kind: type[DBAPIError], sqlstate: str | None = None, statement: str | None = "INSERT", *, lost: bool = False
) -> DBAPIError:
    """A failure as SQLAlchemy reports it: of COMMIT it knows no statement."""
    return kind(statement, None, Answered(sqlstate), connection_invalidated=lost)


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that were made, without making them."""
    made: list[float] = []
    monkeypatch.setattr("marketing_cli.services.retrying.time.sleep", made.append)
    return made


@pytest.mark.parametrize(
    ("failure", "attempts"),
    [
        (refused(IntegrityError), ATTEMPTS),
        (refused(IntegrityError, "23505"), ATTEMPTS),
        (refused(OperationalError, "40001"), ATTEMPTS),
        (refused(OperationalError, "40P01"), ATTEMPTS),
        (refused(OperationalError, "40001", statement=None), ATTEMPTS),
        (refused(InternalError, "XX000", statement=None), ATTEMPTS),
        (refused(InternalError, "XX000"), 1),
        (refused(InternalError, "XX000", statement=None, lost=True), 1),
        (refused(InternalError, "XX001", statement=None), 1),
        (refused(OperationalError, "40P01", lost=True), 1),
        (refused(OperationalError, statement=None, lost=True), 1),
        (refused(OperationalError, "57P01", statement=None, lost=True), 1),
        (refused(OperationalError, "08006", statement=None), 1),
        (refused(OperationalError, "55P03"), 1),
        (refused(OperationalError, "57014"), 1),
        (refused(OperationalError), 1),
        (refused(ProgrammingError, "42P01"), 1),
        (MmsgError("no"), 1),
        (KeyboardInterrupt(), 1),
    ],
)
def test_only_a_refusal_is_worth_another_attempt(failure: BaseException, attempts: int) -> None:
    """A row or a transaction that the database refused, five times in all; any other failure passes at once.

    That is above all an answer to COMMIT that was lost: the batch may be stored.
    """
    calls: list[int] = []

    def attempt() -> None:
        calls.append(1)
        raise failure

    retries: list[int] = []
    with pytest.raises(BaseException) as raised:  # noqa: PT011 - which one is checked below
        retry_refused(attempt, lambda: retries.append(1))
    assert (len(calls), len(retries)) == (attempts, attempts - 1)
    if attempts == 1:
        assert raised.value is failure
    else:
        assert isinstance(raised.value, MmsgError)
        assert raised.value.__cause__ is failure
        assert "4711" not in str(raised.value)


@pytest.mark.parametrize("failures", range(ATTEMPTS))
def test_the_first_attempt_that_works_is_the_last(failures: int, pauses: list[float]) -> None:
    """Its answer is given; a short pause before each further attempt keeps two runs from colliding again."""
    answers: list[Any] = [refused(IntegrityError)] * failures + ["stored", "never asked"]

    def attempt() -> Any:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert retry_refused(attempt) == "stored"
    assert answers == ["never asked"]
    assert len(pauses) == failures
    assert all(0 <= pause <= 0.05 * 2**place for place, pause in enumerate(pauses))
