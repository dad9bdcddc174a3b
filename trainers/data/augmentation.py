"""Images changed a little at random, a whole batch at once, on the device where they are.

B batch   C channels   H height   W width
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

_MAX_SHIFT, _MAX_TURN = 0.12, 0.17  # of half the image, radians


def shift_turn_scale(
    images_BCHW: Tensor,
    generator: torch.Generator,
    *,
    flip: bool = False,
    shear: float = 0.0,
    zoom: float = 0.1,
) -> Tensor:
    """Return float images, each moved, turned, slanted and enlarged a little: one resampling.

    Parameters
    ----------
    flip
        Mirror every second image, at random.
    shear
        Largest slant, in radians.
    zoom
        Largest change of size, as a share.
    """
    batch = len(images_BCHW)
    draw = torch.rand(5, batch, generator=generator) * 2 - 1
    turn, size = draw[0] * _MAX_TURN, 1 + draw[1] * zoom
    slant = (draw[4] * shear).tan()
    mirror = torch.ones(batch)
    if flip:
        mirror = torch.randint(0, 2, (batch,), generator=generator) * 2.0 - 1.0
    cos, sin = turn.cos() * size, turn.sin() * size
    theta = torch.stack(
        [
            *(cos * mirror, cos * slant - sin, draw[2] * _MAX_SHIFT),
            *(sin * mirror, sin * slant + cos, draw[3] * _MAX_SHIFT),
        ],
        dim=1,
    ).view(batch, 2, 3)
    images = images_BCHW.float()
    grid = F.affine_grid(theta.to(images.device), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)
