"""How many arenas glibc has for many threads."""

import ctypes
import subprocess
import sys
from pathlib import Path

import pytest

from tests.end_to_end.conftest import ROOT

_ALLOCATE_IN_THREADS = """
import ctypes, sys, threading
from fyp_serving.memory import release_free_memory, share_arenas

if "share" in sys.argv:
    share_arenas()
libc = ctypes.CDLL(None)
libc.fopen.restype = ctypes.c_void_p
together = threading.Barrier(12)

def allocate():
    together.wait()
    libc.malloc(1000)
    together.wait()

threads = [threading.Thread(target=allocate) for _ in range(12)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
release_free_memory()
file = libc.fopen(sys.argv[1].encode(), b"w")
libc.malloc_info(0, ctypes.c_void_p(file))
libc.fclose(ctypes.c_void_p(file))
"""


@pytest.mark.skipif(
    sys.platform == "win32" or not hasattr(ctypes.CDLL(None), "gnu_get_libc_version"), reason="glibc's arenas"
)
def test_threads_share_two_arenas(tmp_path: Path) -> None:
    arenas = []
    for option in ("", "share"):
        command = [sys.executable, "-c", _ALLOCATE_IN_THREADS, str(tmp_path / "info.xml"), option]
        subprocess.run(command, cwd=ROOT, check=True)
        arenas.append((tmp_path / "info.xml").read_text().count("<heap nr="))
    usual, shared = arenas
    assert shared == 2 < usual
