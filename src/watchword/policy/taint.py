"""Taint: what must not leave for a client, said once where it is made or loaded."""

import logging
import math
import re
import string
import threading
import weakref
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, final

from watchword.foundation.secrets import Secret
from watchword.policy.taint_encodings import Form, forms_of, forms_of_shape
from watchword.policy.taint_objects import untaint_object
from watchword.policy.taint_search import Part, Searches, joined

SHORTEST = 12
LONGEST = 16 * 1024
"""Bytes of a value."""
FEWEST_DIFFERENT = 6
"""Bytes."""
LEAST_VARIETY = 36
"""Bits. A value of so many is found by chance in 1 MiB that is made of its own alphabet, at 2^20 places in six forms,
once in 10,000 responses; in what sites send, never."""
_SMALL = 10
"""Values looked for together with vector instructions: six anchors each."""
_SMALL_GROUPS = 4
_SECRET_ENDINGS = ("secret", "token", "password", "passwd", "passphrase", "pwd", "key", "credentials")
_OPEN_WORDS = frozenset({"public", "publishable"})
_OPEN_LAST_WORDS = frozenset({"file", "path", "id"})
_log = logging.getLogger("watchword.policy")


@final
class Tainted:
    """A value or shape that must not leave: the message for the developer, its forms, and how long it holds."""

    def __init__(self, message: str, forms: Iterable[Form], value: bytes = b"") -> None:
        self.message = message
        self.forms = tuple(forms)
        self.value = value
        self._lifetimes: dict[int, object] = {}

    def hold_while(self, lifetime: object) -> None:
        """Hold at least until this object is collected."""
        lifetimes, key = self._lifetimes, id(lifetime)
        # No lock: the collector calls this wherever it likes, also in a thread that holds the registry's.
        lifetimes[key] = weakref.ref(lifetime, lambda _: lifetimes.pop(key, None))

    def end(self) -> None:
        """Hold no longer."""
        self._lifetimes.clear()

    @property
    def is_over(self) -> bool:
        """Tell whether everything it was to hold for is gone."""
        return not self._lifetimes

    def __repr__(self) -> str:
        return f"Tainted({self.message!r})"


@final
@dataclass(frozen=True, slots=True)
class _Group:
    """Some of what is tainted, and the search for it."""

    tainted: Sequence[Tainted]
    part: Part

    @classmethod
    def of(cls, tainted: Sequence[Tainted]) -> "_Group":
        return cls(tainted, Part(form for one in tainted for form in one.forms))


