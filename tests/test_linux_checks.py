"""The doctor on made-up Linux systems: what it finds, and the command that it names."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from fake_linux import KERNEL, MODULES, FakeLinux, healthy_debian

from sharpcam.check import Check, Verdict
from sharpcam.system import VirtualCameraInfo
from sharpcam.system.info import CameraFormat

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows allows symbolic links to developers only"
)

LOAD = "sudo modprobe v4l2loopback card_label=SharpCam exclusive_caps=1"


@pytest.fixture
def debian(tmp_path: Path) -> FakeLinux:
    """A healthy one, to be broken."""
    return healthy_debian(tmp_path)


def unload(linux: FakeLinux) -> None:
    """As after a restart of a system that does not load the module."""
    linux.remove("/sys/module/v4l2loopback")
    linux.virtual = []


def uninstall(linux: FakeLinux) -> None:
    """The module is not there for this kernel."""
    unload(linux)
    linux.write(f"{MODULES}/modules.dep", "kernel/videodev.ko:\n")


def blocking(checks: dict[str, Check]) -> set[str]:
    return {name for name, check in checks.items() if check.blocks}


def test_a_healthy_debian_has_no_problem(debian: FakeLinux) -> None:
    checks = debian.checks()
    assert {check.verdict for check in checks.values()} == {Verdict.OK}
    assert checks["system"].detail == (
        f"Debian GNU/Linux 12 (bookworm), kernel {KERNEL}, wayland session GNOME"
    )
    assert checks["v4l2loopback module"].detail == "loaded, version 0.12 or older"
    assert checks["pictures of Logitech C270"].detail == (
        "YUYV up to 1280x720 at 10 fps; MJPG up to 1280x720 at 30 fps"
    )


def test_every_problem_names_a_mend_and_only_problems_block(tmp_path: Path) -> None:
    bare = FakeLinux(tmp_path)
    bare.virtual = []
    for check in bare.checks().values():
        if check.verdict is Verdict.PROBLEM:
            assert check.hint, check.name
        else:
            assert not check.blocks, check.name


def test_nothing_is_asked_that_changes_something(debian: FakeLinux) -> None:
    debian.secure_boot(on=True)
    debian.remove("/sys/module/v4l2loopback")
    debian.write("/var/lib/dkms/mok.pub")
    before = sorted(debian.root.rglob("*"))
    debian.checks()
    assert sorted(debian.root.rglob("*")) == before
    telling = ("pipewire --version", "busctl --user --auto-start=no", "mokutil --test-key")
    for command in debian.asked:
        assert " ".join(command).startswith((*telling, "modinfo -F")), command


# The module


def test_a_module_that_is_not_loaded_is_to_be_loaded(debian: FakeLinux) -> None:
    unload(debian)
    checks = debian.checks()
    assert checks["v4l2loopback module"].hint == LOAD
    assert blocking(checks) == {"v4l2loopback module"}
    assert "v4l2loopback label" not in checks


def test_another_virtual_camera_makes_the_module_dispensable(debian: FakeLinux) -> None:
    unload(debian)
    debian.virtual = [VirtualCameraInfo("pipewire", None, "SharpCam")]
    checks = debian.checks()
    assert checks["v4l2loopback module"].verdict is Verdict.PROBLEM
    assert blocking(checks) == set()


def test_a_module_that_is_not_installed_is_to_be_installed(debian: FakeLinux) -> None:
    uninstall(debian)
    debian.remove("/var/lib/dkms/v4l2loopback")
    check = debian.checks()["v4l2loopback module"]
    assert check.detail == "not installed"
    assert check.hint == f"sudo apt install v4l2loopback-dkms linux-headers-{KERNEL} && {LOAD}"
    assert check.blocks


@pytest.mark.parametrize(
    ("release", "command"),
    [
        ("ID=fedora", "sudo dnf install akmod-v4l2loopback"),
        ("ID=arch", "sudo pacman -S v4l2loopback-dkms linux-headers"),
        ('ID="opensuse-tumbleweed"\nID_LIKE="opensuse suse"', "sudo zypper install"),
        ("ID=linuxmint\nID_LIKE=ubuntu", "sudo apt install v4l2loopback-dkms"),
        ("ID=nobodyknows", "sudo apt install v4l2loopback-dkms"),
    ],
)
def test_the_command_is_that_of_the_distribution(
    debian: FakeLinux, release: str, command: str
) -> None:
    uninstall(debian)
    debian.remove("/var/lib/dkms/v4l2loopback")
    debian.write("/etc/os-release", release)
    assert debian.checks()["v4l2loopback module"].hint.startswith(command)


def test_after_a_kernel_update_without_headers_they_are_to_be_installed(debian: FakeLinux) -> None:
    uninstall(debian)
    debian.remove(f"{MODULES}/build")
    check = debian.checks()["v4l2loopback module"]
    assert "headers are missing" in check.detail
    assert KERNEL in check.detail
    assert check.hint == (
        f"sudo apt install linux-headers-{KERNEL} && sudo dkms autoinstall -k {KERNEL} && {LOAD}"
    )
    assert check.blocks


def test_a_build_that_failed_says_where_its_log_is(debian: FakeLinux) -> None:
    uninstall(debian)
    check = debian.checks()["v4l2loopback module"]
    assert f"not built for the kernel {KERNEL}" in check.detail
    assert check.hint.startswith(f"sudo dkms autoinstall -k {KERNEL}")
    assert "/var/lib/dkms/v4l2loopback/0.12.7/build/make.log" in check.hint


def test_a_container_is_told_to_look_at_its_host(debian: FakeLinux) -> None:
    uninstall(debian)
    debian.remove(MODULES)
    check = debian.checks()["v4l2loopback module"]
    assert "container" in check.detail
    assert LOAD in check.hint


# Its options


def test_a_module_loaded_without_options_is_to_be_loaded_again(debian: FakeLinux) -> None:
    dummy = VirtualCameraInfo("v4l2loopback", "/dev/video10", "Dummy video device (0x0000)")
    debian.virtual = [dummy]
    checks = debian.checks()
    label = checks["v4l2loopback label"]
    assert "/dev/video10 (Dummy video device (0x0000))" in label.detail
    assert label.hint == (
        f"close the programs that use it, then sudo modprobe -r v4l2loopback && {LOAD}"
    )
    assert blocking(checks) == set()  # it can be used, under that name


@pytest.mark.parametrize("backend", ["v4l2loopback", "sharpcam-v4l2loopback"])
def test_newer_modules_get_a_device_beside_the_others(debian: FakeLinux, backend: str) -> None:
    debian.load_module("0.15.0")
    debian.write("/dev/video10")
    debian.virtual = [VirtualCameraInfo(backend, "/dev/video10", "OBS Cam", foreign=True)]
    check = debian.checks()["v4l2loopback label"]
    assert check.hint == "sudo v4l2loopback-ctl add -n SharpCam -x 1 /dev/video11"
    assert check.blocks  # theirs is none of ours


def test_without_exclusive_caps_some_apps_do_not_list_it(debian: FakeLinux) -> None:
    debian.load_module(exclusive="N,N,N,N,N,N,N,N")
    check = debian.checks()["v4l2loopback exclusive_caps"]
    assert check.verdict is Verdict.PROBLEM
    assert "Chrome" in check.detail
    assert "modprobe -r v4l2loopback" in check.hint


def test_each_device_has_its_own_option(debian: FakeLinux) -> None:
    other = VirtualCameraInfo("v4l2loopback", "/dev/video9", "OBS Cam")
    debian.virtual = [*debian.virtual, other]
    debian.load_module(exclusive="N,Y,N,N,N,N,N,N")  # video9 was made first, then video10
    assert debian.checks()["v4l2loopback exclusive_caps"].verdict is Verdict.OK
    debian.write("/sys/module/v4l2loopback/parameters/video_nr", "10,9,-1,-1,-1,-1,-1,-1\n")
    assert debian.checks()["v4l2loopback exclusive_caps"].verdict is Verdict.PROBLEM


@pytest.mark.parametrize("values", ["", "N,N"])
def test_a_device_of_the_newer_modules_may_have_an_option_that_is_not_told(
    debian: FakeLinux, values: str
) -> None:
    debian.load_module("0.15.0", exclusive=values)
    check = debian.checks()["v4l2loopback exclusive_caps"]
    assert check.verdict is Verdict.UNKNOWN


def test_options_that_do_not_outlive_a_restart_are_to_be_written_down(debian: FakeLinux) -> None:
    debian.remove("/etc/modules-load.d/sharpcam.conf")
    check = debian.checks()["v4l2loopback after a restart"]
    assert check.detail == "not loaded"
    assert "sudo tee /etc/modules-load.d/sharpcam.conf" in check.hint
    debian.write("/etc/modules", "# comment\nv4l2loopback\n")
    assert debian.checks()["v4l2loopback after a restart"].verdict is Verdict.OK


def test_options_of_another_program_are_named(debian: FakeLinux) -> None:
    debian.remove("/etc/modprobe.d/sharpcam.conf")
    debian.write("/etc/modprobe.d/obs.conf", 'options v4l2loopback card_label="OBS Cam"\n')
    check = debian.checks()["v4l2loopback after a restart"]
    assert check.detail == "/etc/modprobe.d/obs.conf has other options"
    assert check.verdict is Verdict.PROBLEM
    assert not check.blocks


def test_a_newer_kernel_without_the_module_is_told_before_the_restart(debian: FakeLinux) -> None:
    name = "v4l2loopback for the kernel 6.1.0-100-amd64"
    debian.write("/lib/modules/6.1.0-49-amd64/modules.dep", "kernel/videodev.ko:\n")  # an old one
    debian.write("/lib/modules/6.1.0-100-amd64/modules.dep", "updates/dkms/v4l2loopback.ko.xz:\n")
    assert not [check for check in debian.checks() if check.startswith("v4l2loopback for")]
    debian.write("/lib/modules/6.1.0-100-amd64/modules.dep", "kernel/videodev.ko:\n")
    check = debian.checks()[name]
    assert check.verdict is Verdict.PROBLEM
    assert not check.blocks
    assert check.hint == (
        "sudo apt install linux-headers-6.1.0-100-amd64 && sudo dkms autoinstall -k 6.1.0-100-amd64"
    )


# Secure Boot


def test_secure_boot_that_refuses_the_key_explains_how_it_is_enrolled(debian: FakeLinux) -> None:
    unload(debian)
    debian.secure_boot(on=True)
    debian.write("/var/lib/dkms/mok.pub")
    debian.answer("mokutil", "--test-key", text="/var/lib/dkms/mok.pub is not enrolled")
    checks = debian.checks()
    check = checks["Secure Boot"]
    assert check.hint.startswith("sudo mokutil --import /var/lib/dkms/mok.pub")
    assert "Enroll MOK" in check.hint
    assert "Secure Boot stays on" in check.hint
    assert "disable" not in check.hint
    assert blocking(checks) == {"v4l2loopback module", "Secure Boot"}


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ("/var/lib/dkms/mok.pub is already in the enrollment request", "restart"),
        ("", "sudo mokutil --import /var/lib/dkms/mok.pub"),
        ("Failed to open /var/lib/dkms/mok.pub", "sudo mokutil --import /var/lib/dkms/mok.pub"),
    ],
)
def test_what_is_left_to_do_for_secure_boot_is_said(
    debian: FakeLinux, said: str, hint: str
) -> None:
    unload(debian)
    debian.secure_boot(on=True)
    debian.write("/var/lib/dkms/mok.pub")
    if said:
        debian.answer("mokutil", "--test-key", text=said)
    check = debian.checks()["Secure Boot"]
    assert check.verdict is not Verdict.OK
    assert check.hint.startswith(hint)


@pytest.mark.parametrize(("signer", "verdict"), [("DKMS key", "ok"), ("", "problem")])
def test_an_enrolled_key_must_have_signed_the_module(
    debian: FakeLinux, signer: str, verdict: str
) -> None:
    unload(debian)
    debian.secure_boot(on=True)
    debian.write("/var/lib/dkms/mok.pub")
    debian.answer("mokutil", "--test-key", text="/var/lib/dkms/mok.pub is already enrolled")
    debian.answer("modinfo", "-F", "signer", text=signer)
    assert debian.checks()["Secure Boot"].verdict is Verdict(verdict)


def test_secure_boot_without_any_key_has_one_made_first(debian: FakeLinux) -> None:
    unload(debian)
    debian.secure_boot(on=True)
    check = debian.checks()["Secure Boot"]
    assert check.hint.startswith("sudo dkms generate_mok && sudo dkms autoinstall")
    assert check.blocks


def test_a_loaded_module_was_accepted(debian: FakeLinux) -> None:
    debian.secure_boot(on=True)
    assert debian.checks()["Secure Boot"].detail == "on, and the module was accepted"


def test_a_machine_with_a_bios_has_no_secure_boot(debian: FakeLinux) -> None:
    debian.remove("/sys/firmware/efi")
    assert debian.checks()["Secure Boot"].verdict is Verdict.OK


@pytest.mark.parametrize(
    ("said", "verdict"),
    [("SecureBoot disabled", "ok"), ("SecureBoot enabled", "ok"), (None, "cannot tell")],
)
def test_mokutil_is_asked_where_the_variable_cannot_be_read(
    debian: FakeLinux, said: str | None, verdict: str
) -> None:
    debian.remove("/sys/firmware/efi/efivars")
    if said:
        debian.answer("mokutil", "--sb-state", text=said)
    check = debian.checks()["Secure Boot"]
    assert check.verdict is Verdict(verdict)
    if said:
        assert check.detail.startswith("on" if "enabled" in said else "off")


# Access and use


def test_somebody_outside_of_the_group_is_told_how_to_join(debian: FakeLinux) -> None:
    debian.environ["USER"] = "carla"
    debian.group_ids = {1001}
    debian.closed = {"/dev/video0", "/dev/video10"}
    check = debian.checks()["access to the devices"]
    assert check.detail == "may not read and write /dev/video0, /dev/video10"
    assert check.hint == "sudo usermod -aG video carla, then log out and in again"
    assert check.blocks


def test_somebody_who_joined_the_group_since_login_logs_in_again(debian: FakeLinux) -> None:
    debian.group_ids = {1000}
    debian.closed = {"/dev/video0"}
    check = debian.checks()["access to the devices"]
    assert check.hint == "log out and in again"
    assert check.blocks


def test_without_devices_there_is_no_access_to_try(debian: FakeLinux) -> None:
    debian.cameras, debian.virtual = [], []
    assert debian.checks()["access to the devices"].verdict is Verdict.UNKNOWN


def test_whoever_has_the_camera_is_named(debian: FakeLinux) -> None:
    pid = debian.process("zoom", opens=["/dev/video0"])
    debian.process("cheese", opens=["/dev/video1"])
    check = debian.checks()["use of Logitech C270"]
    assert check.detail == f"/dev/video0 is in use by zoom (process {pid})"
    assert check.verdict is Verdict.PROBLEM
    assert not check.blocks


def test_pipewire_and_sharpcam_may_have_the_camera(debian: FakeLinux) -> None:
    python = "/home/anna/sharpcam/.venv/bin/python"
    debian.process("python", python, "/home/anna/.venv/bin/sharpcam", opens=["/dev/video0"])
    check = debian.checks()["use of Logitech C270"]
    assert (check.verdict, check.detail) == (Verdict.OK, "SharpCam has /dev/video0 open")
    debian.process("wireplumber", opens=["/dev/video0"])
    check = debian.checks()["use of Logitech C270"]
    assert check.verdict is Verdict.OK
    assert "wireplumber" in check.detail


def test_only_root_sees_what_others_have_open(debian: FakeLinux) -> None:
    assert "other users cannot be seen" in debian.checks()["use of Logitech C270"].detail
    debian.group_ids = {0}
    assert "other users" not in debian.checks()["use of Logitech C270"].detail


WRITER = "writer of the virtual camera"


def test_another_writer_of_our_virtual_camera_is_named(debian: FakeLinux) -> None:
    debian.load_module("0.15.0")
    assert debian.checks()[WRITER].detail == "nobody writes into /dev/video10"
    debian.write("/sys/class/video4linux/video10/state", "capture\n")
    pid = debian.process("obs", opens=["/dev/video10"])
    check = debian.checks()[WRITER]
    assert check.verdict is Verdict.PROBLEM
    assert f"obs (process {pid})" in check.detail
    debian.process("python", "python", "-m", "sharpcam", "run", opens=["/dev/video10"])
    assert debian.checks()[WRITER].verdict is Verdict.OK


def test_a_reader_of_our_virtual_camera_is_no_writer(debian: FakeLinux) -> None:
    debian.load_module("0.15.0")
    debian.process("zoom", opens=["/dev/video10"])
    assert debian.checks()[WRITER].verdict is Verdict.OK


def test_older_modules_show_a_format_while_somebody_writes(debian: FakeLinux) -> None:
    pid = debian.process("obs", opens=["/dev/video10"])
    assert debian.checks()[WRITER].verdict is Verdict.OK
    debian.write("/sys/class/video4linux/video10/format", "YU12:640x480@30\n")
    check = debian.checks()[WRITER]
    assert check.verdict is Verdict.PROBLEM
    assert f"obs (process {pid})" in check.detail


def test_a_driver_that_tells_nothing_leaves_it_open(debian: FakeLinux) -> None:
    debian.remove("/sys/class/video4linux/video10/format")
    assert debian.checks()[WRITER].verdict is Verdict.UNKNOWN


def test_a_camera_that_does_not_tell_its_formats_is_no_problem(debian: FakeLinux) -> None:
    debian.formats = ()
    assert debian.checks()["pictures of Logitech C270"].verdict is Verdict.UNKNOWN
    debian.formats = (CameraFormat("GREY", False, ()),)
    assert debian.checks()["pictures of Logitech C270"].detail == "GREY"


# The desktop


def test_without_pipewire_nothing_of_it_is_asked(debian: FakeLinux) -> None:
    debian.answers.clear()
    debian.remove("/usr/lib/x86_64-linux-gnu/libpipewire-0.3.so.0")
    for folder in ("100", "101", "102"):
        debian.remove(f"/proc/{folder}")
    checks = debian.checks()
    assert checks["PipeWire"].verdict is Verdict.PROBLEM
    assert checks["PipeWire"].hint.startswith("sudo apt install pipewire")
    assert not {"WirePlumber", "camera portal", "browsers and PipeWire"} & checks.keys()
    assert blocking(checks) == set()


def test_pipewire_that_does_not_run_is_to_be_started(debian: FakeLinux) -> None:
    debian.remove("/run/user/1000/pipewire-0")
    check = debian.checks()["PipeWire"]
    assert check.detail == "version 0.3.65, but it does not run in this session"
    assert check.hint == "systemctl --user enable --now pipewire.socket wireplumber"


def test_a_pipewire_without_its_session_manager_connects_nobody(debian: FakeLinux) -> None:
    debian.remove("/proc/101")
    assert debian.checks()["WirePlumber"].verdict is Verdict.PROBLEM


def test_the_portal_may_start_when_it_is_asked(debian: FakeLinux) -> None:
    debian.remove("/proc/102")
    assert debian.checks()["camera portal"].verdict is Verdict.PROBLEM
    debian.write("/usr/share/dbus-1/services/org.freedesktop.portal.Desktop.service")
    assert debian.checks()["camera portal"].verdict is Verdict.OK


BUSCTL = "busctl", "--user", "--auto-start=no"


def test_a_permission_that_was_refused_once_is_to_be_forgotten(debian: FakeLinux) -> None:
    debian.answer(*BUSCTL, text='{"data":[{"":["no"],"org.mozilla.firefox":["no"],"x":["yes"]},0]}')
    check = debian.checks()["camera permission in the portal"]
    assert check.detail == "refused to all programs outside of sandboxes, org.mozilla.firefox"
    forget = check.hint.split(" && ")
    assert len(forget) == 2
    assert forget[0].endswith("DeletePermission sss devices camera ''")
    assert forget[1].endswith("DeletePermission sss devices camera org.mozilla.firefox")


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("Call failed: No entry for camera", "ok"),
        ('Call failed: Name "org.freedesktop.impl.portal.PermissionStore" does not exist', None),
        ('{"data": []}', None),
        ('{"data": [["no"]]}', None),
        ("[1]", None),
        ("", None),
        (None, None),
    ],
)
def test_what_the_permission_store_does_not_say_is_not_made_up(
    debian: FakeLinux, text: str | None, verdict: str | None
) -> None:
    debian.answers.pop(BUSCTL)
    if text is not None:
        debian.answer(*BUSCTL, text=text, code=1)
    check = debian.checks()["camera permission in the portal"]
    assert check.verdict is Verdict(verdict or "cannot tell")


def test_firefox_on_pipewire_is_recognised(debian: FakeLinux) -> None:
    before = debian.checks()["browsers and PipeWire"]
    assert "Video4Linux" in before.detail
    assert "WebRtcPipeWireCamera" in before.hint
    debian.write(
        "/home/anna/.mozilla/firefox/abc.default/prefs.js",
        'user_pref("media.webrtc.camera.allow-pipewire", true);\n',
    )
    assert "abc.default" in debian.checks()["browsers and PipeWire"].detail


@pytest.mark.parametrize(
    ("entry", "verdict", "detail"),
    [
        ("Exec=/usr/bin/sharpcam\n", "ok", "on"),
        ('Exec="/usr/bin/sharpcam" --minimised\n', "ok", "on"),
        ("Exec=sharpcam\n", "ok", "on"),
        ("Exec=/usr/bin/sharpcam\nHidden=true\n", "ok", "off"),
        ("Exec=/opt/gone/sharpcam run\n", "problem", "/opt/gone/sharpcam"),
    ],
)
def test_an_autostart_entry_must_start_something(
    debian: FakeLinux, entry: str, verdict: str, detail: str
) -> None:
    debian.write("/home/anna/.config/autostart/sharpcam.desktop", f"[Desktop Entry]\n{entry}")
    check = debian.checks()["start at login"]
    assert check.verdict is Verdict(verdict)
    assert detail in check.detail
