"""ProfileInUse: the camera's profile that frames are restored with, by hand or as learnt.

The pipeline thread offers frames; the learner's thread says what it has learnt; any thread may ask.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sharpcam.learner import ProfileLearner
from sharpcam.profile import CameraProfile
from sharpcam.profiles import ProfileStore, camera_key
from sharpcam.settings import Settings
from sharpcam.system import CameraInfo


class ProfileInUse:
    """A context manager: inside of it profiles are learnt."""

    def __init__(
        self,
        settings: Callable[[], Settings],
        use: Callable[[CameraProfile], None],
        on_learnt: Callable[[], None],
        store: ProfileStore,
    ) -> None:
        """Nothing is used before `use_now`.

        Args:
            settings: as they are now; `profile` counts.
            use: restores frames with it from now on.
            on_learnt: called after something new was learnt, from the learner's thread.
            store: profiles of cameras from earlier.
        """
        self._settings, self._use, self._on_learnt = settings, use, on_learnt
        self._usb_ids: dict[str, str] = {}
        self._learner = ProfileLearner(self._learn, memory=store)
        self.learnt: CameraProfile | None = None
        """As far as it is known."""

    def __enter__(self) -> ProfileInUse:
        self._learner.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._learner.__exit__(*error)

    @property
    def now(self) -> CameraProfile | None:
        """As set by hand, or as learnt."""
        chosen = self._settings().profile
        return self.learnt if chosen == "auto" else CameraProfile.parse(chosen)

    def use_now(self) -> None:
        """The settings have changed."""
        if profile := self.now:
            self._use(profile)

    def opened(self, camera: CameraInfo) -> None:
        """Frames of this camera come next: two of one name are told apart by it."""
        self._usb_ids[camera.name] = camera.usb_id

    def offer(self, y: NDArray[np.uint8], camera: str) -> None:
        """A frame's luma, uint8 [H, W], and the name of its camera."""
        if self._settings().profile == "auto":
            height, width = y.shape
            usb_id = self._usb_ids.get(camera, "")
            self._learner.offer(y, camera_key(camera, usb_id, (width, height)))

    def learn_again(self) -> None:
        """Forget what was learnt of the camera."""
        self.learnt = None
        self._learner.learn_again()

    def _learn(self, profile: CameraProfile) -> None:
        self.learnt = profile
        self.use_now()
        self._on_learnt()
