from __future__ import annotations
import time, os, sys
from pathlib import Path
import cv2
import numpy as np
from sharpcam.system.v4l2loopback import LoopbackCamera
def hello():
    return dict(up=Path('/proc/uptime').read_text(), k=os.uname().release)
