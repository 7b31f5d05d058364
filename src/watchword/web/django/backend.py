"""The rows of the project's user model that stand for Watchword's users, and what Django's permissions say of them."""

from typing import Any, final

from django.contrib.auth import get_user_model
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.hashers import make_password

from watchword.identity.users import User

FIELD = "watchword_id"
"""The field that holds the id of Watchword's user, where the model has it; otherwise its user name does."""


@final
class WatchwordBackend(ModelBackend):
    """Django's permissions, by user and group, and no sign-in: Watchword's is the only one."""

    def authenticate(self, request: Any = None, **credentials: Any) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Let nobody in: a password of Django's is no way past Watchword."""


def id_field(model: Any) -> str | None:
    """Return the field of the user model for Watchword's id, or `None` where it has none that can hold one."""
    names = {field.name for field in model._meta.concrete_fields}  # noqa: SLF001
    if FIELD in names:
        return FIELD
    return None if model.USERNAME_FIELD == model.EMAIL_FIELD else model.USERNAME_FIELD


def row_of(user: User) -> Any:
    """Return the row for this user. It is made at first use, and follows the role and the address from then on."""
    model: Any = get_user_model()
    names = {field.name for field in model._meta.concrete_fields}  # noqa: SLF001
    is_admin = user.role == "admin"
    followed = {model.get_email_field_name(): user.email, "is_staff": is_admin, "is_superuser": is_admin}
    followed = {name: value for name, value in followed.items() if name in names}
    first = followed | {"password": make_password(None)}
    if "first_name" in names:
        first["first_name"] = user.name[: model._meta.get_field("first_name").max_length]  # noqa: SLF001
    if id_field(model) == FIELD and model.USERNAME_FIELD not in first:
        first[model.USERNAME_FIELD] = user.id
    key = {id_field(model) or FIELD: user.id}
    row, is_new = model._default_manager.get_or_create(defaults=first, **key)  # noqa: SLF001
    changed = [] if is_new else [name for name, value in followed.items() if getattr(row, name) != value]
    for name in changed:
        setattr(row, name, followed[name])
    if changed:
        row.save(update_fields=changed)
    return row
