"""Every limit, on one screen: its name, its rate, and what it counts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, final

from watchword.foundation.durations import parse_rate
from watchword.foundation.errors import ConfigurationError


@final
@dataclass(frozen=True, slots=True)
class Limit:
    """One limit.

    Attributes:
        name: what settings and routes call it.
        rate: count and period, `10/10m`: so many at once, then one more each time period / count has passed.
        per: what one counter belongs to: an account (or the address typed in its place, so that unknown ones are
            limited alike), a network address, an e-mail address that gets mail, or the whole service.
        description: what is counted.
    """

    name: str
    rate: str
    per: Literal["account", "address", "recipient", "global"]
    description: str


LIMITS: Final = (
    Limit("sign_in_account", "10/10m", "account", "failed passwords from browsers that never signed in to it"),
    Limit("sign_in_device", "10/10m", "account", "failed passwords from one browser that signed in to it before"),
    Limit("sign_in_address", "100/10m", "address", "sign-ins"),
    Limit("sign_in_global", "1000/m", "global", "sign-ins"),
    Limit("sign_up_address", "20/h", "address", "sign-ups"),
    Limit("sign_up_global", "1000/h", "global", "sign-ups"),
    Limit("code_account", "10/h", "account", "wrong codes"),
    Limit("code_address", "60/h", "address", "codes and links tried"),
    Limit("second_factor_account", "5/15m", "account", "second factors that were wrong"),
    Limit("second_factor_address", "60/h", "address", "second factors tried"),
    Limit("second_factor_notice", "1/d", "account", "mails that tell of wrong second factors"),
    Limit("passkey_address", "120/h", "address", "passkey challenges asked for"),
    Limit("oauth_address", "120/h", "address", "sign-ins with other services begun"),
    Limit("reset_account", "5/h", "account", "requests to reset a password"),
    Limit("reset_address", "20/h", "address", "requests to reset a password"),
    Limit("mail_recipient", "10/h", "recipient", "mails"),
    Limit("mail_global", "1000/h", "global", "mails"),
    Limit("refusal_address", "60/m", "address", "refused calls that are written to the audit log"),
    Limit("account_change", "20/h", "account", "changes of password, e-mail address or profile"),
)


@final
@dataclass(frozen=True, slots=True)
class Rate:
    """A limit as numbers.

    Attributes:
        count: how many at once.
        interval: milliseconds in which one comes back.
    """

    count: int
    interval: int

    @property
    def capacity(self) -> int:
        """Milliseconds in which all come back."""
        return self.count * self.interval


def effective_rates(overrides: Mapping[str, str]) -> dict[str, Rate]:
    """Return the rate of every limit, by name.

    Args:
        overrides: rates that replace the declared ones, by name.

    Raises:
        ConfigurationError: a name that no limit has, or a rate that is none.
    """
    declared = {limit.name: limit.rate for limit in LIMITS}
    unknown = sorted(set(overrides) - set(declared))
    if unknown:
        raise ConfigurationError(f"no limit is called {unknown[0]!r}: the names are {', '.join(sorted(declared))}")
    return {name: rate_of(name, overrides.get(name, rate)) for name, rate in declared.items()}


def rate_of(name: str, text: str) -> Rate:
    """Return the rate that a text says.

    Raises:
        ConfigurationError: it is none, or more than one in a millisecond; tells the limit's name.
    """
    try:
        count, period = parse_rate(text)
    except ConfigurationError as error:
        raise ConfigurationError(f"limit {name!r}: {error}") from None
    if count > period:
        raise ConfigurationError(f"limit {name!r}: {text!r} is more than one in a millisecond: write a lower rate")
    # Rounded up: a limit may be a trifle stricter than written, never looser.
    return Rate(count, -(-period // count))
