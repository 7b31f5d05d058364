from pathlib import Path

import pytest

from watchword.foundation.clock import DAY
from watchword.foundation.environment import from_document, from_environment, read_document, settings_of
from watchword.foundation.errors import ConfigurationError
from watchword.foundation.settings import Settings


def test_every_setting_can_stand_in_the_file():
    document = {
        "mode": "production",
        "base_url": "https://example.org/",
        "proxies": ["10.0.0.0/8"],
        "language": "de",
        "breached_password_url": "https://range.example",
        "brand": {"name": "Example", "logo": "/logo.svg", "colour": "#112233"},
        "mail": {"smtp": "smtps://me:p%40ss@mail.example", "sender": "no-reply@example.org"},
        "session": {"idle": "2 days", "absolute": "9 days"},
        "limits": {"sign_in_address": "5/m"},
    }
    settings = settings_of(from_document(document))
    assert settings.is_production
    assert settings.base_url == "https://example.org"
    assert settings.proxies == ("10.0.0.0/8",)
    assert (settings.brand.name, settings.brand.logo, settings.brand.colour) == ("Example", "/logo.svg", "#112233")
    assert (settings.session.idle, settings.session.absolute) == (2 * DAY, 9 * DAY)
    assert settings.limits == {"sign_in_address": "5/m"}
    assert settings.smtp is not None
    assert (settings.smtp.host, settings.smtp.port, settings.smtp.security) == ("mail.example", 465, "tls")
    assert settings.smtp.password is not None
    assert settings.smtp.password.matches("p@ss")


def test_nothing_given_is_the_defaults():
    assert settings_of({}) == Settings()


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"stor": "x"}, "stor: no such setting. There are: mode, store"),
        ({"brand": {"color": "#fff"}}, r"\[brand\] color: no such setting. There are: name, logo, colour"),
        ({"brand": "Example"}, r"brand: expected a table, written \[brand\]"),
        ({"limits": "5/m"}, r"limits: expected a table"),
        ({"limits": {"sign_in_address": 5}}, r"\[limits\] sign_in_address: expected text in quotes"),
        ({"base_url": 5}, "base_url: expected text in quotes, .*found 5"),
        ({"proxies": "10.0.0.0/8"}, "proxies: expected a list"),
        ({"server": {"port": "8000"}}, r"\[server\] port: expected a number"),
        ({"server": {"workers": True}}, r"\[server\] workers: expected a number"),
        ({"session": {"idle": 7}}, r"\[session\] idle: expected text"),
        ({"secret": "x"}, "set WATCHWORD_SECRET"),
        ({"mail": {"secret": "x"}}, "set WATCHWORD_SECRET"),
    ],
)
def test_a_mistake_in_the_file_is_told_with_what_was_expected(document, expected):
    with pytest.raises(ConfigurationError, match=expected):
        from_document(document)


@pytest.mark.parametrize(
    "url", ["mail.example", "http://mail.example", "smtp://", "smtp://a:99999", "smtp://a:b", "smtp://[x"]
)
def test_a_mail_server_that_is_no_url_is_told(url):
    with pytest.raises(ConfigurationError, match="write 'smtp://user:password@host:587'"):
        settings_of({"smtp": url, "sender": "me@example.org"})


def test_mail_without_a_sender_is_told():
    with pytest.raises(ConfigurationError, match="WATCHWORD_SENDER"):
        settings_of({"smtp": "smtp://mail.example"})


def test_a_typo_in_a_variable_is_not_passed_over():
    with pytest.raises(ConfigurationError, match="WATCHWORD_STOER: no such setting"):
        from_environment({"WATCHWORD_STOER": "x"})


def test_a_port_that_is_no_number_is_told():
    with pytest.raises(ConfigurationError, match="'80x' is no number"):
        from_environment({"WATCHWORD_PORT": "80x"})


def test_variables_are_read_and_empty_ones_count_for_nothing():
    given = from_environment(
        {"WATCHWORD_SECRET": "one, two,", "WATCHWORD_PORT": "9000", "WATCHWORD_MODE": "", "HOME": "/root"}
    )
    assert given == {"secret": ("one", "two"), "port": 9000}


def test_the_file_in_the_working_directory_is_read_where_there_is_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert read_document() == {}
    Path("watchword.toml").write_text("mode = 'production'")
    assert read_document() == {"mode": "production"}


def test_a_file_that_is_no_toml_is_told_with_its_place(tmp_path):
    file = tmp_path / "own.toml"
    file.write_text("mode = production")
    with pytest.raises(ConfigurationError, match=r"own\.toml is no TOML: .*line 1"):
        read_document(file)
    file.write_bytes(b"\xff")
    with pytest.raises(ConfigurationError, match=r"own\.toml is no TOML"):
        read_document(file)
