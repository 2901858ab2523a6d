"""The weights between two students, one of which was trained on from the other.

    python -m training.blend assets/model/standard.onnx runs/x/standard-int8.safetensors \\
        runs/blended.safetensors --share 0.6

Training on teaches a student something new and costs a little of what it knew. Between the two, in
the same valley, most of both is to be had (Wortsman et al. 2022, "Robust fine-tuning of zero-shot
models").
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import torch

from sharpcam.errors import SharpCamError
from sharpcam.network import NetworkSpec
from training.checkpoint import save_weights
from training.config import TIERS
from training.shipped import fill_student
from training.student import UNetStudent
from training.verb import refused


@torch.no_grad()
def blend(before: UNetStudent, after: UNetStudent, share: float) -> UNetStudent:
    """A student of the same topology with `share` (0 to 1) of `after`'s weights and the rest of
    `before`'s.

    Raises:
        SharpCamError: not a share.
    """
    if not 0 <= share <= 1:
        raise SharpCamError(f"a share of {share:g} is none", "give a number from 0 to 1")
    made = UNetStudent(after.spec)
    own = after.state_dict()
    made.load_state_dict(
        {name: torch.lerp(value, own[name], share) for name, value in before.state_dict().items()}
    )
    return made


def main(argv: list[str] | None = None) -> int:
    """Blend two files."""
    parser = argparse.ArgumentParser(prog="python -m training.blend", description=__doc__)
    parser.add_argument(
        "before", type=Path, help="a student: a run's .safetensors, a shipped .onnx"
    )
    parser.add_argument("after", type=Path, help="the same, trained on")
    parser.add_argument("out", type=Path, help="where the blend goes (.safetensors)")
    parser.add_argument("--share", type=float, default=0.5, help="of the second one; default 0.5")
    parser.add_argument("--tier", choices=TIERS, default="standard")
    args = parser.parse_args(argv)
    spec = NetworkSpec(tier=args.tier, **TIERS[args.tier])
    try:
        before, after = UNetStudent(spec), UNetStudent(spec)
        steps = max(fill_student(before, args.before), fill_student(after, args.after))
        about = {"spec": json.loads(spec.to_json()), "step": steps, "share": args.share}
        made = blend(before, after, args.share)
        save_weights(args.out, made, about)
    except SharpCamError as error:
        return refused(error)
    print(f"{args.out}: {args.share:g} of {args.after.name}, the rest of {args.before.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
