"""A reader finds the way by names: rooms say what they hold, tests say what they show."""

import ast

from tests.support.sources import PACKAGE, TESTS, sources

FEWEST_WORDS = 4


def test_every_package_says_in_one_docstring_what_it_holds():
    packages = [source for source in sources(PACKAGE) if source.path.endswith("__init__.py")]
    assert packages
    assert [source.path for source in packages if not ast.get_docstring(source.tree)] == []


def test_every_folder_of_modules_is_a_package():
    folders = {path.parent for path in PACKAGE.rglob("*.py")}
    assert [str(folder) for folder in sorted(folders) if not (folder / "__init__.py").exists()] == []


def test_the_name_of_every_test_is_a_sentence():
    too_short = [
        f"{source.line(function)} {function.name}"
        for source in sources(TESTS)
        for function in source.functions()
        if function.name.startswith("test_") and len(function.name.removeprefix("test_").split("_")) < FEWEST_WORDS
    ]
    assert too_short == []
