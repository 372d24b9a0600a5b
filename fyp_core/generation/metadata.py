"""Metadata in a generated video: the mark that a model made it, and its settings.

Both are stored as XMP (ISO 16684), which photo and video tools and the large platforms read: the IPTC digital
source type in the field they look for, the settings as JSON beside it. MP4 holds the packet in a box, GIF in an
extension block; in both it is text near the end of the file, found again by its start and end markers.
"""

from __future__ import annotations

import json
import mmap
import os
import re
import struct
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, unescape

from fyp_media.errors import InputError

# https://cv.iptc.org/newscodes/digitalsourcetype/: "created by a model that was trained on samples"
AI_GENERATED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"

_PACKET = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
 xmlns:fyp="https://arxiv.org/abs/2304.01186/settings/">
<Iptc4xmpExt:DigitalSourceType>{source_type}</Iptc4xmpExt:DigitalSourceType>
<fyp:Settings>{settings}</fyp:Settings>
</rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end="r"?>"""
_LONGEST_PACKET = 1_000_000  # bytes; what JSON holds takes up to thirty times as much memory
_PACKET_START, _PACKET_END = b"<?xpacket begin=", b"<?xpacket end="
_SETTINGS = re.compile(r"<fyp:Settings>(.*?)</fyp:Settings>", re.DOTALL)

_XMP_BOX = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")  # XMP specification part 3, section 1.2.7.3
_GIF_TRAILER = b"\x3b"
# Part 3, section 1.1.2: readers that skip the block by its lengths reach the terminator wherever they start.
_GIF_BLOCK = b"\x21\xff\x0bXMP DataXMP"
_GIF_LANDING = b"\x01" + bytes(range(255, -1, -1)) + b"\x00"


def add_settings(path: str | os.PathLike[str], settings: dict[str, Any]) -> None:
    """Mark a finished MP4 or GIF as AI-generated and store the settings (JSON values) that made it."""
    packet = _PACKET.format(source_type=AI_GENERATED, settings=escape(json.dumps(settings))).encode()
    with Path(path).open("r+b") as file:
        if Path(path).suffix.lower() == ".gif":
            file.seek(-len(_GIF_TRAILER), os.SEEK_END)
            file.write(_GIF_BLOCK + packet + _GIF_LANDING + _GIF_TRAILER)
        else:
            file.seek(0, os.SEEK_END)
            size = struct.pack(">I", 8 + len(_XMP_BOX) + len(packet))
            file.write(size + b"uuid" + _XMP_BOX + packet)


def read_settings(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The settings a video was made with.

    Raises:
        InputError: there is no such file, or no settings in it.
    """
    try:
        with Path(path).open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            start = content.rfind(_PACKET_START)
            end = content.find(_PACKET_END, start, start + _LONGEST_PACKET)
            packet = content[start:end] if start >= 0 and end >= 0 else b""
    except FileNotFoundError as error:
        raise InputError(f"There is no file {path}; check the path.") from error
    except (OSError, ValueError) as error:  # ValueError: an empty file cannot be mapped
        raise InputError(f"{path} cannot be read; name a video this program has written.") from error
    stored = _SETTINGS.search(packet.decode("utf-8", "replace"))
    try:
        settings = json.loads(unescape(stored[1])) if stored else None
    except (json.JSONDecodeError, RecursionError):
        settings = None
    if not isinstance(settings, dict):
        raise InputError(f"{path} does not say how it was made; name a video this program has written.")
    return settings
