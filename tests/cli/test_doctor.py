import json
import re
import time
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller

from tests.support.server import free_port
from watchword.foundation.clock import SystemClock
from watchword.storage.board import DatabaseBoard
from watchword.storage.store import Store
from watchword.storage.tables import leases

SECRET = "s3cret-of-more-than-thirty-two-characters"


@pytest.fixture
def examine(watchword):
    """Run the doctor: its exit code, and its findings by check."""

    def run(*arguments):
        result = watchword("doctor", "--json", *arguments)
        return result.code, {finding["check"]: finding for finding in json.loads(result.out)}

    return run


@pytest.fixture
def production(monkeypatch):
    """Set up a production configuration that lacks only what needs other machines."""
    for name, value in {"MODE": "production", "SECRET": SECRET, "BASE_URL": "https://example.org"}.items():
        monkeypatch.setenv(f"WATCHWORD_{name}", value)


def test_an_empty_folder_is_fine_and_stays_empty(examine, tmp_path):
    code, findings = examine()
    assert code == 0
    assert {finding["level"] for finding in findings.values()} == {"ok", "warn"}
    assert list(tmp_path.iterdir()) == []


def test_a_development_setup_in_use_is_fine(examine, watchword):
    watchword("users", "create", "ada@example.org")
    code, findings = examine()
    assert code == 0
    # How long a hash takes says how busy the machine is.
    warned = [name for name, finding in findings.items() if finding["level"] != "ok" and name != "password hashing"]
    assert warned == ["mode", "cookies"]
    assert {"schema", "journal", "database file", "audit log", "password hashing"} <= findings.keys()


def test_the_table_says_what_to_do(watchword, production):
    result = watchword("doctor")
    assert result.code == 1
    assert "→ set WATCHWORD_SMTP=" in result.out
    assert result.out.endswith("2 to mend\n")


def test_production_without_anything_is_told_all_of_it(examine, monkeypatch):
    monkeypatch.setenv("WATCHWORD_MODE", "production")
    code, findings = examine()
    assert code == 1
    failed = {name for name, finding in findings.items() if finding["level"] == "fail"}
    assert failed == {"secret", "base URL", "mail", "database"}
    assert "watchword secret" in findings["secret"]["fix"]


@pytest.mark.parametrize(
    ("secret", "found"),
    [("short", "5 characters"), ("development-" + "x7f" * 20, "a development secret"), ("ab" * 30, "2 different")],
)
def test_a_weak_secret_fails_and_is_never_shown(examine, production, monkeypatch, secret, found):
    monkeypatch.setenv("WATCHWORD_SECRET", secret)
    _, findings = examine()
    assert findings["secret"]["level"] == "fail"
    assert found in findings["secret"]["found"]
    assert secret not in json.dumps(findings)


def test_each_of_several_secrets_is_looked_at(examine, production, monkeypatch):
    monkeypatch.setenv("WATCHWORD_SECRET", f"{SECRET},short")
    _, findings = examine()
    assert (findings["secret 1"]["level"], findings["secret 2"]["level"]) == ("ok", "fail")


def test_a_base_url_without_https_fails_in_production(examine, production, monkeypatch):
    monkeypatch.setenv("WATCHWORD_BASE_URL", "http://example.org")
    assert examine()[1]["base URL"]["level"] == "fail"


def test_a_wrong_proxy_network_fails_and_none_is_a_warning_in_production(examine, production, monkeypatch):
    assert examine()[1]["proxies"]["level"] == "warn"
    monkeypatch.setenv("WATCHWORD_PROXIES", "10.0.0.0/33")
    assert examine()[1]["proxies"]["level"] == "fail"
    monkeypatch.setenv("WATCHWORD_PROXIES", "10.0.0.0/8")
    assert examine()[1]["proxies"]["level"] == "ok"


def test_a_wrong_setting_is_one_finding(examine, tmp_path):
    (tmp_path / "watchword.toml").write_text("[session]\nidle = 7")
    code, findings = examine()
    assert code == 1
    assert "[session] idle: expected text" in findings["settings"]["found"]


def test_a_limit_that_there_is_not_fails(examine, tmp_path):
    (tmp_path / "watchword.toml").write_text("[limits]\nsign_ins = '5/m'")
    assert examine()[1]["limits"]["level"] == "fail"


def test_files_that_others_read_fail(examine, watchword, tmp_path):
    watchword("migrate")
    (tmp_path / "watchword.sqlite3").chmod(0o644)
    (tmp_path / ".watchword" / "secret").chmod(0o640)
    tmp_path.chmod(0o777)
    code, findings = examine()
    assert code == 1
    assert findings["database file"]["fix"] == "chmod 600 watchword.sqlite3"
    assert findings["secret file"]["level"] == "fail"
    assert findings["database folder"]["level"] == "fail"


def test_a_database_that_does_not_answer_fails(examine, monkeypatch):
    monkeypatch.setenv("WATCHWORD_STORE", "postgresql://watchword@127.0.0.1:1/none")
    code, findings = examine()
    assert code == 1
    assert "does not answer" in findings["database"]["found"]


