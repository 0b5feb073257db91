"""What a user names: a path, or an https address with its digest; anything else is refused in a sentence."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import HarnessError
from harness.files.address import Address, address_of, shown

DIGEST, OTHER = "0f" * 32, "1e" * 32


@pytest.mark.parametrize("text", ["models.zip", "./a b/models.zip", "C:/models.zip", "a:b", "https", "x#sha256=1"])
def test_what_has_no_scheme_is_a_path_and_needs_no_digest(text: str) -> None:
    assert address_of(text) == Address(Path(text), "", None)
    assert address_of(text, DIGEST.upper()) == Address(Path(text), "", DIGEST)
    assert address_of(text).shown == str(Path(text))


@pytest.mark.parametrize(
    ("text", "sha256"),
    [
        ("https://host/models.zip", DIGEST),
        ("https://host/models.zip", f" {DIGEST.upper()}\n"),
        (f"https://host/models.zip#sha256={DIGEST}", None),
        (f"https://host/models.zip#sha256={DIGEST}", DIGEST),
    ],
)
def test_an_https_address_has_its_digest_beside_it_or_at_its_end(text: str, sha256: str | None) -> None:
    assert address_of(text, sha256) == Address(None, "https://host/models.zip", DIGEST)


@pytest.mark.parametrize(
    ("text", "sha256", "sentence"),
    [
        (
            "https://host/m.zip",
            None,
            "https://host/m.zip has no digest; by https expected --sha256 DIGEST, or #sha256=",
        ),
        ("https://host/m.zip", "abc", "--sha256 is 'abc'; expected a sha256: 64 digits"),
        ("m.zip", DIGEST + "0", "expected a sha256: 64 digits"),
        ("https://host/m.zip", "", "--sha256 is ''; expected a sha256"),
        ("https://host/m.zip#sha256=", DIGEST, "#sha256= is ''; expected a sha256"),
        (f"https://host/m.zip#md5={DIGEST}", DIGEST, "ends with #md5="),
        (f"https://host/m.zip#sha256={DIGEST}", OTHER, f"--sha256 is {OTHER} and the address ends with {DIGEST}"),
        ("http://host/m.zip", DIGEST, "http://host/m.zip is not https but http. Download the file yourself"),
        ("ftp://host/m.zip", DIGEST, "is not https but ftp"),
        ("file:///etc/passwd", DIGEST, "is not https but file"),
        ("https://", DIGEST, "https:// is not an address"),
        ("https://host:x/m.zip", DIGEST, "is not an address"),
        ("https://host:0/m.zip", DIGEST, "is not an address"),
        ("https://[::1/m.zip", DIGEST, "is not an address"),
        ("https://host/m n.zip", DIGEST, "without spaces"),
        ("https://host/m\r\nX: y", DIGEST, "is not an address"),
        ("https://host/ü.zip", DIGEST, "in ASCII"),
    ],
)
def test_what_is_neither_is_refused_in_a_sentence(text: str, sha256: str | None, sentence: str) -> None:
    with pytest.raises(HarnessError) as refused:
        address_of(text, sha256)
    assert sentence in str(refused.value) and "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "text", ["https://me:secret@host/m.zip", "https://secret@host/m.zip", "http://me:secret@host/m"]
)
def test_a_name_or_password_in_an_address_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(HarnessError) as refused:
        address_of(text, DIGEST)
    assert "secret" not in str(refused.value)


def test_what_signs_an_address_is_not_shown() -> None:
    assert address_of("https://host/m.zip?token=secret", DIGEST).shown == "https://host/m.zip"
    assert shown("https://me:secret@[host/m.zip?token=secret") == "[host/m.zip"


@given(st.text(max_size=80), st.none() | st.text(max_size=70) | st.just(DIGEST))
def test_any_text_is_an_address_or_a_sentence(text: str, sha256: str | None) -> None:
    for named in (text, f"https://{text}"):
        try:
            found = address_of(named, sha256)
        except HarnessError as refused:
            assert str(refused).isprintable()
        else:
            assert found.path is not None or (found.url.startswith("https://") and found.sha256)
