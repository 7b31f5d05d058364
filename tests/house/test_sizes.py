"""Files and functions stay small enough to be read in one go."""

from tests.support.sources import PACKAGE, TESTS, Function, sources

LONGEST_FILE = 400
LONGEST_FUNCTION = 60
MIGRATIONS = "src/watchword/storage/migrations/versions/"
"""One migration is one list of changes: its length is theirs."""


def lines_of(function: Function) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def test_no_file_is_longer_than_400_lines():
    too_long = {
        source.path: lines
        for source in sources(PACKAGE) + sources(TESTS)
        if (lines := len(source.text.splitlines())) > LONGEST_FILE
    }
    assert too_long == {}


def test_no_function_is_longer_than_60_lines():
    too_long = {
        f"{source.line(function)} {function.name}": lines
        for source in sources(PACKAGE)
        if not source.path.startswith(MIGRATIONS)
        for function in source.functions()
        if (lines := lines_of(function)) > LONGEST_FUNCTION
    }
    assert too_long == {}
