"""The doctor on made-up Windows systems: what it finds, and the command that it names."""

from __future__ import annotations

import pytest
from fake_windows import FOLDER, OBS_FILE, OURS, FakeWindows

from sharpcam.check import Check, Verdict

CONSENT = r"Software\Microsoft\Windows\CurrentVersion\CapabilityAccessManager\ConsentStore\webcam"


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> FakeWindows:
    """A bare system."""
    return FakeWindows(monkeypatch)


@pytest.fixture
def healthy(windows: FakeWindows) -> FakeWindows:
    """UnityCapture is registered as SharpCam, and nothing else."""
    windows.register()
    windows.virtual = [OURS]
    return windows


def blocking(checks: dict[str, Check]) -> set[str]:
    return {name for name, check in checks.items() if check.blocks}


def test_a_healthy_windows_has_no_problem(healthy: FakeWindows) -> None:
    checks = healthy.checks()
    assert {check.verdict for check in checks.values()} == {Verdict.OK}
    assert checks["UnityCapture"].detail == "registered as SharpCam in slot 0"
    assert checks["system"].detail == "Windows-11-10.0.22631"


def test_without_any_virtual_camera_both_ways_are_named(windows: FakeWindows) -> None:
    checks = windows.checks()
    check = checks["UnityCapture"]
    assert 'regsvr32 "/i:UnityCaptureName=SharpCam" "UnityCaptureFilter64.dll"' in check.hint
    assert r"%SystemRoot%\SysWOW64\regsvr32.exe" in check.hint
    assert "winget install OBSProject.OBSStudio" in check.hint
    assert blocking(checks) == {"UnityCapture"}


def test_with_obs_only_unitycapture_is_missed_but_nothing_blocks(windows: FakeWindows) -> None:
    windows.install_obs()
    windows.virtual = [OURS]
    checks = windows.checks()
    assert checks["UnityCapture"].verdict is Verdict.PROBLEM
    assert checks["OBS Virtual Camera"].detail == "installed, and free"
    assert blocking(checks) == set()


def test_the_camera_of_another_product_is_named_and_left_alone(windows: FakeWindows) -> None:
    windows.register("VRigUnity Capture", file=r"C:\VRig\UnityCaptureFilter{}.dll")
    check = windows.checks()["UnityCapture"]
    assert "'VRigUnity Capture' (C:\\VRig\\UnityCaptureFilter64.dll)" in check.detail
    assert "take that product's camera away" in check.detail
    assert "regsvr32" not in check.hint
    assert "winget install OBSProject.OBSStudio" in check.hint
    assert check.blocks


def test_ours_may_stand_beside_the_camera_of_another_product(healthy: FakeWindows) -> None:
    healthy.register("VRigUnity Capture", slot=0, file=r"C:\VRig\UnityCaptureFilter{}.dll")
    healthy.register(slot=3)
    check = healthy.checks()["UnityCapture"]
    assert check.detail == "registered as SharpCam in slot 3, beside VRigUnity Capture"
    assert check.verdict is Verdict.OK


@pytest.mark.parametrize(("there", "missing"), [(64, 32), (32, 64)])
def test_programs_of_the_other_kind_need_their_own_library(
    windows: FakeWindows, there: int, missing: int
) -> None:
    windows.register(bits=(there,))
    windows.virtual = [OURS]
    check = windows.checks()["UnityCapture"]
    assert check.detail.startswith(f"{missing}-bit programs do not list SharpCam")
    assert f'"{FOLDER}\\UnityCaptureFilter{missing}.dll"' in check.hint
    assert ("SysWOW64" in check.hint) is (missing == 32)


@pytest.mark.parametrize(("bits", "blocks"), [(64, True), (32, False)])
def test_a_library_that_is_gone_is_a_problem(healthy: FakeWindows, bits: int, blocks: bool) -> None:
    healthy.files.remove(rf"{FOLDER}\UnityCaptureFilter{bits}.dll")
    check = healthy.checks()["UnityCapture"]
    assert check.detail == rf"the {bits}-bit library {FOLDER}\UnityCaptureFilter{bits}.dll is gone"
    assert check.blocks is blocks


def test_both_kinds_of_programs_must_read_the_same_slot(windows: FakeWindows) -> None:
    windows.register(slot=1, bits=(64,))
    windows.register(slot=2, bits=(32,))
    windows.virtual = [OURS]
    check = windows.checks()["UnityCapture"]
    assert check.verdict is Verdict.PROBLEM
    assert "slot 1, 32-bit ones slot 2" in check.detail


def test_a_library_that_obs_refuses_is_to_be_renamed(windows: FakeWindows) -> None:
    windows.register(file=FOLDER + r"\UnityCaptureFilter{}bit.dll")
    windows.virtual = [OURS]
    check = windows.checks()["UnityCapture"]
    assert "UnityCaptureFilter64bit.dll" in check.detail
    assert check.hint.startswith("rename it")
    assert not check.blocks


# The camera of OBS


def memory(state: int) -> bytes:
    return b"".join(number.to_bytes(4, "little") for number in (7, 7, state)) + bytes(64)


