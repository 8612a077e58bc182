"""What is asked of Landlock, for every version of its interface: a kernel refuses a bit that it does not know."""

import pytest

from mltest.shared.sandbox.landlock_rules import (
    EXECUTE,
    IOCTL_DEV,
    MAKE_SYM,
    READ_DIR,
    READ_FILE,
    REFER,
    TRUNCATE,
    WRITE_FILE,
    Grant,
    granted,
    ruleset_of,
)

KNOWN_FILE_BITS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16, 6: 16, 7: 16}
"""Rights of files in include/uapi/linux/landlock.h, by version."""


@pytest.mark.parametrize("version", KNOWN_FILE_BITS)
def test_everything_that_a_version_knows_is_handled_and_nothing_else(version: int) -> None:
    ruleset = ruleset_of(version)
    assert ruleset.files == (1 << KNOWN_FILE_BITS[version]) - 1
    assert bool(ruleset.tcp) == (version >= 4)
    assert bool(ruleset.scoped) == (version >= 6)


@pytest.mark.parametrize("version", KNOWN_FILE_BITS)
@pytest.mark.parametrize("grant", Grant)
def test_a_rule_grants_no_bit_that_is_not_handled(version: int, grant: Grant) -> None:
    ruleset = ruleset_of(version)
    assert granted(grant, ruleset, is_folder=True) & ~ruleset.files == 0


@pytest.mark.parametrize("grant", Grant)
def test_a_rule_for_a_file_names_only_rights_of_files(grant: Grant) -> None:
    of_files = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV
    assert granted(grant, ruleset_of(7), is_folder=False) & ~of_files == 0


def test_reading_is_not_running_and_working_makes_no_links() -> None:
    assert Grant.READ.value == READ_FILE | READ_DIR
    assert not (Grant.READ.value | Grant.WORK.value) & EXECUTE
    assert not Grant.WORK.value & (MAKE_SYM | REFER)


def test_a_version_from_the_future_is_taken_as_the_last_known() -> None:
    assert ruleset_of(99) == ruleset_of(7)
