"""Settings of clouds and proxies that nobody can use: an error in words, and no secret in it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from cas.errors import CasError
from cas.remotes.settings import Settings
from tests.remotes.fetching import fetch
from tests.servers.web import Answer

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.web import WebServer

S3 = {
    "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
    "AWS_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "AK",
    "AWS_SECRET_ACCESS_KEY": "SECRET",
}
AZURE = {"AZURE_STORAGE_ACCOUNT_NAME": "account", "AZURE_STORAGE_ENDPOINT": "http://127.0.0.1:1"}


@pytest.mark.parametrize(
    ("url", "environment", "code"),
    [
        ("s3://bucket/x", {**S3, "AWS_ENDPOINT_URL": "127.0.0.1:9000"}, "bad-endpoint"),
        ("s3://bucket/x", {**S3, "AWS_ENDPOINT_URL": "http://u:SECRET@127.0.0.1:1"}, "bad-endpoint"),
        ("s3://bucket/x", {**S3, "AWS_ENDPOINT_URL": "http://127.0.0.1:99999"}, "bad-endpoint"),
        ("s3://bucket/x", {**S3, "AWS_ACCESS_KEY_ID": "AK\nSECRET"}, "credentials-wrong"),
        ("s3://bucket/x", {**S3, "AWS_ACCESS_KEY_ID": "AK\rSECRET"}, "credentials-wrong"),
        ("s3://bucket/x", {**S3, "AWS_SESSION_TOKEN": "SECRET\n"}, "credentials-wrong"),
        ("s3://bucket/x", {**S3, "AWS_REGION": "us\n"}, "credentials-wrong"),
        ("s3://bucket/x", {**S3, "http_proxy": "http://ann:SECRET@127.0.0.1:99999"}, "bad-proxy"),
        ("gs://bucket/x", {"STORAGE_EMULATOR_HOST": "nonsense::"}, "bad-endpoint"),
        ("az://container/x", {**AZURE, "AZURE_STORAGE_ACCOUNT_KEY": "!SECRET!"}, "credentials-wrong"),
        (
            "az://container/x",
            {**AZURE, "AZURE_STORAGE_CONNECTION_STRING": "AccountName=a;AccountKey=!SECRET!"},
            "credentials-wrong",
        ),
        ("az://container/x", {"AZURE_STORAGE_ACCOUNT_NAME": "a b/c"}, "bad-endpoint"),
        ("http://far.invalid/x", {"http_proxy": "http://ann:SECRET@127.0.0.1:99999"}, "bad-proxy"),
        ("http://far.invalid/x", {"http_proxy": "http://ann:SECRET/y@host:1"}, "bad-proxy"),
        ("http://far.invalid/x", {"http_proxy": "ann:SECRET@"}, "bad-proxy"),
    ],
)
def test_what_nobody_can_use_is_said(
    tmp_path: Path, url: str, environment: dict[str, str], code: str
) -> None:
    """Before obstore or urllib3 stumbles, and without waiting for it to pass."""
    pauses: list[float] = []

    with pytest.raises(CasError) as caught:
        fetch(url, tmp_path, Settings(environment), wait=pauses.append)

    assert (code, []) == (caught.value.code, pauses)
    assert "SECRET" not in str(caught.value.as_dict())


def test_a_key_of_google_that_is_none(tmp_path: Path) -> None:
    """The file is well made but for the key in it."""
    path = tmp_path / "key.json"
    named = ("private_key_id", "client_email", "client_id", "token_uri")
    path.write_text(
        json.dumps({"type": "service_account", "private_key": "SECRET", **dict.fromkeys(named, "x")})
    )

    with pytest.raises(CasError) as caught:
        fetch("gs://bucket/x", tmp_path, Settings({"GOOGLE_APPLICATION_CREDENTIALS": str(path)}))

    assert ("credentials-wrong", False) == (caught.value.code, "SECRET" in str(caught.value.as_dict()))


def test_a_machine_that_hands_out_what_no_request_can_carry(tmp_path: Path, web: WebServer) -> None:
    """It is a failure like any other, though obstore panics."""
    role = "/latest/meta-data/iam/security-credentials/"
    keys = {"AccessKeyId": "AK", "SecretAccessKey": "s", "Token": "t\n", "Expiration": "2099-01-01T00:00:00Z"}
    web.always |= {
        "/latest/api/token": Answer(200, body=b"session"),
        role: Answer(200, body=b"role"),
        f"{role}role": Answer(200, body=json.dumps({"Code": "Success", **keys}).encode()),
    }
    environment = {
        "AWS_ENDPOINT_URL": f"http://{web.host}",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": f"http://{web.host}",
        "AWS_REGION": "us-east-1",
    }

    with pytest.raises(CasError) as caught:
        fetch("s3://bucket/x", tmp_path, Settings(environment))

    assert "remote-failed" == caught.value.code


def test_a_login_at_a_proxy_is_decoded(tmp_path: Path, web: WebServer) -> None:
    """A password with an `@` in it has to be written as `%40`."""
    web.put("http://far.invalid/x", b"data")

    fetch("http://far.invalid/x", tmp_path, Settings({"http_proxy": f"http://ann:s%40%E2%82%AC@{web.host}"}))

    assert {"Basic YW5uOnNA4oKs"} == {asked.headers["proxy-authorization"] for asked in web.asked}
