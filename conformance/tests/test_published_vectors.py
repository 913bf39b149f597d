"""The forger against the published examples: the one oracle that neither it nor hardsuit has made."""

import pytest

from conformance.casebook import encryption_published, published, trust_published
from conformance.casebook.published_bytes import TEXT_2
from conformance.forge import digest_of_wrapped
from conformance.forge_cbor import encode
from suit.tests import vectors


def example(name: str) -> bytes:
    return vectors.path(f"ietf/manifest/{name}").read_bytes()


@pytest.mark.req("H3-7")
@pytest.mark.parametrize("number", range(6))
def test_published_examples_are_reproduced_byte_for_byte(number: int) -> None:
    assert published.unsigned(number) == example(f"example{number}.unsigned.suit")
    name = f"example{number}.severed-signed.suit" if number == 2 else f"example{number}.signed.suit"
    assert published.signed(number) == example(name)


@pytest.mark.req("H3-7")
@pytest.mark.parametrize("name", trust_published.EXAMPLES)
def test_published_trust_domain_examples_are_reproduced_byte_for_byte(name: str) -> None:
    assert trust_published.EXAMPLES[name] == vectors.path(f"ietf/trust-domains/{name}.suit").read_bytes()


@pytest.mark.req("H3-7")
@pytest.mark.parametrize("name", encryption_published.EXAMPLES)
def test_published_encryption_examples_are_reproduced_byte_for_byte(name: str) -> None:
    raw = vectors.path(f"ietf/firmware-encryption/suit-manifest-{name}.suit").read_bytes()
    assert encryption_published.EXAMPLES[name] == raw


@pytest.mark.req("H3-7")
@pytest.mark.parametrize("name", encryption_published.INFOS)
def test_published_pairs_of_encryption_info_and_payload_are_reproduced_byte_for_byte(name: str) -> None:
    folder = vectors.path("ietf/firmware-encryption")
    info, ciphertext = encryption_published.INFOS[name]
    assert info == (folder / f"suit-encryption-info-{name}.cbor").read_bytes()
    assert ciphertext == (folder / f"encrypted-payload-{name}.bin").read_bytes()


def test_published_example_with_severable_members_is_reproduced_byte_for_byte() -> None:
    raw = published.signed(2, install=published.INSTALL_2, text=TEXT_2)
    assert raw == example("example2.signed.suit")


def test_published_manifest_digests_are_those_of_the_index() -> None:
    index = vectors.path("ietf/INDEX.tsv").read_text("utf-8")
    for number, body in enumerate(published.MANIFESTS):
        _, value = digest_of_wrapped(encode(body))
        row = next(line for line in index.splitlines() if f"example{number}.unsigned" in line)
        assert value.hex() in row