@final
class Registry:
    """All that is tainted in this process, and how it is looked for.

    What is new goes into small groups, which cost little to make and little to look for; once there are too many of
    them, into one large group. What is over stays in its group, ignored, until the group is made anew.
    """

    def __init__(self) -> None:
        # Reentrant, for the collector may run a finalizer that taints or untaints.
        self._lock = threading.RLock()
        self._values: dict[bytes, Tainted] = {}
        self._owners: dict[Form, Tainted] = {}
        self._new: list[Tainted] = []
        self._small: list[_Group] = []
        self._large: _Group | None = None
        self._shapes: Part | None = None
        self._parts: tuple[Part, ...] = ()
        self._searches: Searches = ()
        self._is_stale = True

    def add(self, message: str, lifetime: object, value: bytes) -> None:
        """Taint a value while the lifetime is there."""
        with self._lock:
            tainted = self._values.get(value)
            if tainted is None:
                tainted = self._values[value] = Tainted(message, forms_of(value), value)
                self._owners.update(dict.fromkeys(tainted.forms, tainted))
                self._new.append(tainted)
                self._is_stale = True
            tainted.message = message
            tainted.hold_while(lifetime)

    def remove(self, value: bytes) -> None:
        """Let the value leave again."""
        with self._lock:
            if value in self._values:
                self._values[value].end()

    def parts(self) -> tuple[Part, ...]:
        """Return what to look for, in groups."""
        if self._is_stale:
            with self._lock:
                if self._is_stale:
                    self._regroup()
        return self._parts

    def searches(self) -> Searches:
        """Return what to look for in a body that is there as a whole, in as few searches as can be."""
        if self._is_stale:
            self.parts()
        return self._searches

    def message_of(self, form: Form) -> str | None:
        """Return the message of what has this form, or `None` when it is over."""
        tainted = self._owners.get(form)
        return None if tainted is None or tainted.is_over else tainted.message

    def _regroup(self) -> None:
        if self._shapes is None:
            self._shapes = self._own_shapes()
        new, self._new = self._new, []
        small: list[_Group] = []
        for group in self._small:
            if all(tainted.is_over for tainted in group.tainted):
                self._dissolve(group)
            else:
                small.append(group)
        if len(small) + -(-len(new) // _SMALL) > _SMALL_GROUPS:
            new = [tainted for group in small for tainted in self._dissolve(group)] + new
            small = []
        if len(new) > _SMALL * _SMALL_GROUPS:
            settled = self._dissolve(self._large) if self._large else []
            self._large, new = _Group.of([*settled, *new]), []
        self._small = small + [_Group.of(new[first : first + _SMALL]) for first in range(0, len(new), _SMALL)]
        large = (self._large,) if self._large else ()
        self._parts = (self._shapes, *(group.part for group in (*self._small, *large)))
        self._searches = joined(self._parts)
        # Last, so that other threads wait for what is new; and true when a finalizer tainted something meanwhile.
        self._is_stale = bool(self._new)

    def _dissolve(self, group: _Group) -> list[Tainted]:
        """Return what still holds of the group, and forget the rest."""
        over = [tainted for tainted in group.tainted if tainted.is_over]
        for tainted in over:
            del self._values[tainted.value]
            for form in tainted.forms:
                del self._owners[form]
        return [tainted for tainted in group.tainted if tainted.value in self._values]

    def _own_shapes(self) -> Part:
        """Return the search for what Watchword taints by itself."""
        shapes = [Tainted(message, forms_of_shape(sets)) for message, sets in _SHAPES.items()]
        for shape in shapes:
            shape.hold_while(Registry)
            self._owners.update(dict.fromkeys(shape.forms, shape))
        return Part(form for shape in shapes for form in shape.forms)


_BASE32 = string.ascii_lowercase + "234567"
_PHC = string.ascii_letters + string.digits + "+/$,="
_SHAPES: Mapping[str, Sequence[str]] = {
    "A session token belongs into the cookie that Watchword sets, and nowhere else": [*"wws_", *[_BASE32] * 78],
    # The least that follows: version, cost, 8 bytes of salt, 16 of hash.
    "A password hash stays in the database: return a view of the user without it": [*"$argon2id$v=", *[_PHC] * 49],
}
registry: Final = Registry()


def taint_unique_value(message: str, lifetime: object, value: str | bytes | Secret) -> None:
    """Keep a value from leaving in a response, in whatever encoding.

    Args:
        message: for the developer, when it is found: what to do instead.
        lifetime: the taint ends when this is collected. A class, a module or the app itself: never.
        value: the secret, 12 bytes to 16 KiB, varied enough not to be found by chance.

    Raises:
        TypeError: the value is neither text nor bytes, or nothing can tell when the lifetime is collected.
        ValueError: the value is too short, too long or too uniform; says which.
    """
    data = _bytes_of(value)
    fault = _unfit(data)
    if fault:
        raise ValueError(f"this value can't be tainted: {fault}")
    try:
        weakref.ref(lifetime)
    except TypeError:
        raise TypeError(
            f"a {type(lifetime).__name__} can't be a lifetime, since Python does not tell when it is collected: "
            "give an instance of a class of yours, or for ever a class, a module or the app"
        ) from None
    registry.add(message, lifetime, data)


def untaint(value: object) -> None:
    """Let a tainted value, or a tainted object, leave again. What is not tainted stays so."""
    if isinstance(value, str | bytes | Secret):
        registry.remove(_bytes_of(value))
    else:
        untaint_object(value)


def taint_settings(lifetime: object, settings: Mapping[str, str | Secret | None]) -> None:
    """Taint the configured secrets that are fit for it, and log the names of the others.

    Args:
        lifetime: the taints end when this is collected.
        settings: the secrets by the names that messages call them by; `None` is passed over.
    """
    unfit: list[str] = []
    for name, value in settings.items():
        if not value:
            continue
        fault = _unfit(_bytes_of(value))
        if fault:
            unfit.append(f"{name} ({fault})")
        else:
            taint_unique_value(f"{name} is for the server alone", lifetime, value)
    if unfit:
        _log.warning("not watched for in responses: %s", ", ".join(unfit))


def taint_environment(lifetime: object, environ: Mapping[str, str]) -> None:
    """Taint the variables whose names say that they are secrets: `…_SECRET`, `…_TOKEN`, `…_PASSWORD`, `…_KEY`.

    Names that say `PUBLIC` or `PUBLISHABLE`, or end with `FILE`, `PATH` or `ID`, are passed over. A variable that is not
    fit is logged by its name.

    Args:
        lifetime: the taints end when this is collected.
        environ: the variables, `os.environ`.
    """
    taint_settings(lifetime, {name: value for name, value in environ.items() if _names_a_secret(name)})


def _names_a_secret(name: str) -> bool:
    words = re.findall("[a-z]+", name.lower())
    if not words or words[-1] in _OPEN_LAST_WORDS or not _OPEN_WORDS.isdisjoint(words):
        return False
    return any(word.endswith(_SECRET_ENDINGS) for word in words)


def _bytes_of(value: str | bytes | Secret) -> bytes:
    if isinstance(value, Secret):
        value = value.reveal()
    if isinstance(value, str):
        # What no encoder could write, a lone surrogate, is no reason to fail.
        return value.encode("utf-8", "surrogatepass")
    if isinstance(value, bytes):  # pyright: ignore[reportUnnecessaryIsInstance]
        return value
    raise TypeError(f"expected the secret as str, bytes or Secret, got {type(value).__name__}")


def _unfit(value: bytes) -> str | None:
    """Return why the value can't be looked for, without telling it; or `None`."""
    if len(value) < SHORTEST:
        return f"it has {len(value)} bytes, and fewer than {SHORTEST} are found by chance: use a longer secret"
    if len(value) > LONGEST:
        return f"it has more than {LONGEST} bytes: taint the part that is secret"
    counts = Counter(value).values()
    variety = -sum(count * math.log2(count / len(value)) for count in counts)
    if len(counts) < FEWEST_DIFFERENT or variety < LEAST_VARIETY:
        return "it repeats few characters, which are found by chance: use a random secret"
    return None
