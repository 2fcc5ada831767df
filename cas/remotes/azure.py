"""Containers of Azure's blob storage, with the credentials that adlfs and Azure's own clients would use.

The account is AZURE_STORAGE_ACCOUNT_NAME. In this order: AZURE_STORAGE_CONNECTION_STRING; the key or the
signature of the account; an application (AZURE_CLIENT_ID, …_SECRET or a federated token, AZURE_TENANT_ID);
the identity of the machine where IDENTITY_ENDPOINT says there is one; `az login` where ~/.azure has one;
none, which is enough for public containers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from obstore.store import AzureStore

from cas.remotes.bucket import NO_RETRIES, Bucket, check_words, client_options
from cas.remotes.errors import RemoteError

if TYPE_CHECKING:
    from cas.remotes.location import Location
    from cas.remotes.settings import Settings

_NAMES: Final = {
    "account_key": ("AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_KEY", "AZURE_STORAGE_ACCESS_KEY"),
    "sas_key": ("AZURE_STORAGE_SAS_TOKEN", "AZURE_STORAGE_SAS_KEY"),
    "token": ("AZURE_STORAGE_TOKEN",),
    "client_id": ("AZURE_STORAGE_CLIENT_ID", "AZURE_CLIENT_ID"),
    "client_secret": ("AZURE_STORAGE_CLIENT_SECRET", "AZURE_CLIENT_SECRET"),
    "tenant_id": ("AZURE_STORAGE_TENANT_ID", "AZURE_TENANT_ID"),
    "federated_token_file": ("AZURE_FEDERATED_TOKEN_FILE",),
    "authority_host": ("AZURE_AUTHORITY_HOST",),
    "msi_endpoint": ("IDENTITY_ENDPOINT", "MSI_ENDPOINT"),
}
_ENOUGH: Final = (
    ("account_key",),
    ("sas_key",),
    ("token",),
    ("client_id", "client_secret", "tenant_id"),
    ("client_id", "federated_token_file", "tenant_id"),
    ("msi_endpoint",),
)
"""Which settings together are credentials, best first."""
_IN_CONNECTION: Final = {
    "accountname": "account_name",
    "accountkey": "account_key",
    "sharedaccesssignature": "sas_key",
    "blobendpoint": "endpoint",
}


def open_azure(location: Location, settings: Settings) -> Bucket:
    """Open the container of `location`."""
    found = {ours: value for ours, names in _NAMES.items() if (value := settings.first(*names))}
    found.update(_connection(settings.first("AZURE_STORAGE_CONNECTION_STRING") or ""))
    account = found.pop("account_name", None) or settings.first(
        "AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT"
    )
    if account is None:
        raise RemoteError(
            f"cannot fetch '{location}'",
            code="no-credentials",
            why="az:// names a container, and the account that it belongs to is not known",
            hint="set AZURE_STORAGE_ACCOUNT_NAME",
        )
    endpoint = found.pop("endpoint", None) or settings.first("AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT")
    endpoint = (endpoint or f"https://{account}.blob.core.windows.net").rstrip("/")
    credentials = _credentials(found, settings)
    check_words(location, {"account": account, **(credentials or {})})
    store = AzureStore(
        location.host,
        account_name=account,
        endpoint=endpoint,
        client_options=client_options(settings, endpoint),
        retry_config=NO_RETRIES,
        **(credentials or {"skip_signature": True}),
    )
    return Bucket(store, has_credentials=credentials is not None)


def _credentials(found: dict[str, str], settings: Settings) -> dict[str, Any] | None:
    """Arguments of AzureStore that give it credentials, or None."""
    for together in _ENOUGH:
        if all(name in found for name in together):
            names = {*together, "authority_host"} if "client_id" in together else set(together)
            return {name: value for name, value in found.items() if name in names}
    if settings.file_in_home(".azure", "azureProfile.json") is not None:
        return {"use_azure_cli": True}
    return None


def _connection(text: str) -> dict[str, str]:
    """Take a connection string apart: `AccountName=…;AccountKey=…;BlobEndpoint=…`."""
    pairs = (part.partition("=") for part in text.split(";"))
    return {_IN_CONNECTION[name.lower()]: value for name, _, value in pairs if name.lower() in _IN_CONNECTION}
