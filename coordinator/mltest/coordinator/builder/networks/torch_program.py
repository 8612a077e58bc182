"""Gradients of exported programs by PyTorch itself."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from mltest.coordinator.builder.networks.operators import Numbers
from mltest.coordinator.builder.networks.program import Pull
from mltest.shared.native.torch_module import OpenedProgram

_MOST_ROWS = 64


@dataclass(frozen=True, slots=True)
class TorchProgram:
    """A `Differentiable` that PyTorch differentiates."""

    opened: OpenedProgram
    are_probabilities: bool
    """Whether it gives probabilities: then scores are their logarithms."""

    def scores(self, rows: Numbers) -> Numbers:
        """Return scores (rows, classes)."""
        return self.gradients(rows, np.zeros_like)[0]

    def gradients(self, rows: Numbers, weigh: Pull) -> tuple[Numbers, Numbers]:
        """Return scores and gradients, see `Differentiable`."""
        parts = [self._part(rows[first : first + _MOST_ROWS], weigh) for first in range(0, len(rows), _MOST_ROWS)]
        return np.concatenate([one[0] for one in parts]), np.concatenate([one[1] for one in parts])

    def _part(self, rows: Numbers, weigh: Pull) -> tuple[Numbers, Numbers]:
        import torch

        given = torch.from_numpy(np.ascontiguousarray(rows, dtype=self.opened.facts.input_dtype)).requires_grad_()
        with torch.enable_grad():
            scores: Any = self.opened.module(given.reshape((-1, *self.opened.facts.row_shape))).reshape(len(rows), -1)
            if self.are_probabilities:
                scores = torch.log(scores.clamp_min(torch.finfo(scores.dtype).tiny))
        found = scores.detach().numpy().astype(np.float64)
        weights = torch.from_numpy(weigh(found)).to(scores.dtype)
        (gradient,) = torch.autograd.grad(scores, given, weights)
        return found, gradient.numpy().astype(np.float64)
