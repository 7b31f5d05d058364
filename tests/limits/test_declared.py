"""The limits by name, and what settings may make of them."""

import pytest

from watchword.foundation.clock import MINUTE
from watchword.foundation.errors import ConfigurationError
from watchword.limits.declared import LIMITS, Rate, effective_rates


def test_every_declared_limit_has_a_rate_and_a_name_of_its_own():
    rates = effective_rates({})
    assert len(rates) == len(LIMITS)
    assert rates["sign_in_account"] == Rate(10, MINUTE)
    assert rates["sign_in_account"].capacity == 10 * MINUTE


def test_cb110_codes_are_limited_to_about_ten_an_hour():
    assert effective_rates({})["code_account"] == Rate(10, 6 * MINUTE)


def test_settings_replace_a_rate():
    assert effective_rates({"sign_in_address": "7/minute"})["sign_in_address"] == Rate(7, 8_572)


def test_an_unknown_name_is_refused_and_the_names_are_listed():
    with pytest.raises(ConfigurationError, match=r"no limit is called 'sign_in_adress'.*sign_in_address"):
        effective_rates({"sign_in_adress": "7/minute"})


@pytest.mark.parametrize("rate", ["", "7", "0/m", "-1/m", "ten/minute", "2000/s", "7/0m"])
def test_a_rate_that_is_none_is_refused_with_the_name_of_its_limit(rate):
    with pytest.raises(ConfigurationError, match="'sign_in_address'"):
        effective_rates({"sign_in_address": rate})
