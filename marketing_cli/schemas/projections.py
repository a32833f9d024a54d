"""Typed views of properties and traits, for queries; what does not fit is left out and never an error."""

import math
import re
from typing import Annotated, Any, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, PlainValidator

from marketing_cli.domain.events import JsonObject
from marketing_cli.schemas.json_values import INT_MAX, INT_MIN

MAX_TEXT = 255
_NUMBERS = (int, float)

_NUMERIC_TEXT = re.compile(r"(-?[0-9]+)(?:\.([0-9]+))?")
# More digits than any double can have before its point; converting much longer text takes quadratic time.
_MAX_NUMERIC_TEXT = 400


def number_or_none(value: object) -> float | None:
    """A finite JSON number, or text that is one written without exponent, as a float; else None."""
    if value is None:
        return None
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str):
        value = float(value) if _numeric(value) else None
    if isinstance(value, bool) or not isinstance(value, _NUMBERS):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def integer_or_none(value: object) -> int | None:
    """A whole 64-bit number, or text that is one, as an integer (`3`, `3.0` and `"3.0"` are 3); else None."""
    if value is None:
        return None
    if isinstance(value, str):
        value = _integer_in_text(value)
    elif isinstance(value, float):
        value = int(value) if value.is_integer() else None
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if INT_MIN <= value <= INT_MAX else None


def text_or_none(value: object) -> str | None:
    """Text of at most 255 characters; else None."""
    return value if isinstance(value, str) and len(value) <= MAX_TEXT else None


def boolean_or_none(value: object) -> bool | None:
    """JSON `true` or `false`; else None."""
    return value if isinstance(value, bool) else None


def _numeric(text: str) -> re.Match[str] | None:
    return _NUMERIC_TEXT.fullmatch(text) if len(text) <= _MAX_NUMERIC_TEXT else None


def _integer_in_text(text: str) -> int | None:
    # Not by way of a float: it has only 53 bits.
    match = _numeric(text)
    return int(match[1]) if match and not (match[2] or "").strip("0") else None


class _Projection(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    @classmethod
    def project(cls, values: JsonObject | None) -> Self:
        """The typed view of `values`; never raises."""
        return cls.model_validate(values or {})


class EventPropertiesIn(_Projection):
    """The properties that can be queried; None where there is none that fits."""

    amount: Annotated[float | None, PlainValidator(number_or_none)] = None
    attempt_number: Annotated[int | None, PlainValidator(integer_or_none)] = None
    failure_reason: Annotated[str | None, PlainValidator(text_or_none)] = None


class UserTraitsIn(_Projection):
    """The traits that can be queried; None where there is none that fits. Only JSON `true` is consent."""

    email: Annotated[str | None, PlainValidator(text_or_none)] = None
    country: Annotated[str | None, PlainValidator(text_or_none)] = None
    marketing_opt_in: Annotated[bool | None, PlainValidator(boolean_or_none)] = None
    risk_segment: Annotated[str | None, PlainValidator(text_or_none)] = None

    @classmethod
    def rest(cls, traits: JsonObject | None) -> JsonObject:
        """The traits that have no field here or do not fit it, in their order."""
        return split_traits(traits).extra or {}


class PropertyColumns(NamedTuple):
    """Properties that can be queried, as they are stored beside the whole."""

    amount: float | None = None
    attempt_number: int | None = None
    failure_reason: str | None = None


def project_properties(properties: JsonObject) -> PropertyColumns:
    """What `EventPropertiesIn` makes of properties, without the model: it is done for every event."""
    get = properties.get
    amount, attempt, failure = get("amount"), get("attempt_number"), get("failure_reason")
    # Most events lack most of them, and to ask about nothing would cost as much as to take apart what is there.
    return PropertyColumns(
        None if amount is None else number_or_none(amount),
        None if attempt is None else integer_or_none(attempt),
        None if failure is None else text_or_none(failure),
    )


class TraitColumns(NamedTuple):
    """Traits taken apart for storage, without loss.

    `extra` holds what has no column or does not fit it, None if that is nothing. `key_order` lists all keys, or is None
    where the order is: the columns that are set, as declared here, then `extra`.
    """

    email: str | None = None
    country: str | None = None
    marketing_opt_in: bool | None = None
    risk_segment: str | None = None
    extra: dict[str, Any] | None = None
    key_order: list[str] | None = None


_TRAIT_NAMES = [*TraitColumns._fields[:4]]


def split_traits(traits: JsonObject | None) -> TraitColumns:
    """Take traits apart into columns; `join_traits` puts them together again, exactly."""
    if not traits:
        return TraitColumns()
    order = [*traits]
    if order == _TRAIT_NAMES and _all_fit(*traits.values()):
        return TraitColumns(*traits.values())
    get = traits.get
    email, country = text_or_none(get("email")), text_or_none(get("country"))
    consent, segment = boolean_or_none(get("marketing_opt_in")), text_or_none(get("risk_segment"))
    fitting = email, country, consent, segment
    natural = [name for name, value in zip(_TRAIT_NAMES, fitting, strict=True) if value is not None]
    extra = {key: value for key, value in traits.items() if key not in natural}
    key_order = None if order == [*natural, *extra] else order
    return TraitColumns(email, country, consent, segment, extra or None, key_order)


def _all_fit(email: object, country: object, consent: object, segment: object) -> bool:
    """Whether traits fit their columns as they are: most do, and to ask each by itself takes twice as long."""
    return (
        isinstance(email, str)
        and isinstance(country, str)
        and isinstance(consent, bool)
        and isinstance(segment, str)
        and max(len(email), len(country), len(segment)) <= MAX_TEXT
    )


def join_traits(columns: TraitColumns) -> JsonObject:
    """The traits that `split_traits` took apart: the same keys, order, values and types; `{}` for no traits."""
    *fitting, extra, key_order = columns
    joined: JsonObject = {n: value for n, value in zip(_TRAIT_NAMES, fitting, strict=True) if value is not None}
    if extra:
        joined |= extra
    return joined if key_order is None else {key: joined[key] for key in key_order}
