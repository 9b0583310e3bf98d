"""Images for the cluster, built without Docker and kept as archives in the user's cache.

An archive's name contains a digest of its sources: a change triggers a new build, a fresh clone
does not. In Buildah's own store only the base image stays.
"""

import hashlib
import os
import re
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from cluster.programs import Programs
from cluster.settings import PAUSE_IMAGE
from mesh import ROOT

REDIS_IMAGE = "localhost/meshlens-test/redis:1"

_FILES = Path(__file__).parent / "images"
_DAPR = ("daprd", "injector", "operator", "placement", "scheduler", "sentry")
_SUITE = "bookworm"
_PACKAGES = "ca-certificates,fonts-dejavu-core,libcairo2,python3,python3-venv"
# Buildah, its child processes and its mounts end with this run, even if the run is killed.
_SANDBOX = (
    *("setpriv", "--pdeathsig", "KILL"),
    *("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"),
)
_CA = Path("/etc/ssl/certs/ca-certificates.crt")


class Images:
    """Builds images that are not in the cache; for one run at a time.

    Args:
        cache: a folder that outlives the run.

    Attributes:
        sizes: bytes of the services' requested images, by name.
    """

    def __init__(self, cache: Path) -> None:
        self.sizes: dict[str, int] = {}
        self._archives = cache / "images"
        self._archives.mkdir(parents=True, exist_ok=True)
        store = ["--root", str(cache / "buildah"), "--runroot", "/run/meshlens-buildah"]
        self._buildah = [*_SANDBOX, "buildah", *store]
        self._run("rm", "--all")  # left by a run that was killed

    def control_plane(self, programs: Programs) -> list[Path]:
        """Archives of Dapr's programs and of the pause program, which holds a pod open."""
        pins = str(programs.kubernetes)
        archives = [self._image(PAUSE_IMAGE, "pause", programs.kubernetes, inputs=[pins])]
        for name in _DAPR:
            image = f"localhost/dapr/{name}:{programs.dapr_version}"
            folder = programs.daprd if name == "daprd" else programs.dapr
            arguments = {"PROGRAM": name}
            archives.append(self._image(image, "program", folder, arguments, [str(folder)]))
        return archives

    def redis(self) -> Path:
        """Archive of the Redis for state and events."""
        return self._image(REDIS_IMAGE, "redis", _FILES, {"BASE": self._base()})

    def service(self, image: str, service: str, arguments: Mapping[str, str]) -> Path:
        """Archive of a service, built by its own Dockerfile."""
        arguments = {**self._arguments(), **arguments}
        archive = self._build(
            image, _dockerfile(service), ROOT, arguments, [_digest_of_sources(service)]
        )
        self.sizes[image] = archive.stat().st_size
        return archive

    def models(self, image: str, folder: Path) -> Path:
        """Archive of an image of models, built by the Dockerfile beside them."""
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        contents = [hashlib.sha256(path.read_bytes()).hexdigest() for path in files]
        return self._build(image, folder / "Dockerfile", folder, self._arguments(), contents)

    def id_when_built_anew(self, service: str, folder: Path) -> str:
        """Build a service's image without cache; return its id, a digest of its content."""
        file = folder / "id"
        options = ["--no-cache", "--timestamp=0", f"--iidfile={file}"]
        options += _options(self._arguments())
        self._run("build", *options, "--file", _dockerfile(service), ROOT)
        image = file.read_text()
        self._run("rmi", image)
        return image

    def _arguments(self) -> dict[str, str]:
        return {"BASE": self._base(), "SSL_CERT_FILE": str(_CA)}

    def _base(self) -> str:
        """Name of the base image; built from Debian's packages if missing."""
        recipe = [_SUITE, _PACKAGES, (_FILES / "base.Dockerfile").read_text()]
        name = f"localhost/meshlens-base:{_digest(recipe)}"
        known = [*self._buildah, "inspect", "--type=image", name]
        if subprocess.run(known, capture_output=True, check=False).returncode != 0:
            self._run("rmi", "--all", "--force")  # an older one
            with tempfile.TemporaryDirectory(dir=self._archives) as folder:
                _make_root(Path(folder))
                self._run("build", "--tag", name, "--file", _FILES / "base.Dockerfile", folder)
        return name

    def _image(
        self,
        image: str,
        kind: str,
        context: Path,
        arguments: Mapping[str, str] | None = None,
        inputs: Sequence[str] = (),
    ) -> Path:
        return self._build(image, _FILES / f"{kind}.Dockerfile", context, arguments or {}, inputs)

    def _build(
        self,
        image: str,
        dockerfile: Path,
        context: Path,
        arguments: Mapping[str, str],
        inputs: Sequence[str],
    ) -> Path:
        key = _digest([image, dockerfile.read_text(), repr(sorted(arguments.items())), *inputs])
        slug = image.replace("/", "_").replace(":", "_")
        archive = self._archives / f"{slug}-{key}.tar"
        if archive.exists():
            return archive
        tag = ["--tag", image, "--file", str(dockerfile)]
        self._run("build", *_options(arguments), *tag, context)
        part = archive.with_suffix(".part")
        part.unlink(missing_ok=True)
        self._run("push", image, f"docker-archive:{part}:{image}")
        self._run("rmi", image)
        for older in self._archives.glob(f"{slug}-????????????.tar"):
            older.unlink()
        part.rename(archive)
        return archive

    def _run(self, *arguments: str | Path) -> None:
        _run([*self._buildah, *arguments])


def _dockerfile(service: str) -> Path:
    return ROOT / "services" / service / "Dockerfile"


def _options(arguments: Mapping[str, str]) -> list[str]:
    values = [f"--build-arg={name}={value}" for name, value in arguments.items()]
    # Packages are fetched with the machine's own certificates, including a company's.
    certificates = [f"--volume={_CA}:{_CA}:ro"] if _CA.exists() else []
    return ["--isolation=chroot", "--pull=false", *certificates, *values]


def _make_root(folder: Path) -> None:
    """Write a minimal Debian to base.tar in `folder`."""
    root = folder / "root"
    _run(["debootstrap", "--variant=minbase", f"--include={_PACKAGES}", _SUITE, root])
    left_out = ("./dev/*", "./var/cache/apt/archives/*", "./var/lib/apt/lists/*")
    excluded = [f"--exclude={pattern}" for pattern in left_out]
    _run(["tar", "-C", root, *excluded, "-cf", folder / "base.tar", "."])


def _digest_of_sources(service: str) -> str:
    """A digest of all sources of a service's image: jobs has the other services in it."""
    copied = re.findall(r"^COPY (services/\w+) ", _dockerfile(service).read_text(), re.MULTILINE)
    locked = [".dockerignore", "LICENSE", "pyproject.toml", "uv.lock", "services/*/pyproject.toml"]
    places = [*locked, "libs", *copied]
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *places]
    names = subprocess.run(listing, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout
    sources = [ROOT / name for name in sorted(names.split("\0")) if name]
    contents = [
        f"{source.relative_to(ROOT)} {hashlib.sha256(source.read_bytes()).hexdigest()}"
        for source in sources
        if source.is_file()
    ]
    return _digest(contents)


def _digest(parts: Sequence[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


def _run(command: Sequence[str | Path]) -> None:
    """Run a program; if it fails, the error holds its whole output."""
    done = subprocess.run(
        [str(part) for part in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )
    if done.returncode != 0:
        line = " ".join(map(str, command))
        raise RuntimeError(f"{line} ended with {done.returncode}\n{done.stdout}")
