"""Linux checks: v4l2loopback is there, loaded as SharpCam needs it, and will be after a restart."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sharpcam.check import Check, ok, problem, unknown
from sharpcam.system.info import NAME, VirtualCameraInfo
from sharpcam.system.linux_host import LinuxHost
from sharpcam.system.linux_secure_boot import LOAD, MODULE, OPTIONS, secure_boot

RELOAD = f"close the programs that use it, then sudo modprobe -r {MODULE} && {LOAD}"
PERSIST = (
    f"echo {MODULE} | sudo tee /etc/modules-load.d/sharpcam.conf && "
    f"echo 'options {MODULE} {OPTIONS}' | sudo tee /etc/modprobe.d/sharpcam.conf"
)
_INSTALL = {
    "debian": "sudo apt install v4l2loopback-dkms linux-headers-{kernel}",
    "ubuntu": "sudo apt install v4l2loopback-dkms linux-headers-{kernel}",
    "fedora": "sudo dnf install akmod-v4l2loopback (from RPM Fusion)",
    "arch": "sudo pacman -S v4l2loopback-dkms linux-headers",
    "suse": "sudo zypper install v4l2loopback-kmp-default",
}
_HEADERS = {
    "debian": "sudo apt install linux-headers-{kernel}",
    "ubuntu": "sudo apt install linux-headers-{kernel}",
    "fedora": "sudo dnf install kernel-devel-{kernel}",
    "arch": "sudo pacman -S linux-headers",
    "suse": "sudo zypper install kernel-default-devel",
}


def loopback_checks(host: LinuxHost, virtual: list[VirtualCameraInfo]) -> Iterator[Check]:
    """The checks of the kernel module; they block only where there is no other virtual camera."""
    blocks = all(camera.foreign for camera in virtual)
    devices = [camera for camera in virtual if (camera.device or "").startswith("/dev/")]
    loaded = host.path(f"/sys/module/{MODULE}").is_dir()
    available = _is_available(host, host.kernel)
    yield _module(host, loaded, available, blocks)
    yield secure_boot(host, loaded, available, blocks)
    if loaded:
        yield _label(host, devices, blocks)
        yield from _exclusive(host, devices)
        yield from _writers(host, devices)
    if loaded or available:
        yield _restart(host)
        yield from _newer_kernels(host)


def _module(host: LinuxHost, loaded: bool, available: bool, blocks: bool) -> Check:
    name = "v4l2loopback module"
    if loaded:
        return ok(name, f"loaded, version {_version(host)}")
    if available:
        return problem(name, "there, but not loaded", LOAD, blocks=blocks)
    if not host.path(f"/lib/modules/{host.kernel}").is_dir():
        return problem(
            name,
            f"the kernel {host.kernel} has no modules here: a container, or removed by an update",
            f"restart into the installed kernel; in a container, run on its host: {LOAD}",
            blocks=blocks,
        )
    versions = [path.name for path in sorted(host.path(f"/var/lib/dkms/{MODULE}").glob("[0-9]*"))]
    if not versions:
        install = _command(host, _INSTALL, host.kernel)
        return problem(name, "not installed", f"{install} && {LOAD}", blocks=blocks)
    version = versions[-1]
    build = f"sudo dkms autoinstall -k {host.kernel} && {LOAD}"
    if not host.path(f"/lib/modules/{host.kernel}/build").exists():
        return problem(
            name,
            f"version {version} is installed, but not built for the kernel {host.kernel}, "
            "whose headers are missing (after a kernel update)",
            f"{_command(host, _HEADERS, host.kernel)} && {build}",
            blocks=blocks,
        )
    return problem(
        name,
        f"version {version} is installed, but not built for the kernel {host.kernel}",
        f"{build}; where that fails, /var/lib/dkms/{MODULE}/{version}/build/make.log tells why, "
        "and a newer version (on Debian from backports) may know this kernel",
        blocks=blocks,
    )


def _is_available(host: LinuxHost, kernel: str) -> bool:
    """Whether modprobe would find it under this kernel."""
    return f"/{MODULE}.ko" in (host.read(f"/lib/modules/{kernel}/modules.dep") or "")


def _version(host: LinuxHost) -> str:
    return host.read(f"/sys/module/{MODULE}/version") or "0.12 or older"  # those do not tell


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))


def _command(host: LinuxHost, table: dict[str, str], kernel: str) -> str:
    release = host.release()
    families = f"{release.get('ID', '')} {release.get('ID_LIKE', '')}".split()
    known = (table[word] for family in families for word in table if family.startswith(word))
    return next(known, table["debian"]).format(kernel=kernel)


def _label(host: LinuxHost, devices: list[VirtualCameraInfo], blocks: bool) -> Check:
    name = "v4l2loopback label"
    for camera in devices:
        if camera.name == NAME:
            return ok(name, f"{camera.device} is named {NAME}")
    # modprobe says nothing when the module is loaded already, and its options are lost.
    found = ", ".join(f"{camera.device} ({camera.name})" for camera in devices) or "no device"
    detail = f"the module was loaded without our options: it has {found}"
    return problem(name, detail, _add_device(host), blocks=blocks)


def _add_device(host: LinuxHost) -> str:
    if _numbers(_version(host))[:2] < (0, 13) or not host.path("/dev/v4l2loopback").exists():
        return RELOAD
    free = next(n for n in range(10, 256) if not host.path(f"/dev/video{n}").exists())
    return f"sudo v4l2loopback-ctl add -n {NAME} -x 1 /dev/video{free}"


def _exclusive(host: LinuxHost, devices: list[VirtualCameraInfo]) -> Iterator[Check]:
    name = "v4l2loopback exclusive_caps"
    values = (host.read(f"/sys/module/{MODULE}/parameters/exclusive_caps") or "").split(",")
    numbers = (host.read(f"/sys/module/{MODULE}/parameters/video_nr") or "").split(",")
    names = {camera.device or "": camera.name for camera in devices}
    nodes = sorted(names, key=lambda path: (len(path), path))
    for device in (node for node in nodes if names[node] == NAME):
        number = device.removeprefix("/dev/video")
        # Options count the devices in the order of their making: as told, else by their numbers.
        index = numbers.index(number) if number in numbers else nodes.index(device)
        value = values[index] if index < len(values) else ""
        if value == "Y":
            yield ok(name, f"on for {device}")
        elif value == "N" and not host.path("/dev/v4l2loopback").exists():
            yield problem(name, f"off for {device}: Chrome, Zoom and Teams may not list it", RELOAD)
        elif value == "N":  # may have been added later with an option of its own
            yield unknown(
                name,
                f"off in the module's options; {device} may have its own",
                f"v4l2loopback-ctl query {device}",
            )
        else:
            yield unknown(name, f"the module does not tell for {device}")


def _writers(host: LinuxHost, devices: list[VirtualCameraInfo]) -> Iterator[Check]:
    """Who writes into our device, beside us."""
    name = "writer of the virtual camera"
    for device in (camera.device or "" for camera in devices if camera.name == NAME):
        users = host.users_of(device)
        written = _is_written(host, device.removeprefix("/dev/"))
        if any(user.is_sharpcam for user in users):
            yield ok(name, f"SharpCam writes into {device}")
        elif written is None:
            yield unknown(name, f"the driver does not tell for {device}")
        elif not written:
            yield ok(name, f"nobody writes into {device}")
        else:
            others = " or ".join(map(str, users)) or "a program of another user"
            yield problem(
                name,
                f"another program writes into {device}: {others}",
                "close it, or let it use a virtual camera of its own; in OBS: Stop Virtual Camera",
            )


def _is_written(host: LinuxHost, node: str) -> bool | None:
    """Whether pictures can be captured from the device; None where the driver does not tell."""
    state = host.read(f"/sys/class/video4linux/{node}/state")
    if state is not None:
        return state == "capture"
    shown = host.read(f"/sys/class/video4linux/{node}/format")  # 0.12 tells no more than this
    return None if shown is None else shown != ""


def _restart(host: LinuxHost) -> Check:
    """Whether systemd and modprobe will load the module with our options again."""
    name = "v4l2loopback after a restart"
    folders = ("/etc/modules-load.d", "/usr/lib/modules-load.d", "/usr/local/lib/modules-load.d")
    lists = [text for folder in folders for _, text in host.read_all(folder, "*.conf")]
    lists.append(host.read("/etc/modules") or "")
    loads = any(line.strip() == MODULE for text in lists for line in text.splitlines())
    options = {
        path: line
        for folder in ("/usr/lib/modprobe.d", "/etc/modprobe.d")
        for path, text in host.read_all(folder, "*.conf")
        for line in text.splitlines()
        if line.split()[:2] == ["options", MODULE]
    }
    ours = any(NAME in line and "exclusive_caps=1" in line for line in options.values())
    if loads and ours:
        return ok(name, "loaded with our options")
    if options and not ours:
        where = ", ".join(options)
        return problem(name, f"{where} has other options", f"put there: {OPTIONS}")
    return problem(name, "not loaded" if not loads else "loaded without our options", PERSIST)


def _newer_kernels(host: LinuxHost) -> Iterator[Check]:
    """Kernels that an update has installed, and that the next restart will start."""
    for folder in sorted(host.path("/lib/modules").glob("*/modules.dep")):
        kernel = folder.parent.name
        if _numbers(kernel) > _numbers(host.kernel) and not _is_available(host, kernel):
            headers = _command(host, _HEADERS, kernel)
            yield problem(
                f"v4l2loopback for the kernel {kernel}",
                "not built: the virtual camera will be missing after a restart into it",
                f"{headers} && sudo dkms autoinstall -k {kernel}",
            )
