"""Where credentials come from: the places where each cloud's own clients look."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from cas.remotes.errors import RemoteError
from cas.remotes.settings import Settings
from tests.remotes.fetching import fetch
from tests.servers.seaweed import KEY, NARROW_KEY, NARROW_SECRET, SECRET
from tests.servers.web import Answer

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.seaweed import Seaweed
    from tests.servers.web import WebServer

MODIFIED = "Sun, 06 Nov 1994 08:49:37 GMT"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home directory with a good profile called `work`, and a default one that may not do much."""
    aws = tmp_path / "home" / ".aws"
    aws.mkdir(parents=True)
    (aws / "credentials").write_text(
        f"[default]\naws_access_key_id = {NARROW_KEY}\naws_secret_access_key = {NARROW_SECRET}\n"
        f"[work]\naws_access_key_id = {KEY}\naws_secret_access_key = {SECRET}\n"
    )
    (aws / "config").write_text("[profile sso]\nsso_session = x\n[profile empty]\n")
    return tmp_path / "home"


def outcome(url: str, tmp_path: Path, environment: dict[str, str], home: Path | None) -> str:
    """Fetch; "done", or the code of the error."""
    try:
        fetch(url, tmp_path, Settings(environment, home))
    except RemoteError as error:
        return error.code
    return "done"


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, "remote-forbidden"),
        ({"AWS_PROFILE": "work"}, "done"),
        ({"AWS_DEFAULT_PROFILE": "work"}, "done"),
        ({"AWS_PROFILE": "missing"}, "credentials-wrong"),
        ({"AWS_PROFILE": "sso"}, "no-credentials"),
        ({"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}, "done"),
        ({"AWS_SHARED_CREDENTIALS_FILE": "nowhere"}, "no-credentials"),
        ({"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_SESSION_TOKEN": ""}, "done"),
    ],
)
def test_aws_takes_the_environment_and_then_a_profile(
    tmp_path: Path, home: Path, seaweed: Seaweed, environment: dict[str, str], expected: str
) -> None:
    """A profile that logs in needs boto3, which is not installed here, and the error says so."""
    seaweed.fill("private", {"x": b"data"})

    assert expected == outcome("s3://private/x", tmp_path, {**seaweed.anonymous, **environment}, home)


def test_the_config_has_region_and_endpoint(tmp_path: Path, home: Path, seaweed: Seaweed) -> None:
    """As AWS's own clients take them."""
    seaweed.fill("private", {"x": b"data"})
    (home / ".aws" / "config").write_text(
        f"[profile work]\nregion = us-east-1\nendpoint_url = {seaweed.endpoint}\n"
    )

    assert "done" == outcome("s3://private/x", tmp_path, {"AWS_PROFILE": "work"}, home)


def test_a_broken_file_of_credentials_is_named(tmp_path: Path, home: Path, seaweed: Seaweed) -> None:
    """Before anything is asked."""
    (home / ".aws" / "credentials").write_text("no section\n")

    assert "credentials-wrong" == outcome("s3://private/x", tmp_path, seaweed.anonymous, home)


def test_keys_come_from_the_machine_when_nothing_else_has_any(tmp_path: Path, web: WebServer) -> None:
    """The metadata service that machines of AWS have."""
    web.put("/bucket/x", b"data", modified=MODIFIED)
    role = "/latest/meta-data/iam/security-credentials/"
    keys = {
        "AccessKeyId": "AKmachine",
        "SecretAccessKey": "s",
        "Token": "t",
        "Expiration": "2099-01-01T00:00:00Z",
    }
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

    assert "done" == outcome("s3://bucket/x", tmp_path, environment, None)
    assert all("AKmachine" in asked.headers["authorization"] for asked in web.asked_for("/bucket/x"))


def test_the_environment_of_the_process_does_not_count(
    tmp_path: Path, web: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is handed in counts: obstore would read the other by itself."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKprocess")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    web.put("/bucket/x", b"data", modified=MODIFIED)
    handed = {"AWS_ENDPOINT_URL": f"http://{web.host}", "AWS_EC2_METADATA_DISABLED": "true"}

    assert "done" == outcome("s3://bucket/x", tmp_path, handed, None)
    assert "done" == outcome(
        "s3://bucket/x",
        tmp_path,
        {**handed, "AWS_ACCESS_KEY_ID": "AKhanded", "AWS_SECRET_ACCESS_KEY": "s"},
        None,
    )

    signed = [asked for asked in web.asked if "authorization" in asked.headers]
    assert all("AKhanded" in asked.headers["authorization"] for asked in signed)
    assert (True, False) == (bool(signed), any("x-amz-security-token" in asked.headers for asked in signed))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{", "credentials-wrong"),
        ("[]", "credentials-wrong"),
        ('{"type": "external_account"}', "no-credentials"),
        (None, "credentials-wrong"),
    ],
)
def test_google_credentials_that_cannot_be_used(tmp_path: Path, text: str | None, expected: str) -> None:
    """The file that was named is named in the error."""
    path = tmp_path / "key.json"
    if text is not None:
        path.write_text(text)

    with pytest.raises(RemoteError) as caught:
        fetch("gs://bucket/x", tmp_path, Settings({"GOOGLE_APPLICATION_CREDENTIALS": str(path)}))

    assert (expected, True) == (caught.value.code, str(path) in str(caught.value))


def test_what_gcloud_left_is_found(tmp_path: Path) -> None:
    """Below the home directory, or where CLOUDSDK_CONFIG says."""
    name = "application_default_credentials.json"
    folders = [tmp_path / ".config" / "gcloud", tmp_path / "elsewhere"]
    for folder in folders:
        folder.mkdir(parents=True)
        (folder / name).write_text('{"type": "strange"}')
    found = []
    for settings in (Settings({}, tmp_path), Settings({"CLOUDSDK_CONFIG": str(folders[1])}, tmp_path)):
        with pytest.raises(RemoteError) as caught:
            fetch("gs://bucket/x", tmp_path, settings)
        found.append(caught.value.why or "")

    assert [str(folders[0]) in found[0], str(folders[1]) in found[1]] == [True, True]


@pytest.mark.parametrize(
    ("environment", "sent"),
    [
        ({"AZURE_STORAGE_SAS_TOKEN": "sig=abc"}, "/container/x?sig=abc"),
        ({}, "/container/x"),
    ],
)
def test_azure_takes_a_signature_or_nothing(
    tmp_path: Path, web: WebServer, environment: dict[str, str], sent: str
) -> None:
    """A public container needs none."""
    web.put(sent, b"data", modified=MODIFIED)
    account = {
        "AZURE_STORAGE_CONNECTION_STRING": f"AccountName=account;BlobEndpoint=http://{web.host}/",
    }

    assert "done" == outcome("az://container/x", tmp_path, {**account, **environment}, None)
    assert not any("authorization" in asked.headers for asked in web.asked)


def test_azure_needs_an_account(tmp_path: Path) -> None:
    """A container belongs to one, and the URL does not name it."""
    with pytest.raises(RemoteError) as caught:
        fetch("az://container/x", tmp_path, Settings({}))

    assert "set AZURE_STORAGE_ACCOUNT_NAME" == caught.value.hint
