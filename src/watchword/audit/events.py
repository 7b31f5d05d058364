"""The closed set of events that are recorded."""

from enum import StrEnum


class AuditEvent(StrEnum):
    """What happened. The value is what the table holds; a name once used never changes its meaning."""

    SIGNED_UP = "signed_up"
    SIGNED_IN = "signed_in"
    SIGN_IN_FAILED = "sign_in_failed"
    SIGNED_OUT = "signed_out"
    SESSION_ENDED = "session_ended"
    SESSIONS_ENDED = "sessions_ended"

    SECOND_FACTOR_ASKED = "second_factor_asked"
    SECOND_FACTOR_FAILED = "second_factor_failed"
    STEPPED_UP = "stepped_up"
    FACTOR_ADDED = "factor_added"
    FACTOR_REMOVED = "factor_removed"
    FACTORS_FORGOTTEN = "factors_forgotten"
    RECOVERY_CODES_MADE = "recovery_codes_made"
    RECOVERY_CODE_USED = "recovery_code_used"
    PASSKEY_CLONED = "passkey_cloned"

    IDENTITY_LINKED = "identity_linked"
    IDENTITY_UNLINKED = "identity_unlinked"

    CODE_FAILED = "code_failed"
    LIMIT_REACHED = "limit_reached"
    ORIGIN_REFUSED = "origin_refused"
    ACCESS_REFUSED = "access_refused"
    TRUST_NOTICE = "trust_notice"
    TRUST_NOTICE_REFUSED = "trust_notice_refused"
    RESPONSE_WITHHELD = "response_withheld"

    PASSWORD_CHANGED = "password_changed"
    PASSWORD_REHASHED = "password_rehashed"
    PASSWORD_RESET_REQUESTED = "password_reset_requested"
    PASSWORD_RESET = "password_reset"

    PROFILE_CHANGED = "profile_changed"
    EMAIL_CHANGE_REQUESTED = "email_change_requested"
    EMAIL_CHANGED = "email_changed"
    ACCOUNT_EXPORTED = "account_exported"
    ACCOUNT_DELETED = "account_deleted"

    FIRST_ADMIN_CREATED = "first_admin_created"
    USER_CREATED = "user_created"
    ROLE_CHANGED = "role_changed"
    USER_DISABLED = "user_disabled"
    USER_ENABLED = "user_enabled"

    SERVICE_KEY_CREATED = "service_key_created"
    SERVICE_KEY_REVOKED = "service_key_revoked"
