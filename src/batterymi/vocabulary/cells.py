"""Names of the declared cells, whose parameters are in `batterymi.charging.cells`."""

CELLS: dict[str, str] = {
    "power_cell": "LG M50 made into a power cell: half as thick electrodes, smaller particles, better cooling",
    "Marquis2019": "Kokam SLPB78205130H pouch cell (graphite / LCO, 0.68 Ah)",
    "Chen2020": "LG M50 (graphite-SiOx / NMC 811, 5 Ah)",
    "Ai2020": "Enertech pouch cell (graphite / LCO, 2.28 Ah)",
    "OKane2022": "LG M50 with properties that depend on temperature",
}
