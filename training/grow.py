"""A larger student that begins where a trained one stands: more blocks, fewer differences.

    python -m training.grow assets/model/standard.onnx runs/grown.safetensors --tier high
    python -m training.distill --only student --tier high --begin-with runs/grown.safetensors

New blocks come after the others and begin as the identity, so that nothing is forgotten (after
Net2Net, Chen et al. 2016). Fewer differences between cameras are the principal ones: those that
lose least of the kernels, over cameras as training meets them.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from sharpcam.errors import SharpCamError
from sharpcam.network import NetworkSpec
from training.cameras import sample_camera
from training.checkpoint import save_weights
from training.config import TIERS
from training.ruler import true_profile
from training.shipped import load_student
from training.student import CameraConv, UNetStudent, normalise_profile
from training.verb import refused

CAMERAS = 2000
"""Over which the principal differences are found."""


def cameras(count: int) -> Tensor:
    """Profiles as training meets them: [count, 17]."""
    rngs = (np.random.default_rng((23, index)) for index in range(count))
    return torch.from_numpy(np.stack([true_profile(sample_camera(rng)).as_array() for rng in rngs]))


@torch.no_grad()
def keep_principal(student: UNetStudent, experts: int, profiles: Tensor) -> UNetStudent:
    """The same student with so few differences that mixtures of them are nearly those of before.

    For one camera the kernels are base + a E, with a mixture `a` that is linear in the last hidden
    layer. Written as the mean over the cameras and what is left, the best few rows for what is left
    are those of a singular value decomposition; both changes fold into the weights.
    """
    spec = replace(student.spec, experts=experts)
    smaller = UNetStudent(spec)
    convolutions = [it for it in student.modules() if isinstance(it, CameraConv)]
    of = slice(spec.filters, spec.filters + student.spec.experts)
    mixtures = student.modulation(normalise_profile(profiles))[:, of].double()
    mean = mixtures.mean(0)
    values, vectors = torch.linalg.eigh(torch.cov(mixtures.T))
    spread = vectors * values.clamp_min(0).sqrt()  # covariance = spread spread^T
    differences = torch.cat(
        [part.flatten(1) for it in convolutions for part in (it.weights, it.biases)], 1
    ).double()
    left, _, _ = torch.linalg.svd(spread.T @ differences, full_matrices=False)
    # a - mean = spread z with white z; of z the first few principal coordinates are kept.
    back = spread @ left[:, :experts]  # [before, experts]: differences of the new mixture
    forth = left[:, :experts].T @ torch.linalg.pinv(spread, rtol=1e-6)

    state = {name: value.clone() for name, value in student.state_dict().items()}
    last = student.modulation[-1]
    for name, value in (("weight", last.weight), ("bias", last.bias)):
        old = value.double()
        new = forth @ (old[of] - mean if name == "bias" else old[of])
        rows = torch.cat([old[: of.start], new, old[of.stop :]]).float()
        state[f"modulation.{len(student.modulation) - 1}.{name}"] = rows
    for name, convolution in student.named_modules():
        if isinstance(convolution, CameraConv):
            for base, many in (("weight", "weights"), ("bias", "biases")):
                rows = getattr(convolution, many).double()
                moved = getattr(convolution, base) + torch.tensordot(mean, rows, 1)
                state[f"{name}.{base}"] = moved.float()
                state[f"{name}.{many}"] = torch.tensordot(back.T, rows, 1).float()
    smaller.load_state_dict(state)
    return smaller


@torch.no_grad()
def deepen(student: UNetStudent, blocks: int) -> UNetStudent:
    """The same student with more blocks, which begin as the identity."""
    deeper = UNetStudent(replace(student.spec, blocks=blocks))
    state = deeper.state_dict()
    for name, value in student.state_dict().items():
        # The last rows modulate the blocks; those of new ones are zero, as in any new student.
        state[name][: len(value)] = value
    deeper.load_state_dict(state)
    return deeper


def grow(student: UNetStudent, spec: NetworkSpec) -> UNetStudent:
    """A student of this topology that does nearly what the given one does.

    Raises:
        SharpCamError: it differs in more than blocks, differences and the tier's name.
    """
    was = student.spec
    same = replace(was, tier=spec.tier, blocks=spec.blocks, experts=spec.experts)
    if same != spec or spec.blocks < was.blocks or spec.experts > was.experts:
        raise SharpCamError(
            f"{was.to_json()} cannot grow to {spec.to_json()}",
            "ask for as many or more blocks and as many or fewer differences, and no other change",
        )
    if spec.experts < was.experts:
        student = keep_principal(student, spec.experts, cameras(CAMERAS))
    student = deepen(student, spec.blocks)
    student.spec = spec
    return student


def main(argv: list[str] | None = None) -> int:
    """Grow a shipped student."""
    parser = argparse.ArgumentParser(prog="python -m training.grow", description=__doc__)
    parser.add_argument("begin", type=Path, help="a shipped student (.onnx)")
    parser.add_argument("out", type=Path, help="where the larger one goes (.safetensors)")
    parser.add_argument("--tier", choices=TIERS, default="high")
    args = parser.parse_args(argv)
    try:
        student = load_student(args.begin)
        grown = grow(student, replace(student.spec, tier=args.tier, **TIERS[args.tier]))
        about = {"spec": json.loads(grown.spec.to_json()), "begin": args.begin.name}
        save_weights(args.out, grown, about)
    except SharpCamError as error:
        return refused(error)
    print(f"{args.out}: {grown.spec.to_json()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
