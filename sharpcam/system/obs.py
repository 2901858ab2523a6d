"""The virtual camera of OBS Studio on Windows: who feeds it, since only one program can."""

from __future__ import annotations

import csv
import struct
from enum import Enum

from sharpcam.system.commands import Runner
from sharpcam.system.named_objects import NamedObjects

OBS_CLASS_ID = r"CLSID\{A3FCE0F5-3493-419F-958A-ABA1250EC20B}"
QUEUE = "OBSVirtualCamVideo"
PROGRAMS = ("obs64.exe", "obs32.exe", "Streamlabs OBS.exe")

_HEAD = struct.Struct("<3I")  # indices of the writer and of the readers, state


class Queue(Enum):
    """The shared memory that the pictures go through."""

    FREE = 0
    STARTING = 1
    FED = 2
    LEFT = 3
    """The writer has gone; a program that still shows the camera keeps it from being made anew."""
    UNKNOWN = -1


def queue(objects: NamedObjects) -> Queue:
    head = objects.shared_memory(QUEUE, _HEAD.size)
    if head is None:
        return Queue.FREE
    try:
        return Queue(_HEAD.unpack(head)[2] or -1)
    except (struct.error, ValueError):
        return Queue.UNKNOWN


def holder(objects: NamedObjects, run: Runner) -> str:
    """Who keeps the camera from being fed by us, and what to do; empty where nobody does."""
    state = queue(objects)
    if state is Queue.FREE:
        return ""
    if state is Queue.LEFT:
        return "a program still shows its last picture: close that, or stop its video"
    for program in PROGRAMS:
        if number := _process(program, run):
            return f"{program} (process {number}) feeds it: choose Stop Virtual Camera there"
    return "another program feeds it: end that"


def _process(program: str, run: Runner) -> str:
    answer = run("tasklist", "/FI", f"IMAGENAME eq {program}", "/FO", "CSV", "/NH")
    for row in csv.reader((answer.text if answer else "").splitlines()):
        if len(row) > 1 and row[0].lower() == program.lower():
            return row[1]
    return ""
