"""Put before scripts/prepare_table.py in a test's copy: what its jobs do depends on the study that they are for."""

import os
import time
from pathlib import Path

STUDY = snakemake.wildcards.study  # noqa: F821
STARTED = Path(f"started/{STUDY}")
FIRST = not STARTED.exists()
STARTED.parent.mkdir(exist_ok=True)
with STARTED.open("a") as jobs:
    jobs.write(os.environ["SLURM_JOB_ID"] + "\n")
if STUDY == "too_large":  # every attempt needs as much
    BALLAST = b"x" * 1000 * 2**20
    time.sleep(8)
elif STUDY == "outlives_slurmd":
    while not Path("slurmd_is_back").exists():
        time.sleep(0.2)
elif FIRST and STUDY in {"cancelled", "too_long"}:
    time.sleep(3600)
