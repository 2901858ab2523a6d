"""A trained rival on whole pictures, in the runtime that SharpCam's own students use."""

from __future__ import annotations

import tempfile
from pathlib import Path

import cv2
import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sharpcam.model import open_session
from training.export import OPSET
from training.peers import load_peer


class _OnBytes(nn.Module):
    """uint8 [1, 1, H, W] to the same, scaling inside, as in our own files."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, y: Tensor) -> Tensor:
        restored, _ = self.model(y.float() / 255, torch.zeros(1, 4))
        return (restored.clamp(0, 1) * 255 + 0.5).to(torch.uint8)


def peer_onnx(model: nn.Module) -> bytes:
    """A rival as an ONNX file for pictures of any even height and width."""
    plane = {
        2: 2 * torch.export.Dim("pairs_down", min=1, max=4096),
        3: 2 * torch.export.Dim("pairs_across", min=1, max=4096),
    }
    program = torch.onnx.export(
        _OnBytes(model).eval(),
        (torch.zeros(1, 1, 64, 96, dtype=torch.uint8),),
        input_names=["y"],
        output_names=["y_sharp"],
        dynamic_shapes=(plane,),
        opset_version=OPSET,
        dynamo=True,
        verbose=False,
    )
    onnx.checker.check_model(program.model_proto)
    return bytes(program.model_proto.SerializeToString())


class PeerEnhancer:
    """A rival of `peers.py` on ONNX Runtime; exported when it is made, which takes seconds."""

    def __init__(self, net: str, threads: int, weights: Path | None = None) -> None:
        """Load, export and open it.

        Raises:
            SharpCamError: it has not been trained, or its weights are damaged.
        """
        model, self.about = load_peer(net, weights)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / f"{net}.onnx"
            file.write_bytes(peer_onnx(model))
            self._session = open_session(file, threads)

    def enhance(self, y: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Restored luma: uint8 [H, W] to the same."""
        height, width = y.shape
        padded = cv2.copyMakeBorder(y, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
        feed = {"y": np.asarray(padded, np.uint8)[None, None]}
        out: NDArray[np.uint8] = self._session.run(["y_sharp"], feed)[0][0, 0]
        return out[:height, :width]
