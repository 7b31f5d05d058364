"""Ways into an account: nobody may take away their own last one."""

from typing import TYPE_CHECKING, Final

from watchword.foundation.errors import Code
from watchword.identity.users import account_by_id, hold_user
from watchword.storage.store import Transaction

if TYPE_CHECKING:
    from watchword.admission.services import Services

LAST_WAY_IN: Final = Code(
    "last_way_in", 409, "The account could not be opened without this", "Set a password or add another way in first."
)


def count(tx: Transaction, services: "Services", user_id: str) -> int:
    """Return how many ways lead into the account: its password, and what each method holds that is enough by itself.

    The user's row is held until the transaction ends, so that of two that are taken away at once one stays.
    """
    hold_user(tx, user_id)
    account = account_by_id(tx, user_id)
    has_password = account is not None and account.password is not None
    return has_password + sum(method_count(tx, user_id) for method_count in services.ways_in)
