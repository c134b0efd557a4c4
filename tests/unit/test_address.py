"""Whatever a blog or a network names as an address is read without a fault, and only a whole one counts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_broadcast.channels.match import bare_link
from clinic_broadcast.core.address import absolute_url, is_address, parts_of
from clinic_broadcast.core.intake import canonical

UNREADABLE = ("http://[", "https://[x/a.html", "//]", "https://blog.example:port/", "http://a\u2100b/")


@pytest.mark.parametrize("url", UNREADABLE)
def test_an_address_that_cannot_be_read_has_no_host_and_stays_as_it_is(url: str) -> None:
    assert parts_of(url).path == url
    assert not parts_of(url).hostname
    assert not is_address(url)
    assert absolute_url("https://blog.example/a.html", url)


@pytest.mark.parametrize("url", ["https://blog.example/a.html?m=1#c", "http://blog.example:8080"])
def test_an_address_of_the_web_has_a_scheme_and_a_host(url: str) -> None:
    assert is_address(url)
    assert parts_of(url).geturl() == url


@pytest.mark.parametrize("url", ["", "/a.html", "mailto:x@blog.example", "https://", "javascript:alert(1)"])
def test_nothing_else_is_an_address_of_the_web(url: str) -> None:
    assert not is_address(url)


@given(st.text(alphabet="htps:/[]@.a?#%\u2100 ", max_size=30))
def test_whatever_stands_there_is_read_compared_and_joined(url: str) -> None:
    assert isinstance(is_address(url), bool)
    for told in (canonical(url), bare_link(url), absolute_url("https://blog.example/", url)):
        assert isinstance(told, str)