@pytest.mark.parametrize(
    ("state", "running", "said", "hint"),
    [
        (2, {"obs64.exe": 4711}, "obs64.exe (process 4711) feeds it", "choose Stop Virtual Camera"),
        (1, {}, "another program feeds it", "end that"),
        (3, {"obs64.exe": 4711}, "a program still shows its last picture", "close that"),
        (0, {}, "another program feeds it", "end that"),
        (99, {}, "another program feeds it", "end that"),
    ],
)
def test_whoever_holds_the_camera_of_obs_is_named(
    healthy: FakeWindows, state: int, running: dict[str, int], said: str, hint: str
) -> None:
    healthy.install_obs()
    healthy.kernel32.memory["OBSVirtualCamVideo"] = memory(state)
    healthy.running = running
    check = healthy.checks()["OBS Virtual Camera"]
    assert check.detail == f"installed, but {said}"
    assert check.hint.startswith(hint)
    assert not check.blocks


def test_a_memory_that_may_not_be_read_still_tells_that_somebody_has_it(
    healthy: FakeWindows,
) -> None:
    healthy.install_obs()
    healthy.kernel32.memory["OBSVirtualCamVideo"] = memory(2)
    healthy.kernel32.unreadable.add("OBSVirtualCamVideo")
    assert healthy.checks()["OBS Virtual Camera"].verdict is Verdict.PROBLEM


def test_an_obs_that_was_deleted_is_to_be_installed_again(healthy: FakeWindows) -> None:
    healthy.install_obs()
    healthy.files.remove(OBS_FILE)
    check = healthy.checks()["OBS Virtual Camera"]
    assert check.detail == f"its library {OBS_FILE} is gone"
    assert check.hint.startswith("winget install")


# Permission and use


@pytest.mark.parametrize(
    ("hive", "key", "whom"),
    [
        ("HKEY_LOCAL_MACHINE", CONSENT, "everybody on this computer"),
        ("HKEY_CURRENT_USER", CONSENT, "every program"),
        ("HKEY_CURRENT_USER", rf"{CONSENT}\NonPackaged", "desktop programs"),
    ],
)
def test_a_refused_camera_blocks_and_names_the_settings_page(
    healthy: FakeWindows, hive: str, key: str, whom: str
) -> None:
    healthy.winreg.set(hive, key, "Value", "Allow")
    assert healthy.checks()["camera permission"].verdict is Verdict.OK
    healthy.winreg.set(hive, key, "Value", "Deny")
    checks = healthy.checks()
    assert checks["camera permission"].detail == f"refused to {whom}"
    assert checks["camera permission"].hint == "start ms-settings:privacy-webcam"
    assert blocking(checks) == {"camera permission"}


@pytest.mark.parametrize(("value", "blocks"), [(0, False), (1, False), (2, True)])
def test_a_policy_may_refuse_the_camera(healthy: FakeWindows, value: int, blocks: bool) -> None:
    key = r"SOFTWARE\Policies\Microsoft\Windows\AppPrivacy"
    healthy.winreg.set("HKEY_LOCAL_MACHINE", key, "LetAppsAccessCamera", value)
    assert healthy.checks()["camera permission"].blocks is blocks


def test_programs_that_use_a_camera_now_are_named(healthy: FakeWindows) -> None:
    apps = rf"{CONSENT}\NonPackaged"
    for program, stop in (
        (r"C:#Users#anna#AppData#Roaming#Zoom#bin#Zoom.exe", 0),
        (r"C:#Program Files#Mozilla Firefox#firefox.exe", 133_800_000_000_000_000),
    ):
        healthy.winreg.set("HKEY_CURRENT_USER", rf"{apps}\{program}", "LastUsedTimeStop", stop)
    check = healthy.checks()["use of the cameras"]
    assert check.verdict is Verdict.PROBLEM
    assert check.detail.lower() == "a camera is in use by zoom.exe"
    assert not check.blocks


@pytest.mark.parametrize("program", ["sharpcam.exe", "pythonw.exe"])
def test_sharpcam_itself_may_use_a_camera(healthy: FakeWindows, program: str) -> None:
    key = rf"{CONSENT}\NonPackaged\C:#Program Files#SharpCam#{program}"
    healthy.winreg.set("HKEY_CURRENT_USER", key, "LastUsedTimeStop", 0)
    check = healthy.checks()["use of the cameras"]
    assert (check.verdict, check.detail) == (Verdict.OK, "SharpCam uses one")


def test_an_autostart_entry_must_start_something(healthy: FakeWindows) -> None:
    key = r"Software\Microsoft\Windows\CurrentVersion\Run"
    assert healthy.checks()["start at login"].detail == "off"
    program = rf"{FOLDER}\sharpcam.exe"
    healthy.winreg.set("HKEY_CURRENT_USER", key, "SharpCam", f'"{program}" --minimised')
    check = healthy.checks()["start at login"]
    assert check.verdict is Verdict.PROBLEM
    assert program in check.detail
    healthy.files.add(program)
    assert healthy.checks()["start at login"].detail == "on"
