# SharpCam's commands. On a bare Debian with Python 3.11 or newer, `make run` and `make test` create
# all that they need: .venv, the Python packages, and as root the missing Debian packages.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
# OpenCV's window and the virtual environment need these of the system.
RUN_PACKAGES := python3-venv libgl1 libglib2.0-0
TEST_PACKAGES := xvfb xauth xdotool x11-utils openbox trayer xfce4-panel dbus-daemon desktop-file-utils \
	libglib2.0-bin python3-gi gir1.2-ayatanaappindicator3-0.1 libturbojpeg0
# What makes and judges installers: a Debian of its own, a Windows of its own.
DEB_PACKAGES := binutils dpkg
INSTALLER_PACKAGES := $(DEB_PACKAGES) debootstrap lintian appstream mandoc nsis wine wine64
# A session of its own with the parts of a desktop that a PipeWire camera meets, and who reads it.
DESKTOP_PACKAGES := dbus pipewire pipewire-bin wireplumber xdg-desktop-portal xdg-desktop-portal-gtk \
	libglib2.0-bin gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-pipewire chromium firefox-esr
# The virtual machine with real virtual cameras: an emulator, a compiler, programs that read them.
VM_PACKAGES := qemu-system-x86 busybox-static cpio kmod gcc make ffmpeg v4l-utils

.PHONY: run test test-vm lint bench train deb clean
.DEFAULT_GOAL := run

run: $(VENV)/installed-run  ## camera (or the bundled clip) to the virtual camera (or a recording)
	$(BIN)/sharpcam run

test: $(VENV)/installed-test  ## every test; what cannot run here says why
	@installer/linux/need.sh $(TEST_PACKAGES) $(DESKTOP_PACKAGES) $(VM_PACKAGES) $(INSTALLER_PACKAGES)
	$(BIN)/python -m pytest -n 2

test-vm: $(VENV)/installed-test  ## only those in a virtual machine with real kernel modules
	@installer/linux/need.sh $(VM_PACKAGES)
	$(BIN)/python -m pytest -m vm --durations=0

lint: $(VENV)/installed-test  ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/installed-run  ## milliseconds per stage
	$(BIN)/sharpcam bench

train: $(VENV)/installed-test  ## retrain the networks: two hours on two cores
	$(BIN)/python -m training.distill --preset cpu

deb: $(VENV)/installed-run  ## dist/sharpcam_VERSION_ARCHITECTURE.deb, for a Debian with this Python
	@installer/linux/need.sh $(DEB_PACKAGES)
	$(PIP) -e '.[installer]'
	$(BIN)/python -m installer.build deb

$(VENV)/bin/python:
	@installer/linux/need.sh $(RUN_PACKAGES)
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "SharpCam needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed-run: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "Installing SharpCam's Python packages into $(VENV)"
	$(PIP) -e ".[openvino]"
	@touch $@

$(VENV)/installed-test: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "Installing SharpCam's Python packages, with those for tests and training, into $(VENV)"
	$(PIP) -e '.[openvino,train,test,dev]'
	@touch $@ $(VENV)/installed-run

clean:  ## forget everything that was created
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
