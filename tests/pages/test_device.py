"""What sessions' owners call their devices."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchword.pages.device import Device, describe_device

CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0"


@pytest.mark.parametrize(
    ("user_agent", "expected"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", Device("Firefox", "Linux")),
        (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {CHROME} Safari/537.36", Device("Chrome", "Windows")),
        (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {CHROME} Safari/537.36 Edg/138.0", Device("Edge", "Windows")),
        (f"Mozilla/5.0 (X11; Linux x86_64) {CHROME} Safari/537.36 OPR/120.0", Device("Opera", "Linux")),
        (f"Mozilla/5.0 (Linux; Android 15; SM-S931B) SamsungBrowser/28.0 {CHROME} Mobile Safari/537.36",
         Device("Samsung Internet", "Android")),
        (f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {CHROME} Safari/537.36", Device("Chrome", "ChromeOS")),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.5 Safari/605.1.15",
         Device("Safari", "macOS")),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 CriOS/138.0 Mobile Safari/604.1",
         Device("Chrome", "iPhone")),
        ("curl/8.14.1", Device("curl", None)),
        ("python-httpx/0.28.1", Device("Python", None)),
        ("", Device(None, None)),
    ],
)  # fmt: skip
def test_a_user_agent_is_named_as_its_owner_would(user_agent: str, expected: Device):
    assert describe_device(user_agent) == expected


def test_phones_and_tablets_are_told_from_computers():
    assert [Device(None, name).is_phone for name in ("iPhone", "iPad", "Android", "macOS", None)] == [
        True, True, True, False, False,
    ]  # fmt: skip


@given(st.text(max_size=300))
def test_any_user_agent_is_described_with_known_names_only(user_agent: str):
    found = describe_device(user_agent)
    assert found.browser is None or found.browser.replace(" ", "").isalpha()
