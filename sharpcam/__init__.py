"""SharpCam: makes a soft webcam look sharp in any video call.

This package is the runtime. It never imports torch at import time; training lives in `training/`.
"""

__version__ = "0.1.0"
