"""A slip in a setting is a sentence that names it."""

import json

import pytest

from eventing.kafka import read_security
from eventing.settings import NeighbourSettings

SIGNED_IN = {
    "security_protocol": "SASL_SSL",
    "sasl_mechanism": "SCRAM-SHA-512",
    "sasl_plain_username": "enrollment",
    "sasl_plain_password": "secret",
}


def test_how_to_sign_in_to_kafka_is_read_as_it_stands() -> None:
    assert read_security("{}") == ()
    assert dict(read_security(json.dumps(SIGNED_IN))) == SIGNED_IN


@pytest.mark.parametrize(
    ("slip", "said"),
    [
        ({"sasl_mechnism": "PLAIN"}, "sasl_mechnism is none of security_protocol, "),
        ({"security_protocol": "SASL"}, "security_protocol is one of PLAINTEXT, SSL, "),
        ({"sasl_mechanism": "GSSAPI"}, "sasl_mechanism is one of PLAIN, "),
        ({"sasl_plain_password": ""}, "SASL_SSL needs sasl_plain_password"),
        ({"security_protocol": "SSL"}, "sasl_mechanism is for SASL, and security_protocol is SSL"),
        ({"security_protocol": "SASL_PLAINTEXT", "ca_file": "ca.crt"}, "ca_file is for SSL, and security_protocol is "),
    ],
)
def test_a_slip_in_it_is_named_and_no_secret_is(slip: dict[str, str], said: str) -> None:
    with pytest.raises(ValueError, match=f"WEA_KAFKA_SECURITY: {said}") as raised:
        read_security(json.dumps(SIGNED_IN | slip))
    assert "secret" not in str(raised.value)


def test_signing_in_is_not_left_out_where_no_protocol_is_named() -> None:
    with pytest.raises(ValueError, match="sasl_mechanism is for SASL, and security_protocol is PLAINTEXT"):
        read_security(json.dumps({"sasl_mechanism": "PLAIN"}))


def test_whoever_asks_the_others_does_so_with_a_key_that_is_there_whole() -> None:
    hashed = f"staff=sha256:{'0' * 64}"
    for keys in (f"staff=whole,{hashed}", f"{hashed},staff=whole", "staff=whole,staff=another", " staff=whole ,"):
        assert NeighbourSettings.model_validate({"keys": keys}).key_of == {"staff": "whole"}
    assert NeighbourSettings.model_validate({"keys": hashed}).key_of == {}


def test_an_address_that_cannot_be_read_is_said() -> None:
    settings = NeighbourSettings(urls="enrollment=http://one/, enrollment=http://two,clockhours=http://three")
    assert settings.addresses == {"enrollment": ["http://one", "http://two"], "clockhours": ["http://three"]}
    with pytest.raises(ValueError, match="WEA_URLS is SERVICE=URL"):
        assert NeighbourSettings(urls="enrollment").addresses
