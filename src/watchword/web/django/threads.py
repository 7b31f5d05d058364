"""The threads on which Django runs synchronous code of an asynchronous project."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor, Future
from functools import partial
from typing import Any, Final, cast, final

from asgiref.sync import sync_to_async


@final
class _DjangosThreads(Executor):
    """Runs the app's questions of an async project where Django runs its synchronous code, database work above all."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run this on the thread that Django keeps for the request under way."""
        work = cast("Any", sync_to_async(partial(fn, *args, **kwargs)))
        return asyncio.run_coroutine_threadsafe(work(), asyncio.get_running_loop())


DJANGOS_THREADS: Final = _DjangosThreads()
