"""Files: written complete or not at all, and checked before long work; known by content; those of the project."""

import contextlib
import functools
import hashlib
import os
import re
import secrets
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from fyp_media.errors import InputError

_CHECKOUT = Path(__file__).resolve().parents[1]
_INSTALLED = Path(__file__).resolve().with_name("project_files")  # of a wheel, see pyproject.toml


def check_target(path: str | os.PathLike[str], *suffixes: str) -> None:
    """Before long work: raise InputError unless a file with one of these endings can be written there."""
    target = Path(path)
    if suffixes and target.suffix.lower() not in suffixes:
        raise InputError(f"Cannot write {target.name}; let its name end in {' or '.join(suffixes)}.")
    if os.path.isdir(target):
        raise InputError(f"Cannot write {target}, which is a folder; name a file.")
    check_folder(target.absolute().parent, target.name)


def check_folder(folder: str | os.PathLike[str], content: str) -> None:
    """Before long work: raise InputError unless files can be written into a folder, which may not be there yet."""
    place = Path(folder).absolute()
    existing = next(each for each in (place, *place.parents) if os.path.exists(each))
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        raise InputError(f"Cannot write into {existing}; choose another place for {content}.")


def check_targets(
    targets: Iterable[str | os.PathLike[str]],
    suffixes: Sequence[str],
    sources: Iterable[str | os.PathLike[str]],
) -> None:
    """:func:`check_target` of several; raises InputError as well where one is a source or given twice."""
    taken = {Path(source).resolve() for source in sources}
    for target in targets:
        check_target(target, *suffixes)
        if Path(target).resolve() in taken:
            raise InputError(
                f"{target} would overwrite its own source or another result; choose another name."
            )
        taken.add(Path(target).resolve())


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[str]:
    """Name of a scratch file beside ``path`` that takes its place at the end, or is deleted after a failure.

    Raises:
        InputError: the folder or the file cannot be written.
    """
    target = Path(path)
    temporary = target.with_name(f".{secrets.token_hex(8)}{target.suffix}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield str(temporary)
            os.replace(temporary, target)
        finally:
            temporary.unlink(missing_ok=True)
    except InputError as error:  # of a writer that knows no other name
        raise InputError(str(error).replace(str(temporary), str(target))) from error
    except OSError as error:
        raise InputError(f"Cannot write {target}: {error.strerror}; choose another place.") from error


def file_hash(path: Path) -> str:
    """SHA-256 of a file in hexadecimal; remembered while the file stays as it is."""
    path = path.resolve()
    if re.fullmatch("[0-9a-f]{64}", path.name):  # the name that the hub's cache gives large files
        return path.name
    return _hash_of(path, path.stat().st_size, path.stat().st_mtime_ns)


@functools.lru_cache(maxsize=64)
def _hash_of(path: Path, _size: int, _modified: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def project_file(name: str) -> Path:
    """Where a file of the repository lies, given its path there: in the checkout, or in the installed package."""
    return (_INSTALLED if _INSTALLED.is_dir() else _CHECKOUT) / name
