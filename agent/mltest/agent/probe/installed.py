"""Versions of the distributions that a runtime needs."""

from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version

from mltest.agent.runtimes.role import RuntimeNeeds


def installed_versions(needs: RuntimeNeeds) -> dict[str, str]:
    """Return the version of each package that is needed, or of its stand-in, by its name; of further ones if they are.

    Raises:
        PackageNotFoundError: one is not installed, nor is its stand-in.

    """
    found = dict(_installed(package, needs.stand_ins.get(package, "")) for package in needs.packages)
    for package in needs.further_packages:
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def _installed(package: str, stand_in: str) -> tuple[str, str]:
    try:
        return package, version(package)
    except PackageNotFoundError:
        if not stand_in:
            raise
    try:
        return stand_in, version(stand_in)
    except PackageNotFoundError:
        raise PackageNotFoundError(package) from None
