"""`mltest-coordinator completion`: completion for a shell."""

import argparse
from collections.abc import Iterator, Sequence

from mltest.coordinator.commands.verb import Verb

_SHELLS = ("bash", "zsh", "tcsh")


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=_SHELLS, help="the shell")


def _run(arguments: argparse.Namespace) -> int:
    import shtab

    from mltest.coordinator.cli import make_parser

    print(shtab.complete(_with_names(make_parser()), shell=arguments.shell))
    return 0


def _with_names(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Return `parser` with the names that --runtime and --transform take; a plan may name others as well."""
    from mltest.coordinator.builder.exporters.registry import exporter_needs
    from mltest.coordinator.builder.recipes import transform_words

    words = {
        "runtime": tuple(dict.fromkeys(runtime for found in exporter_needs() for runtime in found.all_runtimes)),
        "transform": transform_words(),
    }
    for action in _actions(parser):
        if action.dest in words and action.option_strings:
            action.complete = _completed(action.dest, words[action.dest])  # type: ignore[attr-defined]  # for shtab
    return parser


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Yield every action of `parser` and of its verbs."""
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for verb in action.choices.values():
                yield from _actions(verb)


def _completed(name: str, words: Sequence[str]) -> dict[str, object]:
    """Return what shtab puts into the completion of each shell for these words."""
    function = f"_mltest_{name}_names"
    listed = " ".join(words)
    bash = f"{function}() {{ compgen -W '{listed}' -- \"$1\"; }}"
    return {"bash": function, "zsh": f"({listed})", "tcsh": f"({listed})", "preamble": {"bash": bash}}


VERB = Verb(
    name="completion",
    help='print completion for a shell: eval "$(mltest-coordinator completion bash)"',
    add_arguments=_add_arguments,
    run=_run,
)
