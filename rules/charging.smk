"""Charges over time, and the campaign's winner on the reference model.

Takes   <results>/{study}/table.parquet, campaign/suggestions.csv
Makes   <results>/{study}/charging/
"""

from batterymi.config.slices.charging import ReplaySettings


rule replay_protocols:
    """Replay every protocol with its trace, and the winner on the reference model."""
    input:
        table="<results>/{study}/table.parquet",
        suggestions="<results>/{study}/campaign/suggestions.csv",
        benchmark="<results>/{study}/campaign/benchmark.json",
        code=code("replay_protocols.py"),
    output:
        traces="<results>/{study}/charging/traces.parquet",
        replay="<results>/{study}/charging/replay.json",
    log:
        "<logs>/replay_protocols/{study}.log",
    benchmark:
        "<benchmarks>/replay_protocols/{study}.tsv"
    priority: 3
    threads: 2
    params:
        settings=slice_of(ReplaySettings),
    script:
        "../scripts/replay_protocols.py"
