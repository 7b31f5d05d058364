import io
import json

import pytest

ADA, PASSWORD = "ada@example.org", "analytical engine no. 1"


def listed(watchword):
    return json.loads(watchword("users", "list", "--json").out)


def test_an_account_without_a_password_is_told_how_to_get_one(watchword, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO())
    result = watchword("users", "create", ADA, "--name", "Ada", "--role", "admin")
    assert result.code == 0
    assert "Forgot password" in result.out
    [user] = listed(watchword)
    assert (user["email"], user["name"], user["role"]) == (ADA, "Ada", "admin")


def test_a_password_comes_by_standard_input_and_is_never_printed(watchword, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\n"))
    result = watchword("users", "create", ADA, "--password-stdin")
    assert result.code == 0
    assert "Forgot password" not in result.out
    assert PASSWORD not in result.out + result.err


def test_a_weak_password_is_refused_with_what_was_expected(watchword, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("short\n"))
    result = watchword("users", "create", ADA, "--password-stdin")
    assert result.code == 1
    assert "password: expected at least 8 characters" in result.err
    assert listed(watchword) == []


def test_an_address_that_is_none_is_refused(watchword):
    result = watchword("users", "create", "ada.example.org")
    assert result.code == 1
    assert "email: expected an e-mail address" in result.err


def test_an_address_that_has_an_account_is_refused(watchword):
    watchword("users", "create", ADA)
    result = watchword("users", "create", ADA.upper())
    assert result.code == 1
    assert "email: expected an address that no account has" in result.err


def test_a_role_is_set_by_address_or_id(watchword):
    watchword("users", "create", ADA)
    assert watchword("users", "set-role", ADA, "admin").out == f"{ADA} has the role admin now.\n"
    [user] = listed(watchword)
    assert user["role"] == "admin"
    assert watchword("users", "set-role", user["id"], "user").code == 0
    assert listed(watchword)[0]["role"] == "user"


def test_a_role_that_there_is_not_is_refused(watchword):
    watchword("users", "create", ADA)
    result = watchword("users", "set-role", ADA, "king")
    assert result.code == 1
    assert "role: expected one of user, admin" in result.err
    assert watchword("users", "create", "bob@example.org", "--role", "king").code == 1


def test_an_account_is_disabled_and_enabled(watchword):
    watchword("users", "create", ADA)
    assert watchword("users", "disable", ADA).code == 0
    assert watchword("users", "enable", ADA).code == 0
    events = [event["event"] for event in json.loads(watchword("audit", "recent", "--json").out)]
    assert events == ["user_enabled", "user_disabled", "user_created"]


@pytest.mark.parametrize("command", [["disable"], ["enable"], ["end-sessions"], ["set-role", "admin"]])
def test_a_user_that_is_not_there_is_said_to_be_none(watchword, command):
    name, *rest = command
    result = watchword("users", name, "nobody@example.org", *rest)
    assert result.code == 1
    assert "no user has the id or e-mail address 'nobody@example.org'" in result.err


def test_all_sessions_of_a_user_are_ended(watchword):
    watchword("users", "create", ADA)
    assert watchword("users", "end-sessions", ADA).out == f"All sessions of {ADA} have ended.\n"


def test_the_table_shows_markup_and_control_characters_as_text(watchword):
    watchword("users", "create", ADA, "--name", "[red]\x1b[31mAda")
    shown = watchword("users", "list").out
    assert "[red]\\x1b[31mAda" in shown
    assert "\x1b" not in shown


def test_a_long_list_is_whole(watchword, monkeypatch):
    monkeypatch.setattr("watchword.cli.users._PAGE", 2)
    for number in range(5):
        watchword("users", "create", f"user{number}@example.org")
    assert len(listed(watchword)) == 5
