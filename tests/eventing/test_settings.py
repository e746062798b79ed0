"""A slip in a setting is a sentence that names it."""

import json

import pytest

from eventing.kafka import read_security

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
