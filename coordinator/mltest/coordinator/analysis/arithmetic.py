"""How far two results of the same model may lie apart, because arithmetic is not exact."""

FLOAT32_TOLERANCE = 1e-5
FLOAT64_TOLERANCE = 1e-12
"""Times the largest value, where that is above 1."""
FLOAT64_PROBABILITY_TOLERANCE = 1e-6
"""Runtimes that compute in float64 still take the exponential of a softmax in float32."""
SHIFT_TOLERANCE = 5e-7
"""Times the mean of absolute values: rounding moves rows up and down, so that half of them go either way."""


def allowed_difference(largest: float, input_dtype: str, *, are_probabilities: bool = False) -> float:
    """Return the largest difference of one score or value that arithmetic explains.

    Args:
        largest: largest absolute score or value that the model gives.
        input_dtype: type in which the runtime gets X, and so in which it computes: float32 or float64.
        are_probabilities: whether they are class probabilities.

    """
    if input_dtype != "float64":
        return FLOAT32_TOLERANCE * max(1.0, largest)
    return FLOAT64_PROBABILITY_TOLERANCE if are_probabilities else FLOAT64_TOLERANCE * max(1.0, largest)


def allowed_shift(typical: float, input_dtype: str) -> float:
    """Return the largest median of signed differences that arithmetic explains.

    Args:
        typical: mean of the absolute values that the model gives; a few large ones hide no shift of the others.
        input_dtype: as for `allowed_difference`.

    """
    return min(allowed_difference(typical, input_dtype), max(FLOAT32_TOLERANCE, SHIFT_TOLERANCE * typical))
