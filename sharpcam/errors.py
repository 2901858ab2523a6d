"""The one error that a person can act on.

Everything else is either weather (a `State`, see `status.py`) or a bug, which shows its traceback.
"""


class SharpCamError(Exception):
    """Something the user can mend: one line of what is wrong, one line of what to do.

    `cli.py` prints both without a traceback and exits with 1.
    """

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
