"""State machines of hypothesis, run for as long as a test says."""

from pathlib import Path

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test


def explore(machine: type[RuleBasedStateMachine], migrated: Path, *, examples: int, steps: int) -> None:
    """Try so many sequences of so many steps, each on a copy of the migrated database."""
    chosen = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        # Making an example smaller may take minutes, and of a few steps it shows nothing that the log of them does not.
        phases=[Phase.generate],
        database=None,
        suppress_health_check=list(HealthCheck),  # pyright: ignore[reportArgumentType] - its metaclass lists them
    )
    run_state_machine_as_test(type("Machine", (machine,), {"migrated": migrated}), settings=chosen)
