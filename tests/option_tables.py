"""Tables of the studies in which every option is set: a workbook as people write it, and one with rules on designs."""

from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd


def write_workbook(path: Path, table: pd.DataFrame) -> None:
    """Write a sheet as people do: a title, names and units in two lines, merged cells, means below, another sheet."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Runs"
    rows = table.sort_values("T (°C)", kind="stable")[["T (°C)", "salt", "life", "cost"]]
    sheet.append(["Oven 2"])
    sheet.append(["T", "salt", "life", "cost"])
    sheet.append(["°C", "%", "-", "-"])
    last = None
    for temperature, *others in rows.itertuples(index=False, name=None):
        sheet.append([temperature if temperature != last else None, *(None if cell == "" else cell for cell in others)])
        last = temperature
    sheet.append(["Mean", None, 12.3, 4.5])
    book.create_sheet("Notes").append(["nothing of note"])
    book.save(path)


def write_rules_table(path: Path, rng: np.random.Generator) -> None:
    """Write the table of the study with rules; what does not apply is empty, 0 or said to be nothing."""
    n = 20
    shares = rng.permuted(np.tile([30, 70, 0], (n, 1)), axis=1)
    additive = rng.choice(["none", "fec", "vc"], n)
    dried, n_p = rng.random(n) < 0.6, rng.uniform(0.8, 1.3, n).round(3)
    table = pd.DataFrame(shares, columns=["ec", "emc", "dmc"]).assign(
        additive=additive,
        amount=[rng.choice(["", "0", "-", "n/a"]) if name == "none" else rng.integers(2, 4) / 1 for name in additive],
        drying_c=[int(rng.integers(6, 13) * 10) if done else "" for done in dried],
        drying_h=[int(rng.integers(2, 13)) if done else "" for done in dried],
        current=10 ** rng.uniform(-3, 0, n).round(2),
        purity=rng.choice(["low", "medium", "high"], n),
        n_li=(1.05 * n_p).round(3),
        n_p=n_p,
        oven=np.repeat([740, 780, 820, 840], 5),
    )
    life = 10 + 0.05 * table["ec"] + (additive == "vc") + dried + rng.normal(size=n) / 5
    table.assign(life=life.round(3)).to_csv(path, index=False)
