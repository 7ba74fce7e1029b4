import base64

import pytest

from domain.errors import InvalidInput
from domain.webhook_signature import Secrets

REFERENCE = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
"""Of the test vector that the libraries of Standard Webhooks share."""


def _secret(size: int) -> str:
    return "whsec_" + base64.b64encode(bytes(size)).decode()


def test_the_signature_is_that_of_the_specifications_test_vector() -> None:
    headers = Secrets.parse(REFERENCE).headers("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_several_secrets_all_sign() -> None:
    both = Secrets.parse(f" {_secret(24)} ,{_secret(64)}").headers("a", 1, b"")["webhook-signature"].split(" ")
    each = [Secrets.parse(_secret(size)).headers("a", 1, b"")["webhook-signature"] for size in (24, 64)]
    assert both == each


def test_id_time_and_body_are_all_signed() -> None:
    secrets = Secrets.parse(REFERENCE)
    signed = [("a", 1, b"x"), ("b", 1, b"x"), ("a", 2, b"x"), ("a", 1, b"y")]
    assert len({secrets.headers(*each)["webhook-signature"] for each in signed}) == 4


@pytest.mark.parametrize(
    "text",
    [
        "",
        " , ",
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "whsec_",
        "whsec_!!!!",
        "whsec_a",
        "whsec_ü",
        _secret(23),
        _secret(65),
    ],
)
def test_what_is_no_secret_is_refused_and_not_quoted(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Secrets.parse(text)
    assert not text.strip(" ,") or text.removeprefix("whsec_") == "" or text not in str(caught.value)
