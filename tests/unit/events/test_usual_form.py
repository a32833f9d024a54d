"""Values of the form that most have are recognised without our own readers: the outcome must be the readers' own."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from marketing_cli.schemas.event import EventIn, faults_of, read_id, read_user_id
from marketing_cli.schemas.timestamps import UTC_FORM, parse_timestamp
from support.events import make_event

_TEXTS = st.one_of(
    st.text(max_size=3),
    st.text(st.sampled_from("a1 \t\x1c\x1f\x85\u00a0\u200b\u3000\ufeff\u0301\u2800"), max_size=4),
    st.integers(250, 260).map("x".__mul__),
)


def _outcome(read: Any, value: object) -> Any:
    try:
        return read(value)
    except PydanticCustomError as error:
        return error.type, error.message()


def _validated(field: str, value: object) -> Any:
    try:
        return getattr(EventIn.model_validate(make_event(**{field: value}), context={"json_checked": True}), field)
    except ValidationError as error:
        fault = faults_of(error)[0]
        return fault["type"], fault["msg"]


@given(_TEXTS)
def test_an_id_is_what_its_reader_makes_of_it(text: str) -> None:
    """Whether a text is an id, and what is said if not, does not depend on who looked at it."""
    assert _validated("event_type", text) == _outcome(read_id, text)
    assert _validated("user_id", text) == _outcome(read_user_id, text)


@given(st.one_of(st.from_regex(UTC_FORM, fullmatch=True), st.from_regex(f"^{UTC_FORM}\\s?$"), st.text(max_size=5)))
def test_a_timestamp_is_what_its_reader_makes_of_it(text: str) -> None:
    """The same instant, or the same complaint: of days that do not exist, too."""
    assert _validated("event_timestamp", text) == _outcome(parse_timestamp, text)


@given(st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31, 23, 59, 59), timezones=st.just(UTC)))  # noqa: DTZ001 - the zone is given apart
def test_every_instant_of_the_usual_form_is_itself(moment: datetime) -> None:
    """Read in UTC, to the microsecond, and with the zone that needs no conversion."""
    read = _validated("event_timestamp", moment.isoformat().replace("+00:00", "Z"))
    assert read == moment
    assert read.tzinfo is UTC