def test_a_schema_of_another_version_fails(examine, tmp_path):
    (tmp_path / "watchword.sqlite3").touch(0o600)
    assert examine()[1]["schema"]["fix"] == "run `watchword migrate`"


def test_an_audit_log_under_another_secret_fails(examine, watchword, monkeypatch):
    watchword("users", "create", "ada@example.org")
    monkeypatch.setenv("WATCHWORD_SECRET", SECRET)
    assert examine()[1]["audit log"]["level"] == "fail"


def test_a_mail_server_that_does_not_answer_fails(examine, monkeypatch):
    monkeypatch.setenv("WATCHWORD_SMTP", "smtp://127.0.0.1:1")
    monkeypatch.setenv("WATCHWORD_SENDER", "no-reply@example.org")
    code, findings = examine()
    assert code == 1
    assert "ConnectionRefusedError" in findings["mail"]["found"]


def test_a_mail_server_without_tls_fails_and_gets_no_mail(examine, monkeypatch):
    class Handler:
        async def handle_MAIL(self, *_):
            raise AssertionError("the doctor sends no mail")

    port = free_port()
    controller = Controller(Handler(), hostname="127.0.0.1", port=port)
    controller.start()
    try:
        monkeypatch.setenv("WATCHWORD_SMTP", f"smtp://127.0.0.1:{port}")
        monkeypatch.setenv("WATCHWORD_SENDER", "no-reply@example.org")
        found = examine()[1]["mail"]
    finally:
        controller.stop()
    assert found["level"] == "fail"
    assert "SMTPNotSupportedError" in found["found"]


def test_it_tells_whether_session_checks_are_answered_from_memory(examine, watchword, monkeypatch):
    watchword("users", "create", "ada@example.org")
    assert examine()[1]["session checks"]["found"].startswith("from memory; watchword.sqlite3-epoch")
    Path("watchword.sqlite3-epoch").unlink()
    assert examine()[1]["session checks"]["level"] == "ok"
    monkeypatch.setattr("watchword.cli.store_checks.os.access", lambda *_: False)
    found = examine()[1]["session checks"]
    assert (found["level"], found["fix"][:31]) == ("warn", "let the service's user write to")


def test_on_sqlite_it_tells_how_much_is_answered_from_memory(examine, watchword):
    watchword("users", "create", "ada@example.org")
    counted = [(97, 3)]
    store = Store("sqlite:///watchword.sqlite3", SystemClock())
    store.count(lambda: counted[0])
    assert store.mark() is not None
    store.close()
    assert "97.0% of 100 checks" in examine()[1]["session checks"]["found"]


def test_it_shows_the_lease_of_an_app_beside_a_server_on_sqlite(examine, watchword):
    watchword("users", "create", "ada@example.org")
    store = Store("sqlite:///watchword.sqlite3", SystemClock())
    with store.write() as tx:
        board = DatabaseBoard(tx, tx.now, "key_shop")
        board.take("wkr_abcdefgh", listens=False)
        board.tell("wkr_abcdefgh", 99, 1)
    store.close()
    finding = examine()[1]["app abcdef"]
    assert finding["level"] == "warn"
    assert "99.0% from memory" in finding["found"]
    assert "no events come" in finding["found"]


@pytest.fixture
def on_postgresql(postgresql_url, monkeypatch):
    """A PostgreSQL database, and what a worker tells there of its lease."""
    monkeypatch.setenv("WATCHWORD_STORE", postgresql_url)
    store = Store(postgresql_url, SystemClock())

    def tell(age=60, *, worker="wkr_abcdefgh", told=0, **values):
        now = time.time_ns() // 1_000_000
        row = {"acknowledged": " ", "listens": True, "hits": 99, "misses": 1, "lapses": 0, "lapsed": None}
        row |= {"worker": worker, "granted_at": now - age * 1000, "told_at": now - told * 1000}
        with store.write() as tx:
            tx.execute(leases.insert().values(row | values))

    yield tell
    store.close()


def test_it_tells_how_old_each_lease_is_and_how_much_is_answered_from_memory(examine, on_postgresql):
    assert "no worker holds a lease" in examine()[1]["session checks"]["found"]
    on_postgresql(age=60)
    findings = examine()[1]
    assert findings["session checks"]["found"] == "from memory under leases of 1 worker, 99.0% of 100 checks"
    assert findings["lease abcdef"]["level"] == "ok"
    assert re.fullmatch(r"\d+ s old, told of itself \d+ s ago, 99.0% from memory", findings["lease abcdef"]["found"])


@pytest.mark.parametrize(
    ("told", "found", "fix"),
    [
        ({"listens": False}, "no_notifications", "a pooler that keeps connections"),
        ({"lapses": 3, "lapsed": "late"}, "3 lost before it, the last one late", "overloaded, or was paused"),
        ({"lapses": 3, "lapsed": "cut_off"}, "the last one cut_off", "look at the network"),
        ({"told": 600}, "told of itself 6", "its worker has ended"),
    ],
)
def test_it_says_why_a_worker_falls_back_and_what_to_do(examine, on_postgresql, told, found, fix):
    on_postgresql(**told)
    finding = examine()[1]["lease abcdef"]
    assert finding["level"] == "warn"
    assert found in finding["found"]
    assert fix in finding["fix"]
