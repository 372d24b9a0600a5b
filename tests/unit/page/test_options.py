"""Options of app.py override the environment."""

import os

import pytest

from fyp_page.options import apply_options


def test_an_option_overrides_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "HOST": "::1",
        "PORT": "1",
        "FYP_MODEL": "",
        "FYP_AUTH": "",
        "FYP_SHARE": "0",
    }.items():
        monkeypatch.setenv(name, value)
    apply_options(["--port", "7000", "--model", "mini", "--auth", "me:secret", "--share"])
    found = {name: os.environ[name] for name in ("HOST", "PORT", "FYP_MODEL", "FYP_AUTH", "FYP_SHARE")}
    assert found == {
        "HOST": "::1", "PORT": "7000", "FYP_MODEL": "mini", "FYP_AUTH": "me:secret", "FYP_SHARE": "1",
    }  # fmt: skip


def test_an_unknown_option_ends_the_program(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        apply_options(["--prot", "7000"])
    assert ended.value.code == 2
    assert "--prot" in capsys.readouterr().err
