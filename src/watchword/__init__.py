"""Watchword: authentication and authorization for Python web apps."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from watchword.auth import Auth
    from watchword.features.session_tokens.declaration import SessionTokens
    from watchword.foundation.errors import ConfigurationError, Forbidden, NotFound, StepUpRequired, Unauthenticated
    from watchword.foundation.secrets import Secret
    from watchword.foundation.settings import SMTP, Brand, SecondFactor, SessionLimits
    from watchword.identity.users import User
    from watchword.methods.oauth.declaration import OAuth
    from watchword.methods.oauth.preset import OAuthPreset
    from watchword.methods.passkey.declaration import Passkey
    from watchword.methods.password.declaration import Password
    from watchword.methods.recovery_codes.declaration import RecoveryCodes
    from watchword.methods.totp.declaration import TOTP
    from watchword.policy.actions.arguments import InvalidInput
    from watchword.policy.actions.flash import action_errors
    from watchword.policy.actions.reference import action_ref
    from watchword.policy.actions.results import Redirect
    from watchword.policy.guard import guard, require, require_sync
    from watchword.policy.marking import public
    from watchword.policy.taint import taint_environment, taint_unique_value, untaint
    from watchword.policy.taint_objects import taint_object_reference
    from watchword.sessions.session import Session
    from watchword.sessions.verify import verify_session, verify_session_sync

_ROOMS = {
    "Auth": "watchword.auth",
    "Brand": "watchword.foundation.settings",
    "ConfigurationError": "watchword.foundation.errors",
    "Forbidden": "watchword.foundation.errors",
    "InvalidInput": "watchword.policy.actions.arguments",
    "NotFound": "watchword.foundation.errors",
    "OAuth": "watchword.methods.oauth.declaration",
    "OAuthPreset": "watchword.methods.oauth.preset",
    "Passkey": "watchword.methods.passkey.declaration",
    "Password": "watchword.methods.password.declaration",
    "RecoveryCodes": "watchword.methods.recovery_codes.declaration",
    "Redirect": "watchword.policy.actions.results",
    "SMTP": "watchword.foundation.settings",
    "SecondFactor": "watchword.foundation.settings",
    "Secret": "watchword.foundation.secrets",
    "Session": "watchword.sessions.session",
    "SessionLimits": "watchword.foundation.settings",
    "SessionTokens": "watchword.features.session_tokens.declaration",
    "StepUpRequired": "watchword.foundation.errors",
    "TOTP": "watchword.methods.totp.declaration",
    "Unauthenticated": "watchword.foundation.errors",
    "User": "watchword.identity.users",
    "action_errors": "watchword.policy.actions.flash",
    "action_ref": "watchword.policy.actions.reference",
    "guard": "watchword.policy.guard",
    "public": "watchword.policy.marking",
    "require": "watchword.policy.guard",
    "require_sync": "watchword.policy.guard",
    "taint_environment": "watchword.policy.taint",
    "taint_object_reference": "watchword.policy.taint_objects",
    "taint_unique_value": "watchword.policy.taint",
    "untaint": "watchword.policy.taint",
    "verify_session": "watchword.sessions.verify",
    "verify_session_sync": "watchword.sessions.verify",
}
__version__ = "0.1.0"
__all__ = [
    "SMTP",
    "TOTP",
    "Auth",
    "Brand",
    "ConfigurationError",
    "Forbidden",
    "InvalidInput",
    "NotFound",
    "OAuth",
    "OAuthPreset",
    "Passkey",
    "Password",
    "RecoveryCodes",
    "Redirect",
    "SecondFactor",
    "Secret",
    "Session",
    "SessionLimits",
    "SessionTokens",
    "StepUpRequired",
    "Unauthenticated",
    "User",
    "action_errors",
    "action_ref",
    "guard",
    "public",
    "require",
    "require_sync",
    "taint_environment",
    "taint_object_reference",
    "taint_unique_value",
    "untaint",
    "verify_session",
    "verify_session_sync",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that `import watchword` costs little."""
    if name not in _ROOMS:
        raise AttributeError(f"module 'watchword' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_ROOMS[name]), name)
