"""The arguments that choose candidates, the same for every verb that makes them."""

import argparse


def add_choice_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what chooses among the candidates; the native baseline always takes part."""
    parser.add_argument(
        "--runtime", action="append", default=[], metavar="NAME", help="only candidates of this runtime; repeatable"
    )
    parser.add_argument(
        "--transform",
        action="append",
        default=[],
        metavar="NAME[=SIZE,...]",
        help="only the model changed so ('prune-trees', or in sizes of your own: 'prune-trees=8,16,1/4'), as "
        "submitted ('none', the default), or every way ('all'); repeatable",
    )
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="GLOB",
        help="only candidates of such a label or id, as a shell pattern: '*int8*'; repeatable",
    )
    parser.add_argument(
        "--skip", action="append", default=[], metavar="GLOB", help="no candidate of such a label or id; repeatable"
    )
    parser.add_argument(
        "--max-candidates",
        type=positive,
        metavar="N",
        help="at most so many candidates, spread over runtimes, variants and transforms",
    )


def positive(text: str) -> int:
    """Return the whole number of at least 1 that `text` is."""
    number = int(text) if text.isdigit() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of at least 1")
    return number
