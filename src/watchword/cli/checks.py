"""What `watchword doctor` examines. Each check takes the settings and gives findings; none changes anything."""

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, final

from watchword.auth import DEFAULT_STORE, wrong_base_url
from watchword.cli.store_checks import check_store
from watchword.foundation.environment import from_document, from_environment, read_document, settings_of
from watchword.foundation.errors import ConfigurationError
from watchword.foundation.secrets import Secret
from watchword.foundation.settings import Settings
from watchword.http.address import parse_proxies
from watchword.methods.password.hashing import Figures, PasswordHasher
from watchword.outbox.mail import DeliveryError
from watchword.outbox.smtp import SMTPTransport
from watchword.sessions.cookie import Cookies
from watchword.storage.secret_file import PREFIX, secret_path
from watchword.tokens.keyring import MINIMUM_SECRET

