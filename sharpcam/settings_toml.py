"""Settings as TOML: read with patience, written with care.

Writing keeps the person's comments, order and unknown keys, and never loses what we do not
understand: it is copied to `settings.toml.bak` before anything of it is overwritten.
"""

from __future__ import annotations

import logging
import os
import shutil
import stat
import tomllib
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

from sharpcam.atomic import make_folder, replacing
from sharpcam.errors import SharpCamError
from sharpcam.setting_kinds import Plain
from sharpcam.settings import ENTRIES, Settings, help_of, kind_of

log = logging.getLogger(__name__)

LARGEST_BYTES = 256 * 1024
"""No settings file is that large; something else is not read into memory."""
HEADER = "SharpCam's settings. `sharpcam set` lists all of them; changes here are taken over live."


def read(path: Path) -> dict[str, Any] | None:
    """What the file holds; None where there is no file.

    Raises:
        SharpCamError: it cannot be read, or is no TOML.
    """
    try:
        if path.exists() and not stat.S_ISREG(path.stat().st_mode):
            raise SharpCamError(f"{path} is no ordinary file", "remove it")
        with path.open("rb") as file:
            data = file.read(LARGEST_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SharpCamError(
            f"cannot read {path}: {error.strerror or error}", "check whose file it is"
        ) from error
    if len(data) > LARGEST_BYTES:
        raise SharpCamError(f"{path} is too large for settings", "remove it")
    try:
        return tomllib.loads(data.decode("utf-8-sig"))  # editors on Windows begin with a mark
    except (ValueError, RecursionError) as error:
        raise SharpCamError(f"{path} is no TOML: {error}", "mend or remove it") from error


def write(path: Path, settings: Settings, keys: Collection[str]) -> Settings:
    """Change these keys in the file to what the settings say; all of them where there is no file
    or a broken one.

    Returns:
        What the file means then: it may hold other values for other keys.

    Raises:
        SharpCamError: the file cannot be written.
    """
    path = Path(os.path.realpath(path))  # a link into somebody's dotfiles stays a link
    try:
        content = read(path)
        broken = False
    except SharpCamError:
        content, broken = None, True
    if content is None:
        _replace(path, _fresh(settings), back_up=broken)
        return settings
    held = Settings.from_plain(content)[0]
    changes = {key: getattr(settings, key) for key in keys}
    changes = {key: value for key, value in changes.items() if value != getattr(held, key)}
    if not changes:
        return held
    wanted = replace(held, **changes)
    text = _edited(path, changes, wanted)
    overwrites = [
        key
        for key in changes
        if key in content and not kind_of(ENTRIES[key]).allows(_value(key, content))
    ]
    if text is None:
        wanted = settings
    _replace(path, text or _fresh(settings), back_up=bool(overwrites) or text is None)
    return wanted


def _value(key: str, content: dict[str, Any]) -> Any:
    return kind_of(ENTRIES[key]).from_plain(content[key])


def _edited(path: Path, changes: dict[str, Any], wanted: Settings) -> str | None:
    """The file's text with these keys changed or added; None where that does not work out."""
    import tomlkit  # takes longer to load than the rest of `sharpcam set` together
    from tomlkit.exceptions import TOMLKitError

    try:
        document = tomlkit.parse(path.read_text(encoding="utf-8-sig"))
        for key, value in changes.items():
            plain = kind_of(ENTRIES[key]).to_plain(value)
            document[key] = plain if key in document else _explained(key, plain)
        text = tomlkit.dumps(document)
        means = Settings.from_plain(tomllib.loads(text))[0]
    except (TOMLKitError, OSError, ValueError, TypeError, AttributeError, RecursionError):
        log.debug("cannot edit %s", path, exc_info=True)
        return None
    return text if means == wanted else None


def _fresh(settings: Settings) -> str:
    """A new file with what differs from the defaults."""
    import tomlkit

    document = tomlkit.document()
    document.add(tomlkit.comment(HEADER))
    for key, plain in settings.as_plain().items():
        if getattr(settings, key) != ENTRIES[key].default:
            document[key] = _explained(key, plain)
    return tomlkit.dumps(document)


def _explained(key: str, plain: Plain) -> Any:
    """A value with what the setting does behind it, for tomlkit."""
    import tomlkit

    return tomlkit.item(plain).comment(help_of(ENTRIES[key]))


def _replace(path: Path, text: str, *, back_up: bool) -> None:
    if back_up:
        _back_up(path)
    make_folder(path.parent, 0o700)
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8", newline="\n")


def _back_up(path: Path) -> None:
    """Keep what we do not understand.

    Raises:
        SharpCamError: it cannot be copied; then it must not be overwritten either.
    """
    copy = path.with_name(path.name + ".bak")
    try:
        if path.is_file():
            with replacing(copy) as partial:
                shutil.copyfile(path, partial)
            log.warning("%s has faults: it is kept as %s", path, copy.name)
    except OSError as error:
        raise SharpCamError(
            f"cannot keep a copy of {path}: {error.strerror or error}", "check the free space"
        ) from error
