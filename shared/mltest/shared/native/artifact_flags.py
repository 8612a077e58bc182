"""How sources of candidates are compiled; options choose among the flags here, and add no others. Pure."""

from collections.abc import Mapping

from mltest.shared.errors import CompileFailedError

C_SOURCE, CXX_SOURCE = "c-source", "c++-source"
"""Formats of an artifact that is one file in C or C++."""
LANGUAGES = {C_SOURCE: "c", CXX_SOURCE: "c++"}
"""Language of each format, as compilers name it."""

OPTIMISE, MACHINE = "optimise", "machine"
"""Options of a candidate."""

_STANDARDS = {"c": "-std=c11", "c++": "-std=c++17"}
_FIXED = ("-fPIC", "-shared", "-ffp-contract=off")
"""Contraction would round sums otherwise than the library that is reproduced."""
_CHOICES: dict[str, dict[str, tuple[str, ...]]] = {
    OPTIMISE: {"O1": ("-O1",), "O2": ("-O2",), "O3": ("-O3",)},
    MACHINE: {"any": (), "native": ("-march=native",)},
}
_DEFAULTS = {OPTIMISE: "O2", MACHINE: "any"}


def artifact_flags(options: Mapping[str, str], language: str = "c") -> tuple[str, ...]:
    """Return the flags for a candidate with `options` in `language`, one of the values of LANGUAGES.

    Raises:
        CompileFailedError: an option has a value that is not known.

    """
    chosen = (_chosen(name, options.get(name, default)) for name, default in _DEFAULTS.items())
    return (_STANDARDS[language], *_FIXED, *(flag for flags in chosen for flag in flags))


def _chosen(name: str, value: str) -> tuple[str, ...]:
    known = _CHOICES[name]
    if value not in known:
        raise CompileFailedError(detail=f"option {name} of the candidate is {value!r}; it can be {', '.join(known)}")
    return known[value]
