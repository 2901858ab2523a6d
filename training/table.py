"""The evaluation for people: tables and a contact sheet."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from rich.console import Console
from rich.table import Table

from training.baselines import Picture

Results = dict[str, dict[str, dict[str, float]]]
"""Bucket, row, figure."""
TILE = 192


def middle(y: Picture, size: int) -> Picture:
    """The square in the middle."""
    top, left = ((side - size) // 2 // 8 * 8 for side in y.shape)
    return np.ascontiguousarray(y[top : top + size, left : left + size])


def way_of(row: str) -> str:
    """The program of a row: what stands before the comma."""
    return row.split(",")[0]


def print_tables(results: Results, times: dict[str, dict[str, float]]) -> None:
    """A row per way of sharpening, a column per bucket."""
    console = Console(width=max(190, Console().width))
    table = Table(title="PSNR-Y gain in dB / SSIM-Y (clean: PSNR between output and input)")
    table.add_column("")
    for bucket in results:
        table.add_column(bucket, justify="right")
    for threads in times:
        table.add_column(f"ms, {threads} thr.", justify="right")
    perceptual = Table(title="LPIPS (lower is better) / MS-SSIM, over some of the pictures")
    perceptual.add_column("")
    for bucket in results:
        perceptual.add_column(bucket, justify="right")
    for row in next(iter(results.values())):
        cells, more = [], []
        for bucket, figures in results.items():
            absolute = bucket == "clean" or row == "identity"
            shown = figures[row]["psnr" if absolute else "gain"]
            cells.append(f"{shown:{'' if absolute else '+'}.2f} / {figures[row]['ssim']:.3f}")
            if "lpips" in figures[row]:
                more.append(f"{figures[row]['lpips']:.3f} / {figures[row]['ms_ssim']:.3f}")
        spent = [by_way.get(way_of(row)) for by_way in times.values()]
        table.add_row(row, *cells, *("" if ms is None else f"{ms:.1f}" for ms in spent))
        if more:
            perceptual.add_row(row, *more)
    console.print(table)
    if perceptual.row_count:
        console.print(perceptual)


def contact_sheet(
    sheets: dict[str, dict[str, list[Picture]]], columns: list[str], path: Path
) -> None:
    """A row per bucket, a column per way; a piece of one picture, doubled."""
    rows = []
    for name, outputs in sheets.items():
        tiles = []
        for column in columns:
            pictures = outputs[column]
            tile = middle(pictures[len(pictures) // 2], TILE)
            tile = cv2.resize(tile, None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST)
            label = f"{name}: {column}" if column == "identity" else column
            cv2.rectangle(tile, (0, 0), (2 * TILE, 22), 0, -1)
            cv2.putText(tile, label, (4, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.5, 255, 1, cv2.LINE_AA)
            tiles.append(tile)
        rows.append(np.hstack(tiles))
    coded = cv2.imencode(path.suffix or ".png", np.vstack(rows))[1]
    path.write_bytes(coded.tobytes())
