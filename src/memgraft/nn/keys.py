"""Keys that answer given inputs with one and everything else with about nothing.

A change Σ_t v_t k_tᵀ of a linear map shall add v_t where the map's input is u_t. With A the ridge
A = λ C + μ I over the inputs of ordinary text, the keys that do so with the least disturbance are
the rows of (I + U A⁻¹ Uᵀ)⁻¹ U A⁻¹ (regularised least squares, as in MEMIT, arXiv 2210.07229).
"""

from __future__ import annotations

import torch
from torch import Tensor


def answering_keys(inputs: Tensor, precision: Tensor) -> Tensor:
    """Keys for rows of inputs; rows of zeros, such as padding, get keys of zeros.

    Shapes: inputs (..., n, d), precision A⁻¹ (d, d) → (..., n, d).
    """
    whitened = inputs @ precision
    inner = whitened @ inputs.transpose(-1, -2)
    identity = torch.eye(inner.shape[-1], dtype=inner.dtype, device=inner.device)
    return torch.linalg.solve(identity + inner, whitened)


def answering_keys_oracle(inputs: Tensor, precision: Tensor) -> Tensor:
    """`answering_keys` of one set from its minimisation: UᵀU + A, solved in the large space.

    The rows of U (UᵀU + A)⁻¹ minimise Σ_t |K u_t - 1_t|² + tr(K A Kᵀ).
    """
    ridge = torch.linalg.inv(precision)
    return torch.linalg.solve(inputs.T @ inputs + ridge, inputs.T).T
