"""`mltest-agent tune`: what would make this machine a better ruler, set on request, and put back."""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    Verbs = argparse._SubParsersAction[argparse.ArgumentParser]

_DESCRIPTION = """\
Say what of this machine could be set so that it measures more evenly, and why. Nothing is changed without the verb
apply, which keeps what everything was before; revert puts it back exactly. A start of the machine puts it back, too.
Without a verb: show."""


def add_tune_verbs(verbs: "Verbs") -> None:
    """Add `tune` with its own verbs."""
    parser = verbs.add_parser("tune", help="set what makes measuring more even, and back", description=_DESCRIPTION)
    _add_options(parser, _show)
    own = parser.add_subparsers(title="verbs", metavar="VERB")
    _add_options(own.add_parser("show", help="say what would be set, and why", description=_DESCRIPTION), _show)
    _add_options(own.add_parser("apply", help="set it, all of it or nothing", description=_DESCRIPTION), _apply)
    reverting = own.add_parser("revert", help="put everything back as it was", description=_DESCRIPTION)
    _add_options(reverting, _revert)
    reverting.add_argument("--force", action="store_true", help="even what somebody else changed since")


def _add_options(parser: argparse.ArgumentParser, run: Callable[[argparse.Namespace], int]) -> None:
    parser.add_argument("--json", action="store_true", help="the same as data")
    parser.add_argument("--root", type=Path, default=Path("/"), metavar="DIR", help="where /sys is (default: /)")
    parser.set_defaults(run=run)


def _show(options: argparse.Namespace) -> int:
    from mltest.agent.tune.tune_text import shown_text
    from mltest.agent.tune.tuned import read_state
    from mltest.agent.tune.tuning import pending
    from mltest.shared.jsonable import to_jsonable

    root = options.root.absolute()
    missing, state = pending(root), read_state(root)
    data = {"would_set": [_wish_data(wish) for wish in missing], "set": to_jsonable(state)}
    print(json.dumps(data, indent=2) if options.json else shown_text(root, missing, state))
    return 0


def _apply(options: argparse.Namespace) -> int:
    from mltest.agent.tune.tune_text import applied_text
    from mltest.agent.tune.tuning import apply

    done = apply(options.root.absolute())
    print(json.dumps([_wish_data(wish) for wish in done], indent=2) if options.json else applied_text(done))
    return 0


def _revert(options: argparse.Namespace) -> int:
    from mltest.agent.tune.tune_text import reverted_text
    from mltest.agent.tune.tuned import read_state
    from mltest.agent.tune.tuning import Fate, revert
    from mltest.shared.jsonable import to_jsonable

    root = options.root.absolute()
    state = read_state(root)
    found = revert(root, is_forced=options.force)
    print(json.dumps(to_jsonable(found), indent=2) if options.json else reverted_text(found, state))
    return 1 if any(one.fate in (Fate.CHANGED, Fate.FAILED) for one in found) else 0


def _wish_data(wish: object) -> dict[str, str]:
    from mltest.agent.tune.wishes import Wish

    assert isinstance(wish, Wish)
    return {"setting": wish.setting, "place": wish.place.name, "wanted": wish.wanted, "why": wish.why}
