def test_an_empty_database_is_brought_to_this_version(watchword):
    before = watchword("migrate", "--check")
    assert before.code == 1
    assert "run `watchword migrate`" in before.err
    assert watchword("migrate").code == 0
    assert watchword("migrate", "--check").code == 0


def test_migrating_twice_is_fine(watchword):
    watchword("migrate")
    assert watchword("migrate").out == "The database is at this version's schema.\n"


def test_production_does_not_start_on_another_schema(watchword, monkeypatch):
    for name, value in {
        "MODE": "production",
        "SECRET": "s3cret-of-more-than-thirty-two-characters",
        "BASE_URL": "https://example.org",
        "SMTP": "smtp://127.0.0.1:2525",
        "SENDER": "no-reply@example.org",
    }.items():
        monkeypatch.setenv(f"WATCHWORD_{name}", value)
    result = watchword("users", "list")
    assert result.code == 1
    assert "run `watchword migrate`" in result.err
    watchword("migrate")
    assert watchword("users", "list").code == 0
