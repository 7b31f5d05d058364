"""The command, run in this process, in a folder of its own."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from watchword.cli import main


@dataclass(frozen=True)
class Result:
    """What a command answered: its exit code, and what it printed where."""

    code: int
    out: str
    err: str


@pytest.fixture
def watchword(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Result]:
    """Run `watchword` with these arguments in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Result:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        printed = capsys.readouterr()
        code = ended.value.code
        # A text as exit code is what Python prints and turns into 1.
        if isinstance(code, str):
            return Result(1, printed.out, printed.err + code)
        return Result(code or 0, printed.out, printed.err)

    return run
