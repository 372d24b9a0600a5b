"""What cannot be printed or written is said in one sentence, with the name that was given."""

import subprocess
import sys
from pathlib import Path

import pytest

from fyp_media.errors import InputError
from fyp_media.files import replacing

_PRINTS = "from fyp_media.terminal import print_result; print_result('done')"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is always full")
def test_a_result_that_cannot_be_printed_is_no_error() -> None:
    with open("/dev/full", "w") as full:
        finished = subprocess.run(
            [sys.executable, "-c", _PRINTS], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert finished.returncode == 0
    assert finished.stderr == ("The result is complete, but could not be printed: No space left on device.\n")


def test_a_writer_within_names_the_file_that_was_asked_for(tmp_path: Path) -> None:
    named = pytest.raises(InputError, match=r"^Cannot write .*result\.mp4: full$")
    with named, replacing(tmp_path / "result.mp4") as scratch:
        raise InputError(f"Cannot write {scratch}: full")
    assert not list(tmp_path.iterdir())
