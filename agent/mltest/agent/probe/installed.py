"""Versions of installed distributions."""

from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version


def installed_versions(packages: Iterable[str]) -> dict[str, str]:
    """Return the version of each of `packages` by its name; of `a|b` that one which is installed.

    Raises:
        PackageNotFoundError: one is not installed; of several, the first is named.

    """
    return dict(_installed(names.split("|")) for names in packages)


def _installed(names: list[str]) -> tuple[str, str]:
    for name in names:
        try:
            return name, version(name)
        except PackageNotFoundError:
            continue
    raise PackageNotFoundError(names[0])
