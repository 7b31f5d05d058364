import json
import sqlite3


def test_the_newest_events_come_first(watchword):
    watchword("users", "create", "ada@example.org")
    watchword("users", "set-role", "ada@example.org", "admin")
    events = [event["event"] for event in json.loads(watchword("audit", "recent", "--json").out)]
    assert events == ["role_changed", "user_created"]
    assert "role_changed" in watchword("audit", "recent", "--limit", "1").out


def test_a150_a_row_that_was_changed_is_found(watchword, tmp_path):
    watchword("users", "create", "ada@example.org")
    assert watchword("audit", "verify").out == "The log is whole.\n"
    with sqlite3.connect(tmp_path / "watchword.sqlite3") as database:
        database.execute("UPDATE audit_events SET details = '{}'")
    database.close()
    result = watchword("audit", "verify")
    assert result.code == 1
    assert "edited" in result.out
