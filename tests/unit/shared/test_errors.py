"""Errors, and the table that says what each means."""

import pytest

from mltest.shared import errors
from mltest.shared.errors import (
    AgentBusyError,
    BlobOffsetError,
    InfrastructureError,
    MltestError,
    NoAgentError,
    PlanInvalidError,
    UserError,
    error_class,
)
from mltest.shared.status import ERROR_TABLE, EXIT_INFRASTRUCTURE, EXIT_USER, entry_of, next_step_of

CLASSES = [found for found in vars(errors).values() if isinstance(found, type) and issubclass(found, MltestError)]


@pytest.mark.parametrize("found", CLASSES, ids=lambda found: found.__name__)
def test_every_code_has_a_row_in_the_table(found: type[MltestError]) -> None:
    assert found.code in ERROR_TABLE


def test_every_row_of_the_table_belongs_to_a_class() -> None:
    assert {found.code for found in CLASSES} == set(ERROR_TABLE)


def test_no_two_classes_share_a_code() -> None:
    codes = [found.code for found in CLASSES if "code" in vars(found)]

    assert len(codes) == len(set(codes))


@pytest.mark.parametrize("found", CLASSES, ids=lambda found: found.__name__)
def test_users_and_infrastructure_have_exit_statuses_of_their_own(found: type[MltestError]) -> None:
    if "code" in vars(found) and issubclass(found, UserError):
        assert ERROR_TABLE[found.code].exit_code == EXIT_USER
    if "code" in vars(found) and issubclass(found, InfrastructureError):
        assert ERROR_TABLE[found.code].exit_code == EXIT_INFRASTRUCTURE


def test_a_docstring_with_facts_is_the_message() -> None:
    error = AgentBusyError(agent="lab-3", holder="anna", purpose="job 7")

    assert str(error) == error.message == "Agent lab-3 is busy: anna holds it (job 7)."
    assert error.facts["holder"] == "anna"


def test_a_message_that_came_over_the_wire_is_kept_as_it_is() -> None:
    assert BlobOffsetError("said {elsewhere}").message == "said {elsewhere}"


def test_a_code_leads_back_to_its_class() -> None:
    assert error_class("NO_AGENT") is NoAgentError
    assert error_class("FROM_THE_FUTURE") is MltestError


def test_the_next_step_of_the_moment_goes_before_that_of_the_table() -> None:
    assert next_step_of(PlanInvalidError(detail="x", next_step="do this")) == "do this"
    assert next_step_of(PlanInvalidError(detail="x")) == entry_of(PlanInvalidError(detail="x")).next_step != ""
