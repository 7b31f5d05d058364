"""Queries as text, for the one read whose price everybody pays: SQLAlchemy puts them together once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

from sqlalchemy import Dialect, Select


@final
@dataclass(frozen=True, slots=True)
class Prepared:
    """A query as the driver takes it, put together once.

    Attributes:
        sql: the text.
        names: of its parameters in their order, or `None` where the driver takes them by name.
        fixed: the values that stand in the query itself.
    """

    sql: str
    names: Sequence[str] | None
    fixed: Mapping[str, Any]

    @classmethod
    def of(cls, statement: Select[*tuple[Any, ...]], dialect: Dialect) -> "Prepared":
        """Put it together."""
        compiled = statement.compile(dialect=dialect)
        return cls(compiled.string, compiled.positiontup, compiled.params)

    def arguments(self, values: Mapping[str, Any]) -> Any:
        """Return the parameters as the driver takes them."""
        given = {**self.fixed, **values}
        return given if self.names is None else [given[name] for name in self.names]
