import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from watchword.storage.secret_file import PREFIX, development_secret, secret_path


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///watchword.sqlite3", ".watchword/secret"),
        ("sqlite:///.watchword/watchword.sqlite3", ".watchword/secret"),
        ("sqlite:////srv/app/watchword.sqlite3", "/srv/app/.watchword/secret"),
        ("sqlite:///data/watchword.sqlite3?timeout=1/2", "data/.watchword/secret"),
        ("postgresql://user@host/database", ".watchword/secret"),
    ],
)
def test_the_secret_is_kept_beside_the_database(url, path):
    assert secret_path(url) == Path(path)


def test_the_secret_is_made_once_and_read_by_its_owner_alone(tmp_path):
    path = tmp_path / "new" / ".watchword" / "secret"
    secret = development_secret(path)
    assert secret.reveal().startswith(PREFIX)
    assert len(secret.reveal()) > 50
    assert development_secret(path).matches(secret)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_nobody_commits_the_secret_by_mistake(tmp_path):
    development_secret(tmp_path / ".watchword" / "secret")
    assert (tmp_path / ".watchword" / ".gitignore").read_text() == "*\n"


def test_of_many_that_start_at_once_all_have_the_same_secret(tmp_path):
    for number in range(20):
        path = tmp_path / str(number) / "secret"
        with ThreadPoolExecutor(8) as threads:
            secrets = list(threads.map(development_secret, [path] * 8))
        assert all(secret.matches(secrets[0]) for secret in secrets)
        assert len(secrets[0].reveal()) > 50
        assert {file.name for file in path.parent.iterdir()} == {"secret", ".gitignore"}
