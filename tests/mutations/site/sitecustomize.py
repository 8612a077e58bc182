"""Python imports this when it starts, where `tests.mutations.plugin.environment` says so."""

import os

from tests.mutations.hook import install

install(os.environ.get("MLTEST_MUTATE", ""))
