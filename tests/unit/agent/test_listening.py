import socket

import pytest

from mltest.agent import cli
from mltest.agent.listening import chosen_listening, join_host_port, reachable_addresses
from mltest.shared.errors import NotPermittedError, RequestInvalidError
from mltest.shared.naming import is_name


@pytest.mark.parametrize(
    ("host", "is_joined", "expected", "opens_when_joined"),
    [
        (None, False, "127.0.0.1", True),
        (None, True, "0.0.0.0", False),
        ("localhost", True, "127.0.0.1", False),
        ("127.0.0.5", False, "127.0.0.5", False),
        ("::1", False, "::1", False),
        ("192.0.2.7", False, "192.0.2.7", False),
        ("0.0.0.0", False, "0.0.0.0", False),
        ("::", True, "::", False),
    ],
)
def test_where_an_agent_listens(host: str | None, is_joined: bool, expected: str, opens_when_joined: bool) -> None:
    found = chosen_listening(host=host, port=None, is_insecure=False, is_joined=is_joined)
    assert (found.host, found.opens_when_joined) == (expected, opens_when_joined)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.7", "::"])
@pytest.mark.parametrize("is_joined", [False, True])
def test_nothing_is_served_in_the_clear_off_loopback(host: str, is_joined: bool) -> None:
    with pytest.raises(NotPermittedError) as refused:
        chosen_listening(host=host, port=None, is_insecure=True, is_joined=is_joined)
    assert "mltest-agent join -" in str(refused.value.facts["next_step"])


@pytest.mark.parametrize("is_joined", [False, True])
def test_in_the_clear_an_agent_stays_on_loopback(is_joined: bool) -> None:
    found = chosen_listening(host=None, port=None, is_insecure=True, is_joined=is_joined)
    assert (found.host, found.opens_when_joined) == ("127.0.0.1", False)


def test_what_is_not_an_address_is_refused() -> None:
    with pytest.raises(RequestInvalidError, match="lab"):
        chosen_listening(host="lab", port=None, is_insecure=False, is_joined=False)


def test_addresses_to_connect_to() -> None:
    assert join_host_port("0.0.0.0", 1) == "127.0.0.1:1"
    assert join_host_port("::1", 1) == "[::1]:1"
    assert reachable_addresses("127.0.0.1") == ["127.0.0.1"]
    assert reachable_addresses("0.0.0.0")


@pytest.mark.parametrize(
    "arguments",
    [
        ["serve", "--name", "a/b"],
        ["serve", "--name", ""],
        ["serve", "--name", "x" * 65],
        ["serve", "--port", "70000"],
        ["serve", "--port", "-1"],
        ["serve", "--cache-bytes", "0"],
        ["serve", "--cache-bytes", "10G"],
        ["completion", "fish"],
        [],
    ],
)
def test_a_command_line_that_makes_no_sense_is_refused(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        cli.main(arguments)
    assert left.value.code == 2
    assert "mltest-agent" in capsys.readouterr().err


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_shells_can_complete(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["completion", shell]) == 0
    assert "insecure" in capsys.readouterr().out


def test_a_version_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--version"])
    assert "(protocol 2)" in capsys.readouterr().out


def test_an_odd_host_name_becomes_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "lab/1\x1b[31m" + "x" * 100)
    name = cli._host_name()
    assert name.startswith("lab-1[31m")
    assert is_name(name)
