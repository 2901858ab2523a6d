"""One version everywhere."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from installer.linux.deb import METAINFO
from installer.sources import CHANGELOG, ROOT, released_at, version
from sharpcam import __version__


def test_every_changelog_has_this_version_and_the_same_day(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    assert version() == __version__
    day = datetime.fromtimestamp(released_at(), UTC).date().isoformat()
    assert CHANGELOG.read_text().startswith(f"sharpcam ({version()}) ")
    assert f'<release version="{version()}" date="{day}"/>' in METAINFO.read_text()
    entries = re.findall(r"^## \[(.+)\] - (.+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert entries[0] == (version(), day)
