"""How far the numbers of a machine can be believed. Pure."""

from mltest.shared.domain import MachineClass

DEDICATED_FOREIGN_RATIO = 0.05
SHARED_FOREIGN_RATIO = 0.50
DEDICATED_CV_RATIO = 0.02


def machine_class(
    *, foreign_ratio: float | None, steal_ratio: float | None, canary_cv_ratio: float | None, is_emulated: bool = False
) -> MachineClass:
    """Return the class by what others took of the processors' time, here and beside the virtual machine, 0 to 1 each.

    `dedicated`: less than 5 %, and the canary varies by less than 2 %. `shared`: less than 50 %. `noisy`: the rest.
    What others took and could not be read leaves the class unspecified: nothing is known to be good. What a program
    plays a processor for is `emulated`, whatever else is.
    """
    if is_emulated:
        return MachineClass.EMULATED
    if foreign_ratio is None or canary_cv_ratio is None:
        return MachineClass.UNSPECIFIED
    taken_ratio = foreign_ratio + (steal_ratio or 0.0)
    if taken_ratio < DEDICATED_FOREIGN_RATIO and canary_cv_ratio < DEDICATED_CV_RATIO:
        return MachineClass.DEDICATED
    return MachineClass.SHARED if taken_ratio < SHARED_FOREIGN_RATIO else MachineClass.NOISY
