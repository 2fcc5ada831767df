"""A server that speaks S3, checks signatures, and starts from nothing in a second: SeaweedFS."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Self

import obstore
import urllib3
from obstore.store import S3Store

from cas.remotes.settings import Settings
from tests.servers.ports import free_ports

if TYPE_CHECKING:
    from collections.abc import Mapping

KEY, SECRET = "casaccess", "cassecretkey"
NARROW_KEY, NARROW_SECRET = "narrowaccess", "narrowsecret"
"""Somebody who may read the bucket `public`, as anybody may, and nothing else."""

_IDENTITIES = {
    "identities": [
        {
            "name": "cas",
            "credentials": [{"accessKey": KEY, "secretKey": SECRET}],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        },
        {
            "name": "narrow",
            "credentials": [{"accessKey": NARROW_KEY, "secretKey": NARROW_SECRET}],
            "actions": ["Read:public", "List:public"],
        },
        {"name": "anonymous", "actions": ["Read:public", "List:public"]},
    ]
}


class Seaweed:
    """The server; `with` starts it in a directory of its own and kills it."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="seaweed-"))
        # Each port has a second one for gRPC, 10,000 above.
        self._master, self._volume, self._filer, self._s3, self._admin = free_ports(5, also=10_000)
        self._process: subprocess.Popen[bytes] | None = None
        self._http = urllib3.PoolManager()
        self._buckets: set[str] = set()

    @property
    def endpoint(self) -> str:
        """Where S3 is."""
        return f"http://127.0.0.1:{self._s3}"

    @property
    def environment(self) -> dict[str, str]:
        """What somebody who may do everything has in the environment."""
        return {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET, **self.anonymous}

    @property
    def anonymous(self) -> dict[str, str]:
        """What somebody without credentials has in the environment."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    @property
    def settings(self) -> Settings:
        """Of somebody who may do everything."""
        return Settings(self.environment)

    def store(self, bucket: str) -> S3Store:
        """A client that may write to `bucket`, which is made if needed."""
        if bucket not in self._buckets:
            made = self._http.request("POST", f"http://127.0.0.1:{self._filer}/buckets/{bucket}/")
            assert made.status == 201, made.data
            self._buckets.add(bucket)
        return S3Store(
            bucket,
            endpoint=self.endpoint,
            region="us-east-1",
            access_key_id=KEY,
            secret_access_key=SECRET,
            client_options={"allow_http": True},
        )

    def fill(self, bucket: str, objects: Mapping[str, bytes]) -> None:
        """Put objects into `bucket`."""
        store = self.store(bucket)

        def put(name: str) -> None:
            obstore.put(store, name, objects[name], use_multipart=False)

        with ThreadPoolExecutor(16) as pool:
            list(pool.map(put, objects))

    def __enter__(self) -> Self:
        identities = self._folder / "identities.json"
        identities.write_text(json.dumps(_IDENTITIES))
        program = Path(sys.executable).with_name("weed")
        with (self._folder / "log").open("wb") as log:
            self._process = self._start(program if program.exists() else Path("weed"), identities, log)
        # A connection is refused until it listens, and an answer is 503 until it has found its parts.
        patience = urllib3.Retry(100, backoff_factor=0.02, backoff_max=0.2, status_forcelist=range(500, 600))
        self._http.request("GET", self.endpoint, retries=patience)
        self._http.request("GET", f"http://127.0.0.1:{self._filer}/", retries=patience)
        return self

    def _start(self, program: Path, identities: Path, log: BinaryIO) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [
                *(str(program), "mini", f"-dir={self._folder}"),
                *("-ip=127.0.0.1", "-ip.bind=127.0.0.1"),
                *(f"-master.port={self._master}", f"-volume.port={self._volume}"),
                *(f"-filer.port={self._filer}", f"-filer.localSocket={self._folder}/f.sock"),
                *(f"-s3.port={self._s3}", f"-s3.localSocket={self._folder}/s.sock"),
                *("-s3.port.iceberg=0", "-s3.port.lance=0", f"-s3.config={identities}"),
                *("-admin.ui=false", f"-admin.port={self._admin}", "-webdav=false"),
                "-volume.max=1000",  # else free space by 128 MiB: a few buckets, on a full disk
            ],
            cwd=self._folder,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)  # on TERM it takes seconds, and nothing here is kept
        self._process.wait()
        self._http.clear()
        shutil.rmtree(self._folder, ignore_errors=True)
