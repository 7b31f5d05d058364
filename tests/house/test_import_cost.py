"""`import watchword` costs little: under 100 ms and 30 MB."""

import subprocess
import sys

import pytest

TRIES = 5
MOST_MILLISECONDS = 100
MOST_BYTES = 30_000_000

MEASURE = """
import os, time

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

memory, start = resident(), time.perf_counter()
import watchword
print((time.perf_counter() - start) * 1000, resident() - memory)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads the resident memory from /proc")
def test_importing_watchword_is_quick_and_small():
    """The best of several tries: what else the machine does can only add."""
    command = [sys.executable, "-c", MEASURE]
    tries = [subprocess.run(command, check=True, capture_output=True, text=True).stdout.split() for _ in range(TRIES)]
    assert min(float(milliseconds) for milliseconds, _ in tries) < MOST_MILLISECONDS
    assert min(int(memory) for _, memory in tries) < MOST_BYTES
