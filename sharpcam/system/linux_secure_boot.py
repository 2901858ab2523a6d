"""Linux checks: would Secure Boot refuse the module? Nobody is told to switch it off."""

from __future__ import annotations

import re

from sharpcam.check import Check, ok, problem, unknown
from sharpcam.system.info import NAME
from sharpcam.system.linux_host import LinuxHost

MODULE = "v4l2loopback"
OPTIONS = f"card_label={NAME} exclusive_caps=1"
LOAD = f"sudo modprobe {MODULE} {OPTIONS}"
KEYS = ("/var/lib/dkms/mok.pub", "/var/lib/shim-signed/mok/MOK.der", "/etc/dkms/mok.pub")
"""Where DKMS keeps the public key that it signs modules with, on Debian and on Ubuntu."""
SECURE_BOOT = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"


def secure_boot(host: LinuxHost, loaded: bool, available: bool, blocks: bool) -> Check:
    """Whether the firmware accepts the module's signature; `available`: the module is built."""
    name = "Secure Boot"
    enabled = _secure_boot_enabled(host)
    if enabled is None:
        return unknown(name, "its state cannot be read", "mokutil --sb-state")
    if not enabled:
        return ok(name, "off: any module may be loaded")
    if loaded:
        return ok(name, "on, and the module was accepted")
    key = next((key for key in KEYS if host.path(key).is_file()), None)
    if not available:
        return ok(name, "on: the module's key must be enrolled once", _enrol(key or KEYS[0]))
    if not key:
        hint = f"sudo dkms generate_mok && sudo dkms autoinstall -k {host.kernel}, then "
        return problem(
            name,
            "on, and there is no key that the module could be signed with",
            hint + _enrol(KEYS[0]),
            blocks=blocks,
        )
    answer = host.run("mokutil", "--test-key", str(host.path(key)))
    said = answer.text if answer else ""
    if "already enrolled" in said:
        signer = host.run("modinfo", "-F", "signer", MODULE)
        if signer and not signer.code and not signer.text:
            return problem(
                name,
                "on, and the module is not signed",
                f"sudo dkms remove {MODULE} --all; sudo dkms autoinstall -k {host.kernel}",
                blocks=blocks,
            )
        return ok(name, f"on, and the key {key} is enrolled")
    if "request" in said:
        return problem(
            name,
            "on, and the key waits to be enrolled",
            "restart, and choose 'Enroll MOK' on the blue screen",
            blocks=blocks,
        )
    if "not enrolled" in said:
        return problem(
            name,
            "on, and the firmware does not know the module's key: loading it is "
            "refused ('Operation not permitted' or 'Key was rejected by service')",
            _enrol(key),
            blocks=blocks,
        )
    return unknown(name, "on; whether the module's key is enrolled is not known", _enrol(key))


def _enrol(key: str) -> str:
    return (
        f"sudo mokutil --import {key} (choose a password), restart, choose 'Enroll MOK' on the "
        f"blue screen and type the password, then {LOAD}; Secure Boot stays on"
    )


def _secure_boot_enabled(host: LinuxHost) -> bool | None:
    if not host.path("/sys/firmware/efi").is_dir():
        return False  # started by a BIOS, which has none
    try:
        return host.path(SECURE_BOOT).read_bytes()[4:5] == b"\1"  # after four bytes of attributes
    except OSError:
        answer = host.run("mokutil", "--sb-state")
        words = re.search(r"SecureBoot (enabled|disabled)", answer.text) if answer else None
        return words and words[1] == "enabled"
