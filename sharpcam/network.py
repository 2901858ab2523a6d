"""NetworkSpec: the student described once, without torch, and the contract of its ONNX file.

The contract (version 4), the same for every tier:

| tensor     | type and shape     | meaning                                                      |
|------------|--------------------|--------------------------------------------------------------|
| `y`        | uint8 [1, 1, H, W] | luma; H and W multiples of 4 (the runtime pads others)       |
| `camera`   | float32 [17]       | CameraProfile.as_array()                                     |
| `strength` | float32 scalar     | 0 leaves `y` bit-exact, 1 as trained, up to 1.5              |
| `y_sharp`  | uint8 [1, 1, H, W] | restored luma                                                |

Scaling, residual add, halo clamp and rounding are inside the graph. The metadata carries the
contract's version, this spec and the provenance as JSON; the runtime refuses what it does not know.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields

CONTRACT = "4"
"""Raised when a tensor or the meaning of one changes."""
CONTRACT_KEY = "sharpcam.contract"
SPEC_KEY = "sharpcam.spec"
PROVENANCE_KEY = "sharpcam.provenance"
"""ONNX `metadata_props` keys."""
INPUT_Y, INPUT_CAMERA, INPUT_STRENGTH, OUTPUT_Y = "y", "camera", "strength", "y_sharp"
MAX_STRENGTH = 1.5
ESTIMATOR_KEY = "sharpcam.estimator"
"""Metadata key of the profile estimator's file, whose value is the contract's version."""
ESTIMATOR_CROP, ESTIMATOR_FEATURES = 96, 96
"""Side in pixels of the crops that the profile estimator reads; numbers that a crop tells."""
INPUT_CROPS, INPUT_EARLIER = "crops", "earlier"
OUTPUT_PROFILE, OUTPUT_FEATURES = "profile", "features"
"""The estimator's tensors: a frame's crops, uint8 [N, 1, 96, 96], and what crops before them told,
float32 [M, 96], M from 0 up; the profile that they tell together, float32 [17], which may be a
little out of bounds, and what the frame's crops told, float32 [N, 96]."""


NORMS = ("none", "batch", "instance")


@dataclass(frozen=True, slots=True)
class NetworkSpec:
    """Topology of a UNetStudent: residual blocks at a quarter of the resolution.

    stem (PixelUnshuffle and 3x3 convolution, as one strided convolution) -> `blocks` residual
    blocks -> attention, where asked for -> 3x3 convolution -> PixelShuffle -> added to the input,
    and so is, where `filters` is above 0, the input through one linear filter made for the camera.
    All weights depend on the camera's profile; for one camera they are constants.
    """

    tier: str = "standard"
    """What the user chooses by: lite, standard, high."""
    channels: int = 32
    """Feature channels; multiples of 16 run fastest."""
    blocks: int = 2
    """Residual blocks of two 3x3 convolutions."""
    fold: int = 4
    """The features live at 1 / fold of the resolution."""
    filters: int = 8
    """How many learnt linear filters the camera's own is mixed from; 0 for no linear path."""
    experts: int = 16
    """How many learnt differences the weights of every convolution are mixed from, for each
    camera."""
    channel_attention: bool = False
    """A gate per channel from the mean over the whole picture."""
    spatial_attention: bool = False
    """A gate per place from the mean and maximum over the channels."""
    norm: str = "none"
    """Whether a block's middle is brought to mean 0 and deviation 1 in each channel, before the
    camera's modulation: none; batch, by the training's statistics, constants at run time; instance,
    by the picture's own, as the seed's network has it."""
    refinement: bool = False
    """One more 3x3 convolution over what is to be added, all places of a cell together: a filter
    of three cells at full resolution."""

    @property
    def macs_per_pixel(self) -> float:
        """Multiply-adds per pixel of the full-resolution picture, convolutions only."""
        ends = 2 * 9 * self.fold**2 * self.channels
        middle = 2 * self.blocks * 9 * self.channels**2
        attention = 2 * 49 if self.spatial_attention else 0
        linear = 9 * self.fold**4 if self.filters else 0
        refinement = 9 * self.fold**4 if self.refinement else 0
        return (ends + middle + attention + linear + refinement) / self.fold**2

    @property
    def receptive_field(self) -> int:
        """How many pixels across may influence one output pixel (without channel attention and the
        picture's own norm)."""
        convolutions = 2 + 2 * self.blocks + self.refinement
        return self.fold * (1 + 2 * convolutions + (6 if self.spatial_attention else 0))

    def to_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> NetworkSpec:
        """Rebuild a spec from a file's metadata.

        Raises:
            ValueError: not JSON, or fields missing, unknown, of the wrong type or negative.
        """
        values = json.loads(text)
        expected = {field.name: type(field.default) for field in fields(cls)}
        if not isinstance(values, dict) or values.keys() != expected.keys():
            raise ValueError(f"expected the fields {sorted(expected)}, got {text[:200]!r}")
        for name, kind in expected.items():
            least = 0 if name in ("filters", "experts") else 1
            if type(values[name]) is not kind or (kind is int and values[name] < least):
                raise ValueError(f"{name}: expected {kind.__name__}, got {values[name]!r}")
        if values["norm"] not in NORMS:
            raise ValueError(f"norm: expected one of {NORMS}, got {values['norm']!r}")
        return cls(**values)
