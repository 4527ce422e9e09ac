"""Makes packages of 2 MiB for the package managers under test, so that they need no network.

    demo.py DIRECTORY
"""

import io
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

DATA = os.urandom(2 << 20)  # Does not compress.

# A build backend in the package itself: pip, uv and their like need no setuptools for it.
BACKEND = """
import zipfile

def build_wheel(directory, config_settings=None, metadata_directory=None):
    name = "efsdemo-1.0-py3-none-any.whl"
    info = "efsdemo-1.0.dist-info/"
    with zipfile.ZipFile(directory + "/" + name, "w") as wheel:
        wheel.writestr("efsdemo/__init__.py", "print('efsdemo')\\n")
        wheel.write("data.bin", "efsdemo/data.bin")
        wheel.writestr(info + "METADATA", open("PKG-INFO").read())
        wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nGenerator: demo\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(info + "entry_points.txt", "[console_scripts]\\nefsdemo = efsdemo:__name__.upper\\n")
        wheel.writestr(info + "RECORD", "")
    return name
"""
PYPROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]

[project]
name = "efsdemo"
version = "1.0"
"""


def tar(path, files):
    with tarfile.open(path, "w:gz") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            member.mtime = 1_700_000_000  # A wheel's archive knows no time before 1980.
            archive.addfile(member, io.BytesIO(data))


def python(place):
    """An index of one package, as an sdist and as a wheel."""
    source = place / "source"
    source.mkdir()
    files = {
        "backend.py": BACKEND.encode(),
        "pyproject.toml": PYPROJECT.encode(),
        "PKG-INFO": b"Metadata-Version: 2.1\nName: efsdemo\nVersion: 1.0\n",
        "data.bin": DATA,
    }
    for name, data in files.items():
        (source / name).write_bytes(data)
    tar(place / "efsdemo-1.0.tar.gz", {f"efsdemo-1.0/{name}": data for name, data in files.items()})
    index = place / "simple" / "efsdemo"
    index.mkdir(parents=True)
    make = "import backend, sys; backend.build_wheel(sys.argv[1])"
    subprocess.run([sys.executable, "-c", make, str(index)], cwd=source, check=True)


def npm(place):
    files = {"package.json": b'{"name":"efsdemo","version":"1.0.0"}\n', "data.bin": DATA}
    tar(place / "efsdemo-1.0.0.tgz", {f"package/{name}": data for name, data in files.items()})


def go(place):
    """A module proxy."""
    versions = place / "proxy" / "github.com" / "efs-scan" / "dep" / "@v"
    versions.mkdir(parents=True)
    (versions / "list").write_text("v1.0.0\n")
    (versions / "v1.0.0.info").write_text('{"Version":"v1.0.0"}\n')
    (versions / "v1.0.0.mod").write_text("module github.com/efs-scan/dep\n")
    with zipfile.ZipFile(versions / "v1.0.0.zip", "w") as archive:
        for name, data in {"go.mod": "module github.com/efs-scan/dep\n", "d.go": "package dep\n", "d.bin": DATA}.items():
            archive.writestr(f"github.com/efs-scan/dep@v1.0.0/{name}", data)


def repository(place, name, files):
    """A git repository of one commit."""
    path = place / name
    for file, data in {**files, "data.bin": DATA}.items():
        (path / file).parent.mkdir(parents=True, exist_ok=True)
        (path / file).write_bytes(data if isinstance(data, bytes) else data.encode())
        (path / file).chmod(0o755)
    who = ["-c", "user.name=demo", "-c", "user.email=demo@example.com"]
    for arguments in (["init", "-q"], ["add", "-A"], [*who, "commit", "-q", "-m", "demo"], ["tag", "v1"]):
        subprocess.run(["git", "-C", str(path), *arguments], check=True)


def hub(place):
    """A model on Hugging Face's hub, as its client asks for it."""
    files = place / "hub" / "efs" / "demo" / "resolve" / "main"
    files.mkdir(parents=True)
    (files / "data.bin").write_bytes(DATA)


place = Path(sys.argv[1])
python(place)
npm(place)
go(place)
hub(place)
hook = "- {id: demo, name: demo, language: script, entry: ./run}\n"
repository(place, "hooks", {".pre-commit-hooks.yaml": hook, "run": "#!/bin/sh\n"})
manifest = '[package]\nname = "dep"\nversion = "1.0.0"\nedition = "2021"\n'
repository(place, "crate", {"Cargo.toml": manifest, "src/lib.rs": ""})
