"""Buckets of S3, with the credentials that AWS's own clients would use.

In this order: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN); the profile AWS_PROFILE,
or `default`, in ~/.aws/credentials and ~/.aws/config, whose keys are taken as they stand while single
sign-on, assumed roles and programs are left to boto3 if that is installed; a web identity or a container's
role; the metadata service of the machine, if one answers; none, which is enough for public buckets.
"""

from __future__ import annotations

import configparser
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from obstore.store import S3Store

from cas.remotes.bucket import NO_RETRIES, Bucket, answers, check_words, client_options
from cas.remotes.errors import RemoteError

if TYPE_CHECKING:
    from obstore.store import S3Credential

    from cas.remotes.location import Location
    from cas.remotes.settings import Settings

_METADATA: Final = "http://169.254.169.254"
_BY_BOTO3: Final = ("sso_session", "sso_start_url", "role_arn", "credential_process", "login_session")
_BY_OBSTORE: Final = {
    "AWS_WEB_IDENTITY_TOKEN_FILE": "web_identity_token_file",
    "AWS_ROLE_ARN": "role_arn",
    "AWS_ROLE_SESSION_NAME": "role_session_name",
    "AWS_ENDPOINT_URL_STS": "sts_endpoint",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "container_credentials_relative_uri",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI": "container_credentials_full_uri",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "container_authorization_token_file",
}
"""What obstore turns into credentials, and what it calls it."""
_ROLES: Final = tuple(name for name in _BY_OBSTORE if name.endswith(("TOKEN_FILE", "_URI")))


def open_s3(location: Location, settings: Settings) -> Bucket:
    """Open the bucket of `location`."""
    profile = _Profile.load(settings, location)
    endpoint = settings.first("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL") or profile.values.get("endpoint_url")
    region = settings.first("AWS_REGION", "AWS_DEFAULT_REGION") or profile.values.get("region")
    if region is None:
        region = "us-east-1" if endpoint else _region_of(location.host)
    endpoint = endpoint or f"https://s3.{region}.amazonaws.com"
    credentials = _credentials(settings, profile, location)
    check_words(location, {"region": region, **(credentials or {})})
    store = S3Store(
        location.host,
        endpoint=endpoint.rstrip("/"),
        region=region,
        virtual_hosted_style_request=False,
        client_options=client_options(settings, endpoint),
        retry_config=NO_RETRIES,
        **(credentials or {"skip_signature": True}),
    )
    return Bucket(store, has_credentials=credentials is not None)


def _credentials(settings: Settings, profile: _Profile, location: Location) -> dict[str, Any] | None:
    """Arguments of S3Store that give it credentials, or None."""
    key, secret = settings.first("AWS_ACCESS_KEY_ID"), settings.first("AWS_SECRET_ACCESS_KEY")
    if key and secret:
        return _fixed(location, key, secret, settings.first("AWS_SESSION_TOKEN"))
    found = profile.credentials(location)
    if found is not None:
        return found
    if settings.first(*_ROLES) is not None:
        return {ours: value for name, ours in _BY_OBSTORE.items() if (value := settings.first(name))}
    if (settings.first("AWS_EC2_METADATA_DISABLED") or "").lower() == "true":
        return None
    metadata = (settings.first("AWS_EC2_METADATA_SERVICE_ENDPOINT") or _METADATA).rstrip("/")
    ttl = ("X-aws-ec2-metadata-token-ttl-seconds", "60")
    return {"metadata_endpoint": metadata} if answers("PUT", f"{metadata}/latest/api/token", *ttl) else None


def _fixed(location: Location, key: str, secret: str, token: str | None) -> dict[str, Any]:
    """Credentials that do not change. As a provider, so that obstore adds no token of the environment."""
    check_words(location, {"access key": key, "secret key": secret, "session token": token})
    credential: S3Credential = {
        "access_key_id": key,
        "secret_access_key": secret,
        "token": token,
        "expires_at": None,
    }
    return {"credential_provider": lambda: credential}


class _Profile:
    """A section of ~/.aws/credentials and of ~/.aws/config; the former wins."""

    def __init__(self, name: str, values: dict[str, str]) -> None:
        self.name = name
        self.values = values

    @classmethod
    def load(cls, settings: Settings, location: Location) -> _Profile:
        """Read the profile that is chosen.

        Raises:
            RemoteError: It was chosen by name, and is not there, or its file cannot be read.
        """
        chosen = settings.first("AWS_PROFILE", "AWS_DEFAULT_PROFILE")
        name = chosen or "default"
        section = name if name == "default" else f"profile {name}"
        values: dict[str, str] = {}
        for variable, file, wanted in (
            ("AWS_CONFIG_FILE", "config", section),
            ("AWS_SHARED_CREDENTIALS_FILE", "credentials", name),
        ):
            path = settings.first(variable) or settings.file_in_home(".aws", file)
            values.update(_section(Path(path), wanted, location) if path else {})
        if chosen is not None and not values:
            raise RemoteError(
                f"cannot fetch '{location}'",
                code="credentials-wrong",
                why=f"there is no profile '{chosen}' in ~/.aws",
                hint=f"run `aws configure --profile {chosen}`, or unset AWS_PROFILE",
            )
        return cls(name, values)

    def credentials(self, location: Location) -> dict[str, Any] | None:
        """Arguments of S3Store, or None if the profile says nothing about credentials."""
        key, secret = self.values.get("aws_access_key_id"), self.values.get("aws_secret_access_key")
        if key and secret:
            return _fixed(location, key, secret, self.values.get("aws_session_token"))
        if not any(name in self.values for name in _BY_BOTO3):
            return None
        if find_spec("boto3") is None:
            raise RemoteError(
                f"cannot fetch '{location}'",
                code="no-credentials",
                why=f"the profile '{self.name}' gets its credentials by a login, a role or a program",
                hint="run `pip install boto3`, which knows how, or set AWS_ACCESS_KEY_ID",
            )
        from obstore.auth.boto3 import Boto3CredentialProvider  # noqa: PLC0415 - imports boto3

        try:
            return {"credential_provider": Boto3CredentialProvider()}
        except Exception as error:
            raise RemoteError(
                f"cannot fetch '{location}'",
                code="credentials-wrong",
                why=f"profile '{self.name}': {error}",
                hint=f"run `aws sso login --profile {self.name}`",
            ) from error


def _section(path: Path, name: str, location: Location) -> dict[str, str]:
    parser = configparser.RawConfigParser(default_section="", strict=False)
    try:
        parser.read_string(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, configparser.Error) as error:
        why = f"'{path}' cannot be read: {str(error).partition(chr(10))[0]}"
        raise RemoteError(f"cannot fetch '{location}'", code="credentials-wrong", why=why) from error
    return dict(parser[name]) if parser.has_section(name) else {}


def _region_of(bucket: str) -> str:
    """Ask S3 where the bucket is, which it tells everybody."""
    import urllib3  # noqa: PLC0415 - most buckets have their region configured
    from urllib3.exceptions import HTTPError  # noqa: PLC0415 - as above

    try:
        response = urllib3.request(
            "HEAD", f"https://s3.amazonaws.com/{bucket}", redirect=False, retries=False, timeout=5
        )
    except HTTPError:
        return "us-east-1"  # whatever is wrong comes up again, where it can be said
    return response.headers.get("x-amz-bucket-region") or "us-east-1"
