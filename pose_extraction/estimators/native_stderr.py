"""Libraries whose native code writes to the standard error stream."""

import contextlib
import os
import sys
import threading
from collections.abc import Iterator

# The stream belongs to the process: two threads that replaced it at once would restore it in the wrong order.
_lock = threading.RLock()


@contextlib.contextmanager
def native_stderr_muted() -> Iterator[None]:
    """Nothing that C or C++ code of this process writes to the standard error stream appears meanwhile."""
    with _lock:
        sys.stderr.flush()
        stderr = os.dup(2)
        try:
            with open(os.devnull, "wb") as nowhere:
                os.dup2(nowhere.fileno(), 2)
            yield
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
