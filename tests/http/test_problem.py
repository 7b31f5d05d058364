"""Problem documents (RFC 9457)."""

import json

from watchword.foundation.errors import (
    FORBIDDEN,
    INPUT_INVALID,
    STEP_UP_REQUIRED,
    UNAUTHENTICATED,
    UNAVAILABLE,
    Denied,
    FieldError,
)
from watchword.http.problem import PROBLEM_TYPES, problem_response


def test_a_refusal_becomes_a_problem_document_with_every_member():
    denied = Denied(INPUT_INVALID, "Look at the field.", fields=(FieldError("email", "an e-mail address"),))

    response = problem_response(denied)

    assert response.status == 422
    assert response.header("content-type") == "application/problem+json"
    assert response.header("cache-control") == "no-store"
    assert {
        "type": PROBLEM_TYPES + "input_invalid",
        "title": INPUT_INVALID.title,
        "status": 422,
        "detail": "Look at the field.",
        "code": "input_invalid",
        "fix": INPUT_INVALID.fix,
        "fields": [{"field": "email", "expected": "an e-mail address"}],
    } == json.loads(response.body)


def test_empty_members_are_left_out():
    document = json.loads(problem_response(Denied(FORBIDDEN)).body)

    assert {"type", "title", "status", "code", "fix"} == set(document)


def test_further_members_are_added_but_replace_none():
    document = json.loads(problem_response(Denied(FORBIDDEN, extra={"needs": "admin", "status": 200})).body)

    assert document["needs"] == "admin"
    assert document["status"] == 403


def test_retry_after_is_sent_in_whole_seconds_and_at_least_one():
    assert problem_response(Denied(UNAVAILABLE, retry_after=30)).header("retry-after") == "30"
    assert problem_response(Denied(UNAVAILABLE, retry_after=0)).header("retry-after") == "1"
    assert problem_response(Denied(UNAVAILABLE)).header("retry-after") is None


def test_a_401_carries_a_challenge():
    assert problem_response(Denied(UNAUTHENTICATED)).header("www-authenticate") == 'Bearer realm="watchword"'
    assert problem_response(Denied(FORBIDDEN)).header("www-authenticate") is None


def test_a_challenge_of_the_refusal_itself_is_the_only_one():
    response = problem_response(Denied(UNAUTHENTICATED, headers=(("WWW-Authenticate", "DPoP"),)))

    assert [pair for pair in response.headers if pair[0].lower() == "www-authenticate"] == [
        ("WWW-Authenticate", "DPoP")
    ]


def test_a_step_up_says_what_to_reach_as_rfc_9470_asks():
    response = problem_response(Denied(STEP_UP_REQUIRED, extra={"acr_values": 'a"al2', "max_age": 300}))

    assert response.header("www-authenticate") == (
        'Bearer realm="watchword", error="insufficient_user_authentication", '
        'error_description="Sign in again", acr_values="a\\"al2", max_age="300"'
    )
