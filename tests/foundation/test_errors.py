"""Refusals are values with stable codes; defects are exceptions."""

import pytest

import watchword.auth  # noqa: F401 - loads every room, so that each code is declared
from watchword.foundation import errors
from watchword.foundation.errors import (
    FORBIDDEN,
    INPUT_INVALID,
    STEP_UP_REQUIRED,
    UNAUTHENTICATED,
    AccessError,
    Code,
    Denied,
    FieldError,
    Forbidden,
    StepUpRequired,
    Unauthenticated,
    WatchwordError,
    declared_codes,
)


def test_a_code_declared_twice_stops_the_start():
    with pytest.raises(ValueError, match="'input_invalid' is declared twice"):
        Code("input_invalid", 422, "Again", "Again")
    assert INPUT_INVALID in declared_codes()


def test_a_new_code_is_listed_by_name(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(errors, "_registry", dict(errors._registry))
    code = Code("aaa_of_this_test", 418, "A teapot", "Ask for coffee elsewhere.")
    assert declared_codes()[0] == code
    assert [code.name for code in declared_codes()] == sorted(code.name for code in declared_codes())


def test_every_code_has_a_stable_name_a_status_of_refusal_and_a_remedy():
    for code in declared_codes():
        assert code.name.isidentifier(), code
        assert code.name == code.name.lower(), code
        assert 400 <= code.status <= 599, code
        assert code.title, code
        assert not code.title.endswith("."), code
        assert code.fix.endswith((".", "!")), code


def test_a_refusal_is_no_exception_and_can_not_be_changed():
    denied = Denied(INPUT_INVALID, fields=(FieldError("email", "an address"),))
    assert not isinstance(denied, BaseException)
    with pytest.raises(AttributeError):
        denied.detail = "else"  # type: ignore[misc]
    assert denied == Denied(INPUT_INVALID, fields=(FieldError("email", "an address"),))


def test_two_refusals_do_not_share_their_further_members():
    one, other = Denied(INPUT_INVALID), Denied(INPUT_INVALID)
    one.extra["acr_values"] = "aal2"
    assert other.extra == {}


@pytest.mark.parametrize(
    ("error", "code", "status"),
    [(Unauthenticated, UNAUTHENTICATED, 401), (Forbidden, FORBIDDEN, 403), (StepUpRequired, STEP_UP_REQUIRED, 401)],
)
def test_what_require_raises_carries_its_code_and_a_text(error: type[AccessError], code: Code, status: int):
    raised = error()
    assert (raised.code, raised.code.status) == (code, status)
    assert isinstance(raised, WatchwordError)
    assert str(raised) == code.title
    assert raised.extra == {}
    assert str(error("as told", extra={"max_age": 300})) == "as told"
    assert error("as told", extra={"max_age": 300}).extra == {"max_age": 300}


def test_rfc_9470_a_step_up_is_named_as_the_standard_names_it():
    assert STEP_UP_REQUIRED.name == "insufficient_user_authentication"
