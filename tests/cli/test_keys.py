"""`watchword keys`: made once, listed without the key, withdrawn."""

import json
import re

import pytest

from watchword.foundation.clock import SystemClock


def test_a_key_is_printed_once_and_kept_as_a_digest_alone(watchword, tmp_path):
    """Neither the list nor the database knows it."""
    made = watchword("keys", "create", "shop")
    assert re.fullmatch(r"wwk_[a-z2-7]{78}\n", made.out)
    (listed,) = json.loads(watchword("keys", "list", "--json").out)
    assert (listed["service"], listed["used_at"]) == ("shop", None)
    secret = made.out.strip()[30:]
    assert not any(secret.encode() in path.read_bytes() for path in tmp_path.glob("watchword.sqlite3*"))


def test_a_revoked_key_is_listed_no_more(watchword, monkeypatch: pytest.MonkeyPatch):
    """And it says so; what is no key is refused with what to do."""
    monkeypatch.setattr(SystemClock, "sleep", lambda *_: None)
    watchword("keys", "create", "shop")
    (listed,) = json.loads(watchword("keys", "list", "--json").out)
    assert watchword("keys", "revoke", listed["id"]).code == 0
    assert json.loads(watchword("keys", "list", "--json").out) == []
    refused = watchword("keys", "revoke", listed["id"])
    assert refused.code == 1
    assert "keys list" in refused.err


def test_an_app_is_called_by_a_plain_name(watchword):
    """It stands in logs and names of counters."""
    refused = watchword("keys", "create", "Shop/1")
    assert refused.code == 1
    assert "small letters" in refused.err
