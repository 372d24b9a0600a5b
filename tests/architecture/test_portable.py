"""The project starts on Windows and macOS: nothing that only POSIX systems have is imported with a module."""

import subprocess
import sys

import pytest

from tests.architecture.source_tree import ROOT, modules

_IMPORT_ALL = """
import builtins, importlib, sys

OPTIONAL = {"mmpose", "rtmlib"}
POSIX_ONLY = {"resource", "fcntl", "pwd", "grp", "termios", "tty", "pty", "syslog"}
names = sys.argv[1:]
ours = {name.partition(".")[0] for name in names}
original = builtins.__import__

def without_posix(name, globals=None, locals=None, fromlist=(), level=0):
    importer = (globals or {}).get("__name__", "").partition(".")[0]
    if importer in ours and name.partition(".")[0] in POSIX_ONLY:
        raise ModuleNotFoundError(f"{globals['__name__']} imports {name}")
    return original(name, globals, locals, fromlist, level)

builtins.__import__ = without_posix
for name in names:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name not in OPTIONAL:
            raise
"""


@pytest.mark.slow
def test_every_module_is_imported_without_what_only_posix_has() -> None:
    tops = {"fyp_core", "fyp_media", "fyp_page", "fyp_serving", "pose_extraction", "app", "txt2video"}
    names = [name for name in modules() if name.partition(".")[0] in tops]
    assert len(names) > 100
    finished = subprocess.run(
        [sys.executable, "-c", _IMPORT_ALL, *names], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stderr
