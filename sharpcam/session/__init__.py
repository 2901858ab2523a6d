"""The user's session on this system: start at login, sleep and wake, power, the control channel.

Platform-specific like `system`, and apart from it because that one lists devices: a command that
only talks to the running program must not load OpenCV and numpy for it.
"""
