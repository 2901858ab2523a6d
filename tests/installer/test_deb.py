"""The Debian package: built twice, judged by Debian's own tools, installed into a fresh Debian."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import chroot
import pytest
from chroot import Chroot
from PIL import Image

from installer.linux import deb
from installer.linux.manpage import page
from installer.sources import ROOT, version
from sharpcam.settings import ENTRIES

pytestmark = pytest.mark.slow
LARGEST = 400_000_000
"""Bytes that an installed SharpCam may take."""
OWN_SETTINGS = ".config/sharpcam/settings.toml"
OPTIONS = "etc/modprobe.d/sharpcam.conf"
NEEDS_HARDWARE = {"cameras", "virtual camera", "v4l2loopback module"}
"""What the doctor may miss in a chroot and nothing else."""


class Builds:
    """The package, made twice under different circumstances, and a Debian to put it in; all at
    the same time."""

    def __init__(self, folder: Path) -> None:
        self._pool = ThreadPoolExecutor()
        self._debian = self._pool.submit(self._prepared)
        one = self._pool.submit(self._build, folder / "one", TZ="UTC", PYTHONHASHSEED="1")
        (folder / "elsewhere").mkdir()
        other = {"TZ": "Asia/Tokyo", "PYTHONHASHSEED": "2", "TMPDIR": str(folder / "elsewhere")}
        two = self._pool.submit(self._build, folder / "two", umask=0o077, **other)
        self.package, self.printed = one.result()
        self.again, _ = two.result()
        self.verdict = self._pool.submit(self._lintian)

    def _lintian(self) -> subprocess.CompletedProcess[str]:
        command = ["lintian", "--fail-on", "error,warning", "--allow-root", self.package]
        return subprocess.run(command, capture_output=True, text=True)

    def _prepared(self) -> Path | str:
        if why := chroot.missing():
            return why
        try:
            return chroot.prepared(["python3", "python3-gi", *deb.SYSTEM_LIBRARIES.split(", ")])
        except (LookupError, OSError, subprocess.CalledProcessError) as error:
            said = getattr(error, "stdout", None) or error
            return f"no Debian can be made here: {said}"

    @staticmethod
    def _build(folder: Path, umask: int = 0o022, **environment: str) -> tuple[Path, str]:
        done = subprocess.run(
            [sys.executable, "-m", "installer.build", "deb", "--quick", "-o", folder],
            cwd=ROOT,
            env={**os.environ, **environment},
            umask=umask,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        (package,) = folder.glob("*.deb")
        return package, done.stdout

    def debian(self) -> Path:
        """The archive of a fresh Debian."""
        archive = self._debian.result()
        if isinstance(archive, str):
            pytest.skip(archive)
        return archive

    def close(self) -> None:
        self._pool.shutdown()


@pytest.fixture(scope="module")
def builds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Builds]:
    if lacking := [tool for tool in ("dpkg-deb", "strip") if not shutil.which(tool)]:
        pytest.skip(f"needs {', '.join(lacking)}: `make test` installs them")
    builds = Builds(tmp_path_factory.mktemp("deb"))
    yield builds
    builds.close()


@pytest.fixture(scope="module")
def debian(builds: Builds, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chroot]:
    """Each test takes out again what it put in."""
    folder = tmp_path_factory.mktemp("debian") / "root"
    yield Chroot(folder, builds.debian())
    shutil.rmtree(folder)


def install(debian: Chroot, package: Path) -> None:
    shutil.copy(package, debian.folder / "tmp" / "sharpcam.deb")
    debian.run("dpkg", "--install", "/tmp/sharpcam.deb")
    (debian.folder / "tmp" / "sharpcam.deb").unlink()


def test_the_same_source_makes_the_same_bytes(builds: Builds) -> None:
    one, two = (
        hashlib.sha256(it.read_bytes()).hexdigest() for it in (builds.package, builds.again)
    )
    assert one == two
    assert f"{builds.package.name}: " in builds.printed
    assert " bytes in " in builds.printed


def test_a_fresh_debian_without_network_runs_it_and_forgets_it(
    builds: Builds, debian: Chroot
) -> None:
    before = debian.files()
    assert not {name for name in before if name.endswith(("bin/gcc", "bin/cc"))}
    install(debian, builds.package)

    assert debian.run("sharpcam", "--version").stdout == f"sharpcam {version()}\n"
    Image.linear_gradient("L").convert("RGB").save(debian.folder / "tmp" / "soft.png")
    debian.run("sharpcam", "enhance", "/tmp/soft.png", "-o", "/tmp/sharp.png")
    with Image.open(debian.folder / "tmp" / "sharp.png") as sharp:
        assert sharp.size == (256, 256)
    checks = json.loads(debian.run("sharpcam", "doctor", "--json", fails=True).stdout)["checks"]
    assert {it["name"] for it in checks if it["blocks"]} <= NEEDS_HARDWARE, checks
    said = debian.run("sharpcam", "run", "--source", "demo", "--sink", "null").stderr
    assert "frames" in said
    own = "/usr/lib/sharpcam/bin/python3"
    debian.run(own, "-I", "-c", "import gi")  # Debian's, for the tray
    entry = debian.home / ".config/autostart/sharpcam.desktop"
    assert not entry.exists()
    assert not list((debian.folder / "etc").glob("xdg/autostart/*sharpcam*"))
    debian.run("sharpcam", "autostart", "on")
    assert "Exec=/usr/lib/sharpcam/bin/sharpcam\n" in entry.read_text()

    home = debian.folder / deb.HOME
    libraries = [
        f"/{path.relative_to(debian.folder)}"
        for path in home.rglob("*.so*")
        if path.read_bytes()[:4] == b"\x7fELF"
    ]
    assert len(libraries) > 100
    assert "not found" not in debian.run("ldd", *libraries).stdout
    size = sum(it.lstat().st_size for it in home.rglob("*") if it.is_file())
    print(f"installed, with Python's compiled files: {size} bytes")
    assert list(home.rglob("*.pyc"))
    assert size <= LARGEST
    assert not list(home.rglob("torch"))

    debian.run("dpkg", "--purge", "sharpcam")
    assert debian.files() == before


def test_an_upgrade_keeps_settings_and_takes_old_files_away(
    builds: Builds, debian: Chroot, tmp_path: Path
) -> None:
    before = debian.files()
    old = tmp_path / "old"
    subprocess.run(["dpkg-deb", "-R", builds.package, old], check=True)
    control = old / "DEBIAN" / "control"
    control.write_text(control.read_text().replace(f"Version: {version()}", "Version: 0.0.1"))
    module = old / deb.HOME / "given_up.py"
    module.write_text("")
    subprocess.run(["dpkg-deb", "-Znone", "-b", old, tmp_path / "old.deb"], check=True)
    install(debian, tmp_path / "old.deb")
    assert (debian.folder / deb.HOME / "given_up.py").is_file()
    assert list((debian.folder / deb.HOME / "__pycache__").iterdir())

    debian.run("sharpcam", "set", "strength=0.4")
    settings = (debian.home / OWN_SETTINGS).read_text()
    assert "strength = 0.4" in settings
    options = debian.folder / OPTIONS
    options.write_text(options.read_text().replace("video_nr=10", "video_nr=42"))

    install(debian, builds.package)
    assert debian.run("dpkg-query", "-W", "-f", "${Version}", "sharpcam").stdout == version()
    assert not (debian.folder / deb.HOME / "given_up.py").exists()
    assert (debian.home / OWN_SETTINGS).read_text() == settings
    assert "strength = 0.4" in debian.run("sharpcam", "set").stdout
    assert "video_nr=42" in options.read_text()

    debian.run("dpkg", "--remove", "sharpcam")
    assert "video_nr=42" in options.read_text(), "kept until purged"
    debian.run("dpkg", "--purge", "sharpcam")
    assert debian.files() == before
    assert (debian.home / OWN_SETTINGS).is_file(), "a person's files are theirs"


def test_lintian_finds_no_fault(builds: Builds) -> None:
    if not shutil.which("lintian"):
        pytest.skip("needs lintian: `make test` installs it")
    verdict = builds.verdict.result()
    assert verdict.returncode == 0, verdict.stdout


def test_the_desktop_takes_entry_and_description() -> None:
    if lacking := [it for it in ("desktop-file-validate", "appstreamcli") if not shutil.which(it)]:
        pytest.skip(f"needs {', '.join(lacking)}: `make test` installs them")
    for command in (
        ["desktop-file-validate", ROOT / "installer/linux/sharpcam.desktop"],
        ["appstreamcli", "validate", "--no-net", "--pedantic", deb.METAINFO],
    ):
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout
        assert "WARNING" not in done.stdout
    assert f'version="{version()}"' in deb.METAINFO.read_text()


def test_the_manual_page_tells_every_command_and_option(tmp_path: Path) -> None:
    if not shutil.which("mandoc"):
        pytest.skip("needs mandoc: `make test` installs it")
    written = tmp_path / "sharpcam.1"
    written.write_text(page())
    subprocess.run(["mandoc", "-T", "lint", "-W", "warning", written], check=True)
    shown = subprocess.run(["mandoc", "-T", "utf8", written], capture_output=True, text=True)
    words = re.sub(".\b", "", shown.stdout)  # bold and underlined
    for command in ("run", "enhance", "doctor", "autostart"):
        assert f"sharpcam {command}" in words
    for option in ("--source", "--side-by-side", "--no-tray"):
        assert option in words
    assert all(key in words for key in ENTRIES)


def test_every_bundled_part_stands_in_the_copyright_file(builds: Builds) -> None:
    command = ["dpkg-deb", "--fsys-tarfile", builds.package]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE) as unpacking,
        tarfile.open(fileobj=unpacking.stdout, mode="r|") as archive,
    ):
        names, text = set(), ""
        for member in archive:
            names.add(member.name.removeprefix("./"))
            if member.name.endswith("doc/sharpcam/copyright"):
                file = archive.extractfile(member)
                assert file
                text = file.read().decode()
    parts = {"/".join(name.split("/")[:7]) for name in names if "/site-packages/" in name}
    ours = {part for part in parts if "/site-packages/sharpcam" in part}
    told = {
        line.split()[-1].removesuffix("/*") for line in text.splitlines() if "/site-pack" in line
    }
    assert parts - ours - told == set()
    for line in text.splitlines():
        if line.startswith((" /usr/lib/", " /usr/share/common-licenses/")):
            place = line.strip().removeprefix("/")
            assert place in names or Path("/", place).is_file(), place
