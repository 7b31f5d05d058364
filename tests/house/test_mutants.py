"""The table of defences that are switched off keeps up with the code: `scripts/test --all` then tries each."""

from scripts.mutants import attack_tests, read_table


def test_each_defence_stands_where_the_table_says():
    mutants, _ = read_table()
    assert {mutant.defence: flaw for mutant in mutants if (flaw := mutant.flaw())} == {}


def test_only_attack_tests_that_exist_are_exempt():
    _, exempt = read_table()
    assert exempt - attack_tests() == set()
