"""Made-up Linux systems: real files, folders and links below a folder, and programs that answer."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from sharpcam.check import Check
from sharpcam.system import CameraFormat, CameraInfo, VirtualCameraInfo
from sharpcam.system.commands import Answer
from sharpcam.system.info import FrameSize
from sharpcam.system.linux_checks import check_host
from sharpcam.system.linux_host import LinuxHost

KERNEL = "6.1.0-50-amd64"
MODULES = f"/lib/modules/{KERNEL}"
CAMERA = CameraInfo(0, "Logitech C270", "/dev/video0", "046d:0825", 200)
OURS = VirtualCameraInfo("v4l2loopback", "/dev/video10", "SharpCam")
FORMATS = (
    CameraFormat("YUYV", False, (FrameSize(640, 480, (30.0, 15.0)), FrameSize(1280, 720, (10.0,)))),
    CameraFormat("MJPG", True, (FrameSize(1280, 720, (30.0,)),)),
)


class FakeLinux:
    """A system to add files, processes and answers to; bare at first."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.environ = {"HOME": "/home/anna", "USER": "anna", "XDG_RUNTIME_DIR": "/run/user/1000"}
        self.answers: dict[tuple[str, ...], Answer] = {}
        self.asked: list[tuple[str, ...]] = []
        self.closed: set[str] = set()
        """Devices that the user may not open."""
        self.group_ids = {1000, 44}
        self.cameras = [CAMERA]
        self.virtual = [OURS]
        self.formats = FORMATS
        self._pids = iter(range(100, 1000))

    def write(self, path: str, text: str | bytes = "") -> None:
        file = self.root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode() if isinstance(text, str) else text)

    def remove(self, path: str) -> None:
        file = self.root / path.lstrip("/")
        if file.is_dir():
            for child in file.iterdir():
                self.remove(str(child.relative_to(self.root)))
            file.rmdir()
        else:
            file.unlink()

    def process(self, name: str, *words: str, opens: Iterable[str] = ()) -> int:
        """A program that runs, with the devices that it has open."""
        pid = next(self._pids)
        self.write(f"/proc/{pid}/comm", name[:15] + "\n")
        self.write(f"/proc/{pid}/cmdline", "\0".join(words or (f"/usr/bin/{name}",)) + "\0")
        folder = self.root / f"proc/{pid}/fd"
        folder.mkdir()
        for number, target in enumerate(("/dev/null", *opens)):
            (folder / str(number)).symlink_to(target)
        return pid

    def answer(self, *command: str, text: str = "", code: int = 0) -> None:
        """What a command says; the words it begins with are enough."""
        self.answers[command] = Answer(code, text)

    def run(self, *command: str) -> Answer | None:
        self.asked.append(command)
        for words, answer in self.answers.items():
            if command[: len(words)] == words:
                return answer
        return None

    def host(self) -> LinuxHost:
        return LinuxHost(
            self.root,
            self.run,
            self.environ,
            KERNEL,
            lambda path: path not in self.closed,
            lambda: self.group_ids,
            lambda path: self.formats,
        )

    def checks(self) -> dict[str, Check]:
        """What the doctor finds, by name."""
        found = check_host(self.host(), self.cameras, self.virtual)
        by_name = {check.name: check for check in found}
        assert len(by_name) == len(found)
        return by_name

    def load_module(self, version: str = "0.12.7", exclusive: str = "Y,N,N,N,N,N,N,N") -> None:
        """v4l2loopback with one device, as sysfs shows it; 0.12 shows less of itself."""
        self.write("/sys/class/video4linux/video10/format")
        if not version.startswith("0.12"):
            self.write("/sys/module/v4l2loopback/version", f"{version}\n")
            self.write("/sys/class/video4linux/video10/state", "output\n")
            self.write("/dev/v4l2loopback")
        self.write("/sys/module/v4l2loopback/parameters/exclusive_caps", f"{exclusive}\n")
        self.write("/sys/module/v4l2loopback/parameters/video_nr", "-1,-1,-1,-1,-1,-1,-1,-1\n")

    def secure_boot(self, on: bool) -> None:
        name = "SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
        self.write(f"/sys/firmware/efi/efivars/{name}", bytes([6, 0, 0, 0, on]))


def healthy_debian(root: Path) -> FakeLinux:
    """Debian 12 with everything that SharpCam wants, on a desktop."""
    linux = FakeLinux(root)
    linux.environ |= {"XDG_SESSION_TYPE": "wayland", "XDG_CURRENT_DESKTOP": "GNOME"}
    linux.write(
        "/etc/os-release", 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_ID=12'
    )
    linux.write("/etc/group", "root:x:0:\nvideo:x:44:anna,berta\n")
    linux.write(f"{MODULES}/modules.dep", "updates/dkms/v4l2loopback.ko: kernel/videodev.ko\n")
    linux.write(f"{MODULES}/build/Makefile")
    linux.write("/var/lib/dkms/v4l2loopback/0.12.7/source/Makefile")
    linux.load_module()
    linux.secure_boot(on=False)
    linux.write("/etc/modules-load.d/sharpcam.conf", "v4l2loopback\n")
    linux.write(
        "/etc/modprobe.d/sharpcam.conf",
        "options v4l2loopback card_label=SharpCam exclusive_caps=1\n",
    )
    linux.write("/usr/lib/x86_64-linux-gnu/libpipewire-0.3.so.0")
    linux.write("/run/user/1000/pipewire-0")
    linux.answer(
        *("pipewire", "--version"),
        text="pipewire\nCompiled with libpipewire 0.3.65\nLinked with libpipewire 0.3.65",
    )
    for name in ("pipewire", "wireplumber", "xdg-desktop-portal"):
        linux.process(name)
    linux.answer(
        *("busctl", "--user", "--auto-start=no"),
        text='{"type":"a{sas}v","data":[{"":["yes"]},{"type":"y","data":0}]}',
    )
    linux.write("/usr/bin/sharpcam")
    linux.write(
        "/home/anna/.config/autostart/sharpcam.desktop",
        "[Desktop Entry]\nType=Application\nName=SharpCam\nExec=/usr/bin/sharpcam\n",
    )
    return linux
