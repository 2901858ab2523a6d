"""What the Debian package tells the kernel's module is what the doctor wants to find."""

from __future__ import annotations

from pathlib import Path

from fake_linux import KERNEL, FakeLinux

from installer.linux import deb
from sharpcam.check import Verdict


def test_the_doctor_is_content_with_the_package_s_options(tmp_path: Path) -> None:
    linux = FakeLinux(tmp_path)
    linux.write("/proc/sys/kernel/osrelease", KERNEL)
    linux.write("/sys/module/v4l2loopback/version", "0.12.7")
    assert linux.checks()["v4l2loopback after a restart"].verdict is Verdict.PROBLEM
    for target, source in zip(deb.CONFIG, ("modprobe.conf", "modules-load.conf"), strict=True):
        linux.write(target, (deb.HERE / source).read_text())
    assert linux.checks()["v4l2loopback after a restart"].verdict is Verdict.OK
