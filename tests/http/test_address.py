"""The caller's address and scheme."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from watchword.foundation.errors import ConfigurationError
from watchword.http.address import address_bucket, client_address, client_scheme, parse_proxies
from watchword.http.request import Request

PROXIES = parse_proxies(["10.0.0.0/8", "2001:db8:ffff::/48"])


def _request(peer: str | None, *headers: tuple[str, str], scheme: str = "http") -> Request:
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    return Request("GET", "/", headers=raw, peer=peer, scheme=scheme)


def test_a005_no_forwarding_header_counts_by_default():
    request = _request(
        "203.0.113.9",
        ("x-forwarded-for", "198.51.100.1"),
        ("forwarded", "for=198.51.100.1"),
        ("x-real-ip", "198.51.100.1"),
        ("x-forwarded-proto", "https"),
    )

    assert client_address(request, ()) == "203.0.113.9"
    assert client_scheme(request, ()) == "http"


def test_a005_a_header_from_a_peer_that_is_no_proxy_does_not_count():
    request = _request("203.0.113.9", ("x-forwarded-for", "198.51.100.1"), ("x-forwarded-proto", "https"))

    assert client_address(request, PROXIES) == "203.0.113.9"
    assert client_scheme(request, PROXIES) == "http"


def test_a006_the_underscore_twin_of_the_header_does_not_count():
    request = _request("10.0.0.1", ("x_forwarded_for", "198.51.100.1"), ("x_forwarded_proto", "https"))

    assert client_address(request, PROXIES) == "10.0.0.1"
    assert client_scheme(request, PROXIES) == "http"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("198.51.100.1", "198.51.100.1"),
        ("6.6.6.6, 198.51.100.1", "198.51.100.1"),
        ("6.6.6.6, 198.51.100.1, 10.1.2.3", "198.51.100.1"),
        ("garbage, 198.51.100.1", "198.51.100.1"),
        ("198.51.100.1:4711", "198.51.100.1"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("::ffff:198.51.100.1", "198.51.100.1"),
        ("10.1.1.1, 10.2.2.2", "10.1.1.1"),
    ],
)
def test_behind_a_proxy_the_right_most_address_that_is_no_proxy_counts(header: str, expected: str):
    assert expected == client_address(_request("10.0.0.1", ("x-forwarded-for", header)), PROXIES)


def test_several_header_lines_are_one_list_in_order():
    request = _request("10.0.0.1", ("x-forwarded-for", "6.6.6.6"), ("x-forwarded-for", "198.51.100.1"))

    assert client_address(request, PROXIES) == "198.51.100.1"


@pytest.mark.parametrize(
    "header", ["", "unknown", "1.2.3", "198.51.100.1, ", "a, 10.1.1.1", "010.0.0.1", "1.2.3.4:99999999"]
)
def test_a007_an_entry_that_is_no_address_leaves_the_peer(header: str):
    assert client_address(_request("10.0.0.1", ("x-forwarded-for", header)), PROXIES) == "10.0.0.1"


def test_a_peer_in_ipv4_mapped_form_is_still_the_proxy():
    assert client_address(_request("::ffff:10.0.0.1", ("x-forwarded-for", "198.51.100.1")), PROXIES) == "198.51.100.1"


def test_a_peer_without_address_is_no_proxy():
    assert client_address(_request(None, ("x-forwarded-for", "198.51.100.1")), PROXIES) == ""
    assert client_address(_request("testclient", ("x-forwarded-for", "198.51.100.1")), PROXIES) == "testclient"


def test_a_declared_proxy_tells_the_scheme():
    assert client_scheme(_request("10.0.0.1", ("x-forwarded-proto", "HTTPS")), PROXIES) == "https"
    assert client_scheme(_request("10.0.0.1", ("x-forwarded-proto", "javascript")), PROXIES) == "http"
    two = _request("10.0.0.1", ("x-forwarded-proto", "https"), ("x-forwarded-proto", "http"))
    assert client_scheme(two, PROXIES) == "http"


@pytest.mark.parametrize("network", ["", "proxy", "10.0.0.1/8", "0.0.0.0/0", "::/0", "10.0.0.0/33"])
def test_a_proxy_network_that_means_nothing_or_everyone_is_refused(network: str):
    with pytest.raises(ConfigurationError, match=r"proxy network|everyone"):
        parse_proxies([network])


@pytest.mark.parametrize(
    "spelling", ["2001:db8:1:2::1", "2001:DB8:1:2:ffff::", "2001:0db8:0001:0002:0:0:0:9", "2001:db8:1:2::1%eth0"]
)
def test_a099_one_slash_64_is_one_bucket(spelling: str):
    assert address_bucket(spelling) == "2001:db8:1:2::/64"


def test_a099_other_spellings_of_one_ipv4_address_are_one_bucket():
    assert "203.0.113.9" == address_bucket("203.0.113.9") == address_bucket("::ffff:203.0.113.9")
    assert address_bucket("203.0.113.9") == address_bucket("::FFFF:cb00:7109")


def test_what_is_no_address_is_a_bucket_of_bounded_length():
    assert address_bucket("TestClient") == "testclient"
    assert len(address_bucket("x" * 9_000)) == 64


@given(some.text(), some.text(alphabet="0123456789abcdef.:,[]% ", max_size=60))
def test_no_address_raises_and_buckets_are_stable(peer: str, header: str):
    address = client_address(_request(peer), PROXIES)

    assert address_bucket(address) == address_bucket(address_bucket(address).removesuffix("/64"))
    client_address(_request("10.0.0.1", ("x-forwarded-for", header)), PROXIES)
