import subprocess
import sys

import pytest

COMMANDS = [
    ("serve",), ("migrate",), ("doctor",), ("routes",), ("secret",), ("audit", "recent"), ("audit", "verify"),
    *(("users", name) for name in ("list", "create", "set-role", "disable", "enable", "end-sessions")),
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_the_help_of_each_command_has_an_example(watchword, command):
    help_text = watchword(*command, "--help")
    assert help_text.code == 0
    assert "Examples:\n" in help_text.out
    assert f"\n    watchword {' '.join(command)}" in help_text.out or command == ("secret",)


def test_the_first_help_lists_every_command(watchword):
    help_text = watchword("--help").out
    assert all(f"\n  {name} " in help_text for name in {command[0] for command in COMMANDS})


def test_the_version_is_printed(watchword):
    assert watchword("--version").out == "watchword 0.1.0\n"


def test_a_command_that_there_is_not_is_exit_code_2(watchword):
    result = watchword("user")
    assert result.code == 2
    assert "Did you mean 'users'" in result.err


def test_without_its_packages_the_command_names_the_extra():
    script = "import sys; sys.modules['typer'] = None; from watchword.cli import main; main(['--help'])"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "pip install 'watchword[server]'" in result.stderr


def test_help_loads_no_database_code():
    script = (
        "import sys; from watchword.cli import main\n"
        "try: main(['--help'])\n"
        "finally: print([name for name in ('sqlalchemy', 'jinja2', 'cryptography', 'msgspec') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.endswith("\n[]\n")


def test_a_wrong_settings_file_is_told_without_a_traceback(watchword, tmp_path):
    (tmp_path / "watchword.toml").write_text("stroe = 'x'")
    result = watchword("users", "list")
    assert result.code == 1
    assert "stroe: no such setting. There are: mode, store" in result.err
    assert "Traceback" not in result.err


def test_a_settings_file_that_is_not_there_is_named(watchword):
    result = watchword("migrate", "--config", "there.toml")
    assert result.code == 1
    assert "there.toml" in result.err


def test_the_environment_goes_before_the_settings_file(watchword, tmp_path, monkeypatch):
    (tmp_path / "watchword.toml").write_text("store = 'sqlite:///file.sqlite3'")
    watchword("migrate")
    assert (tmp_path / "file.sqlite3").exists()
    monkeypatch.setenv("WATCHWORD_STORE", "sqlite:///environment.sqlite3")
    watchword("migrate")
    assert (tmp_path / "environment.sqlite3").exists()
