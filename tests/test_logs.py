"""The log of requests: whole lines, also after the file was rotated, and never in anybody's way."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.building import until

from kg.logs import open_log


def test_without_a_target_there_is_no_log() -> None:
    assert open_log("") is None


def test_lines_are_written_in_order_and_a_rotated_file_is_made_anew(tmp_path: Path) -> None:
    log = open_log(str(tmp_path / "log"))
    assert log is not None
    for number in range(100):
        log(f"line {number}")
    whole = "".join(f"line {number}\n" for number in range(100))
    assert until(lambda: (tmp_path / "log").exists() and (tmp_path / "log").read_text("utf-8") == whole)
    (tmp_path / "log").rename(tmp_path / "log.1")
    log("after")
    assert until(lambda: (tmp_path / "log").exists() and (tmp_path / "log").read_text("utf-8") == "after\n")
    assert (tmp_path / "log.1").read_text("utf-8") == whole


def test_a_folder_that_is_missing_delays_nobody_and_what_is_lost_is_told(tmp_path: Path) -> None:
    log = open_log(str(tmp_path / "later" / "log"))
    assert log is not None
    log("lost")
    (tmp_path / "later").mkdir()

    def is_told() -> bool:
        log("found")
        path = tmp_path / "later" / "log"
        return path.exists() and "found" in path.read_text("utf-8")

    assert until(is_told)
    text = (tmp_path / "later" / "log").read_text("utf-8")
    if "lost" not in text:
        assert '{"missing": ' in text


def test_dash_is_standard_error(capfd: pytest.CaptureFixture[str]) -> None:
    log = open_log("-")
    assert log is not None
    log("to be seen")
    told: list[str] = []
    assert until(lambda: told.append(capfd.readouterr().err) or "to be seen\n" in "".join(told))
