"""How far two results of the same model may lie apart, because arithmetic is not exact."""

FLOAT32_TOLERANCE = 1e-5
FLOAT64_TOLERANCE = 1e-12
"""Times the largest value, where that is above 1."""
FLOAT64_PROBABILITY_TOLERANCE = 1e-6
"""Runtimes that compute in float64 still take the exponential of a softmax in float32."""
SHIFT_TOLERANCE = 5e-7
"""Times the largest value: rounding moves rows up and down, so that half of them go either way."""


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


def allowed_shift(largest: float, input_dtype: str) -> float:
    """Return the largest median of signed differences that arithmetic explains; arguments as `allowed_difference`."""
    return min(allowed_difference(largest, input_dtype), max(FLOAT32_TOLERANCE, SHIFT_TOLERANCE * largest))
