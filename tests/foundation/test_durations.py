"""Durations and rates as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchword.foundation.clock import DAY, HOUR, MINUTE, SECOND
from watchword.foundation.durations import parse_duration, parse_rate
from watchword.foundation.errors import ConfigurationError


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [("90s", 90 * SECOND), ("1 sec", SECOND), ("10m", 10 * MINUTE), ("10 Minutes", 10 * MINUTE), ("2 hours", 2 * HOUR),
     ("1h", HOUR), (" 30 days ", 30 * DAY), ("1 day", DAY), ("999999d", 999_999 * DAY)],
)  # fmt: skip
def test_a_duration_is_a_number_and_a_unit(text: str, milliseconds: int):
    assert parse_duration(text) == milliseconds


@pytest.mark.parametrize(
    "text",
    ["", "10", "m", "0s", "-1m", "1.5h", "10 m s", "10 years", "10mm", "1e3s", "1_0s", "10m\0", "1000000d", "m10"],
)
def test_what_is_no_duration_is_refused_with_examples(text: str):
    with pytest.raises(ConfigurationError, match="'90s', '10m', '2 hours' or '30 days'") as refused:
        parse_duration(text)
    assert repr(text) in str(refused.value)


@pytest.mark.parametrize(
    ("text", "count", "period"),
    [("10/minute", 10, MINUTE), ("5/10m", 5, 10 * MINUTE), ("5 / 10 m", 5, 10 * MINUTE), ("100/h", 100, HOUR),
     ("1/Day", 1, DAY), ("1000000/2 hours", 1_000_000, 2 * HOUR)],
)  # fmt: skip
def test_a_rate_is_a_count_and_a_period(text: str, count: int, period: int):
    assert parse_rate(text) == (count, period)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "10",
        "/m",
        "10/",
        "0/m",
        "5/0m",
        "5/00m",
        "5/000000h",
        "-1/m",
        "1/2/m",
        "ten/minute",
        "10/year",
        "10 per minute",
    ],
)
def test_what_is_no_rate_is_refused_with_examples(text: str):
    """A period of nothing would let everything through, or divide by zero."""
    with pytest.raises(ConfigurationError, match="'10/minute' or '5/10m'"):
        parse_rate(text)


@given(st.text() | st.text("0159/ smhdays\u0661\n", max_size=12))
def test_any_text_is_positive_or_a_configuration_error(text: str):
    for parse in (parse_duration, parse_rate):
        try:
            found = parse(text)
        except ConfigurationError:
            continue
        assert all(number > 0 for number in (found if isinstance(found, tuple) else (found,)))
