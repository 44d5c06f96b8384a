"""Write small files in the formats of the data sets; every row is made up, so that nobody takes one for a measurement.

    python tests/samples/make_samples.py                  all of them; workbooks hold the time, and so change each time
    python tests/samples/make_samples.py make_barriers    some of them

Faults that the loaders tell are planted: an unknown element, a bound, a text for a number, a policy that is none.
"""

import csv
import gzip
import json
import sys
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
Row = Sequence[Any]
OBELIX = (
    *("ID", "Reduced Composition", "Z", "True Composition", "Ionic conductivity (S cm-1)", "IC (Total)", "IC (Bulk)"),
    *("Space group", "Space group #", "a", "b", "c", "alpha", "beta", "gamma", "Family", "DOI", "Checked", "Ref"),
    *("Cif ID", "Cif ref_1", "Cif ref_2", "note", "close match", "close match DOI", "ICSD ID", "Laskowski ID"),
    "Liion ID",
)
ADSORPTION = (
    *("CF", "Ad", "Ead", "LR", "Nmx", "Rm", "Rx", "Lmx", "In", "PF", "Pm", "Vm", "Px", "Vx", "Pmx", "Ef", "Eg", "TM"),
)
ADSORBATES = {"S8": 0.0, "Li2S8": 0.2, "Li2S6": 0.25, "Li2S4": 0.333, "Li2S2": 0.5}
# number of metals per non-metal, radii, electronegativities and valence electrons, roughly
COMPOUNDS = {
    "TiO2": (0.5, 176, 48, 1.54, 4, 3.44, 6),
    "MoS2": (0.5, 190, 88, 2.16, 6, 2.58, 6),
    "TiN": (1, 176, 56, 1.54, 4, 3.04, 5),
    "CoS2": (0.5, 152, 88, 1.88, 9, 2.58, 6),
    "VN": (1, 171, 56, 1.63, 5, 3.04, 5),
    "Fe2O3": (0.667, 156, 48, 1.83, 8, 3.44, 6),
    "NiS": (1, 149, 88, 1.91, 10, 2.58, 6),
    "MnO": (1, 161, 48, 1.55, 7, 3.44, 6),
}


def write_csv(name: str, rows: Iterable[Row], encoding: str = "utf-8") -> None:
    """Write a CSV file of a data set."""
    path = HERE / name
    path.parent.mkdir(exist_ok=True)
    with path.open("w", newline="", encoding=encoding) as stream:
        csv.writer(stream, lineterminator="\n").writerows(rows)


def make_obelix(chance: np.random.Generator) -> None:
    """Two parts of a split; the papers of one are not in the other."""
    metals, anions = ("P", "Ge", "Sn", "La", "Zr", "Al"), ("S", "O", "Cl", "Br")
    rows = []
    for number in range(52):
        metal, anion = metals[number % 6], anions[number // 6 % 4]
        lithium, others = 1 + number % 7, 3 + number % 5
        side = round(5 + 6 * chance.random(), 3)
        value = "<1E-10" if number % 17 == 5 else f"{10 ** (-3 - 5 * chance.random()):.3e}"
        formula = f"Li{lithium}{metal}1{anion}{others}"
        full = "".join(f"{part}.0" for part in (f"Li{2 * lithium}", f"{metal}2", f"{anion}{2 * others}"))
        part = {"ID": f"made-up-{number}", "Reduced Composition": formula, "Z": 2, "True Composition": full}
        part |= {
            "Ionic conductivity (S cm-1)": value,
            "Space group": "F m -3 m",
            "Space group #": (225, 62, 14)[number % 3],
        }
        part |= {"a": side, "b": side, "c": round(side * 1.1, 3), "alpha": 90, "beta": 90, "gamma": 90}
        part |= {"Family": f"made up {number % 4}", "DOI": f"10.0000/made-up-{number // 3}", "note": "made up"}
        rows.append(part)
    rows[7]["True Composition"] = "Li1.0Xx1.0"
    rows[11]["Ionic conductivity (S cm-1)"] = "unknown"
    for name, chosen in (("train", rows[:42]), ("test", rows[42:])):
        write_csv(f"obelix/{name}.csv", [OBELIX, *([one.get(key, "") for key in OBELIX] for one in chosen)])


def make_structures() -> None:
    """Structures of five of its compounds, partly occupied, and one with a label that is no element."""
    named = ("label", "type_symbol", "fract_x", "fract_y", "fract_z", "occupancy")
    columns = [f"_atom_site_{name}" for name in named]
    with zipfile.ZipFile(HERE / "obelix" / "all_cifs.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(6):
            edges = {"length_a": 6, "length_b": 6, "length_c": 6.6}
            cell = [f"_cell_{name} {value}" for name, value in edges.items()]
            cell += [f"_cell_angle_{name} 90" for name in ("alpha", "beta", "gamma")]
            sites = [f"Li1 Li 0 0 0 {0.3 + number / 10:.1f}", "O1 O 0.5 0.5 0.5 1", "P1 P 0.5 0.5 0.1 1"]
            sites[2] = sites[2].replace("P1 P", "X1 X") if number == 4 else sites[2]
            lines = [f"data_{number}", "_symmetry_space_group_name_H-M 'P 1'", *cell, "loop_", *columns, *sites]
            # without a date, so that the bytes are the same on every run
            entry = zipfile.ZipInfo(f"made_up/made-up-{number}.cif")
            archive.writestr(entry, "\n".join(lines) + "\n")


def make_conductivities(chance: np.random.Generator) -> None:
    """Six materials at one to six temperatures, each on a line of Arrhenius, and three faults."""
    rows: list[list[Any]] = []
    for number, formula in enumerate(("LiP9", '"(Li9S)75 (P9S)25"', "Li9Zr9O9", " Li9Ge9O", "LiB9O", "LiCl9")):
        for step in range(1 + number):
            celsius = 25 + 30 * step
            logarithm = round(2 - (1000 + 200 * number) / (celsius + 273.15) + chance.random() / 50, 4)
            paper = f"10.0000/Made-Up-{number}" if number else "Made up, Annals of Nothing 1, 2 (1999)"
            rows.append([len(rows) + 1, formula, paper, celsius, f"{10**logarithm:.4e}", logarithm, "made up", "#N/A"])
    rows[4][1], rows[8][3], rows[12][4] = "Li2Xx3", "warm", "-1"
    header = ["ID", "composition", "source", "temperature", "target", "log_target", "family", "ChemicalFamily"]
    write_csv("liion_database/LiIonDatabase.csv", [header, *rows], "utf-8-sig")


def make_adsorption(chance: np.random.Generator) -> None:
    """A collected table and candidates, each under two rows of long names."""
    table, candidates = [], []
    for number, (formula, about) in enumerate(COMPOUNDS.items()):
        ratio, metal_radius, other_radius, metal_pull, metal_valence, pull, valence = about
        solid = [1.9 + chance.random(), 1 + number % 3, 0.3 + chance.random() / 5]
        electrons = [metal_pull, metal_valence, pull, valence, metal_pull / pull, *(3 * chance.random(2)), number % 2]
        described = [round(float(one), 4) for one in (ratio, metal_radius, other_radius, *solid, *electrons)]
        for adsorbate, lithium in ADSORBATES.items():
            energy = round(1 + 2 * lithium + about[0] + chance.random() / 2, 3)
            table.append([formula, adsorbate, energy, lithium, *described, f"made up, paper {number // 2}"])
        candidates.append([f"made-up-{number}", formula, "Li2S2", 0.5, *described])
    table[3][1] = "Li2S1"
    candidates[5][-2] = "unknown"
    names, long = [*ADSORPTION, ""], ["made up"] * 19
    write_book("lis_adsorption/original_dataset.xlsx", {"Sheet": [long, long, names, *table]})
    names = ["Mat", *(name for name in ADSORPTION if name != "Ead")]
    write_book("lis_adsorption/original_validation.xlsx", {"Sheet": [long[:18], long[:18], names, *candidates]})


def write_book(name: str, sheets: Mapping[str, Sequence[Row]]) -> None:
    """Write a workbook."""
    import openpyxl

    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append([None if cell == "" else cell for cell in row])
    (HERE / name).parent.mkdir(exist_ok=True)
    book.save(HERE / name)


def make_cells(chance: np.random.Generator) -> None:
    """Cells of three parts, two or three for each charging policy, and the lists of their lives."""
    rows: list[list[Any]] = []
    for number in range(36):
        policy = number // 2 % 14
        first, switch, second = 3.6 + 0.3 * policy, 10 + 5 * policy, 6 - 0.2 * policy
        part = ("Train", "Prim. Test", "Sec. test")[number % 3]
        date = ("5/12/17", "6/30/17", "4/12/18")[number // 12]
        life = int(400 + 1500 * chance.random())
        rows.append([f"MADEUP{number:02}", part, date, life, f"{first:.4g}C({switch}%)-{second:.4g}C"])
    rows[9][-1] = "secret"
    header = ["Cell barcode", "Dataset", "Batch date", "Cycle life", "Charging policy"]
    write_csv("severson_cycle_life/severson_et_al_SI_table9.csv", [header, *rows], "utf-8-sig")
    for part, name in (("Train", "train"), ("Prim. Test", "test1"), ("Sec. test", "test2")):
        lives = [[row[3]] for row in rows if row[1] == part]
        write_csv(f"severson_cycle_life/{name}_cycle_lives.csv", lives)


def make_electrodes(chance: np.random.Generator) -> None:
    """Pairs of formulas for every working ion, and for Li those of seven systems of Ni, Co and Mn."""
    pairs = []
    for metals in (("Co",), ("Ni",), ("Mn",), ("Co", "Ni"), ("Co", "Mn"), ("Mn", "Ni"), ("Co", "Mn", "Ni")):
        for number in range(1, 6):
            host = "".join(f"{metal}{number + place}" for place, metal in enumerate(metals))
            oxygen = 2 * sum(number + place for place in range(len(metals)))
            pairs += [(f"{host}O{oxygen}", f"Li{number}{host}O{oxygen}", "Li")]
    for metal in ("Fe", "Mn", "V", "Co", "Ni", "Ti", "Cr"):
        for host in (f"{metal}O2", f"{metal}PO4", f"{metal}S2", f"{metal}2O5", f"{metal}3(PO4)2"):
            pairs += [(host, f"Na{host}", "Na")]
    for ion in ("K", "Rb", "Cs", "Mg", "Ca", "Zn", "Al", "Y", "Li"):
        for host in ("FeO2", "Mn2O4", "VPO4", "TiS2"):
            pairs += [(host, f"{ion}{host}", ion)]
    # hosts that have both ions
    pairs += [(host, f"Li{host}", "Li") for host in ("VO2", "CrO2", "TiO2", "FePO4", "MnPO4", "CoS2")]
    rows = [
        [charged, f"made-up-{n}", full, f"made-up-{n}", round(1 + 3 * chance.random(), 4), f"made-up-{n}_{ion}"]
        for n, (charged, full, ion) in enumerate(pairs)
    ]
    rows[2][0] = "CoO?"
    rows[4][4] = -30
    rows[40][2] = rows[40][0]
    header = ["high_formula", "high_mpid", "low_formula", "low_mpid", "avg_voltage", "battery_id"]
    write_csv("mp_electrodes/electrodes.csv", [header, *rows])


def make_compositions(chance: np.random.Generator) -> None:
    """Formation energies, distances from the hull and gaps by formula; some are not known, and some lack lithium."""
    formulas = [
        f"Li{n % 5 + 1}{metal}1{anion}{n % 3 + 2}"
        for n, (metal, anion) in enumerate(
            (metal, anion) for metal in ("P", "Al", "Zr", "Fe", "Na") for anion in ("O", "S", "Cl", "F")
        )
    ]
    formulas += ["Na1Cl1", "Be1O1"]
    energies = {
        "CritExam__Ed": (formulas[::2], -0.1, 0.2),
        "CritExam__Ef": (formulas, -3.0, 2.0),
        "mp_e_hull": (formulas[1:], 0.0, 0.15),
    }
    header = ["formula", "target"]
    for kind, (chosen, low, width) in energies.items():
        rows = [[formula, round(low + width * chance.random(), 5)] for formula in chosen]
        for place, part in enumerate(("train", "val", "test")):
            write_csv(f"mp_compositions/{kind}_{part}.csv", [header, *rows[place::3]])
    gaps = [[formula, round(6 * chance.random(), 4)] for formula in (*formulas[:18], *formulas[:4])]
    write_csv("mp_compositions/matbench_mp_gap.csv", [header, *gaps])
    write_csv("mp_compositions/matbench_mp_e_form.csv", [header, *([formula, -1.5] for formula in formulas[:6])])


def make_barriers(chance: np.random.Generator) -> None:
    """Paths of ions through cells of a few atoms, three of which are none, and tables of what others predict."""
    ions, hosts = ("Li", "Na", "Mg"), (("Mn", "O"), ("Fe", "O"), ("Ti", "S"), ("V", "F"), ("Co", "Se"))
    records: list[dict[str, Any]] = []
    for number in range(20):
        ion, host, side = ions[number % 3], hosts[number % 5], 5 + number % 4
        start, step = 0.05 * (number % 3), 0.1 + 0.02 * (number % 2)
        images = [[round(start + step * image, 4), 0, 0] for image in range(5)]
        places = [[0.25, 0.3, 0.1], [0.25, 0.7, 0.5], [0.2, 0.3, 0.6], [0.7, 0.25, 0.15], [0.75, 0.75, 0.5]]
        elements = [ion] * 5 + [host[1]] * 3 + [host[0], ion]
        cell = [[side, 0, 0], [0, side, 0], [0, 0, side]]
        atoms = {"lattice_mat": cell, "coords": images + places, "elements": elements, "abc": [side] * 3}
        atoms |= {"angles": [90] * 3, "cartesian": False, "props": [""] * 10}
        barrier = round(0.2 + 2 * step + 0.1 * (number % 5) + chance.random() / 20, 3)
        name = f"{ion}{host[0]}{host[1]}2" + (f"_{number // 15 + 1}" if number % 15 < 5 else "")
        records.append({"class": "MADE UP", "sys_name": name, "target": barrier, "formula": "made up", "jid": number})
        records[-1]["atoms"] = atoms
    records[3]["target"], records[7]["atoms"]["elements"][2] = 0, "Fe"
    records[11]["atoms"]["coords"][1][1] = 0.1
    for part, chosen in (("TRAIN", records[:15]), ("TEST", records[15:])):
        path = HERE / f"migration_barriers/RAW-Em-5-images-{part}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(chosen, separators=(",", ":")) + "\n", encoding="utf-8")
    others = [round(record["target"] * 1.5, 3) for record in records]
    table = [
        ["MADE UP", "", "GGA", "", "", "", one["sys_name"], one["target"], other, 9]
        for one, other in zip(records, others, strict=True)
    ]
    table[2][8] = ""
    first = ["CLASS", "COMPOSITION", "XC", "CRYSTAL SYSTEM", "SPACE GROUP", "PATH INFO", "sys_name"]
    first += ["MIGRATION BARRIER(eV)", "MACE-RELAX", "MACE-NO-RELAX"]
    test = [[one["jid"], "", "", one["sys_name"], one["target"], one["target"] + 0.1, 0.1] for one in records[15:]]
    second = ["jid", "FORMULA", "CLASS", "SYS_NAME", "TARGET", "PREDICTION", "ERROR"]
    sheets = {"COMPLETE-TABUATION": [first, *table], "TEST-PREDICTIONS-BEST-MODEL": [second, *test]}
    write_book("migration_barriers/TABULATION-GIT-HUB.xlsx", sheets)


def make_scores(chance: np.random.Generator) -> None:
    """Scores of compositions with lithium, one of them no score and one no formula."""
    rows = [
        [
            f"Li{n % 4 + 1}{['P', 'Al', 'Zr', 'Fe'][n % 4]}{['O', 'S', 'Cl'][n % 3]}{n % 5 + 2}",
            round(chance.random(), 6),
        ]
        for n in range(24)
    ]
    rows[4][1], rows[9][0] = 1.5, "Li2Xx"
    empty = [""] * 6
    write_csv("ionnet/Li-IonML-Computations.csv", [["formula", "SIC", *empty], *([*row, *empty] for row in rows)])


def make_graphs(chance: np.random.Generator) -> None:
    """Rings of atoms with the compositions of the first Li electrodes; bonds of metals are the longer the later."""
    numbers = {"Li": 3, "Co": 27, "Ni": 28, "Mn": 25, "O": 8}
    ids, atoms, edges, distances = [], [], [], []
    for n, (metal, count) in enumerate((metal, count) for metal in ("Co", "Ni", "Mn") for count in range(1, 6)):
        ring = [number for _ in range(count) for number in (numbers["Li"], 8, numbers[metal], 8)]
        ids.append(f"made-up-{n}")
        atoms.append(ring)
        places = np.arange(len(ring))
        pairs = np.stack([places, np.roll(places, -1)], axis=1)
        edges.append(np.concatenate([pairs, pairs[:, ::-1]]))
        distances.append(np.tile(2 + 0.02 * n + 0.1 * chance.random(len(ring)), 2))
    arrays = {
        "material_id": np.array(ids, dtype="<U10"),
        "n_atoms": np.array([len(ring) for ring in atoms], dtype=np.int16),
        "n_edges": np.array([len(pairs) for pairs in edges], dtype=np.int32),
        "z": np.concatenate(atoms).astype(np.uint8),
        "position_a": np.zeros((sum(map(len, atoms)), 3), dtype=np.float32),
        "edges": np.concatenate(edges).astype(np.uint8),
        "distance_a": np.concatenate(distances).astype(np.float32),
    }
    path = HERE / "mp_li_electrode_graphs/li_electrode_graphs.npz"
    path.parent.mkdir(exist_ok=True)
    np.savez_compressed(path, allow_pickle=False, **arrays)


def make_nasicons(chance: np.random.Generator) -> None:
    """Distances from the hull by composition, one far beyond any and one that is no number."""
    header = ["CompName", "NewEhullLst", "EWaldSumLst", "EFormLst", "RDiffLst", "RDiffStdLst", "RDiffNaLst"]
    header += ["EleNegStdLst", "XDiffLst", "AnionXStdLst", "XWithNaLst", "ChgDiffLst", "ChgStdLst", "AnionChgStdLst"]
    header += ["NNaLst", "RRatioNaLst"]
    metals = ("Zr", "Ti", "Hf", "Sn", "Ge", "Sc", "Y", "In", "Al")
    formulas = [f"Na{na}{one}{other}(PO4)3" for na, one in enumerate(metals) for other in metals if other != one]
    rows = [
        [formula, round(10 * (n // 8) - 20 + 30 * chance.random(), 3), *([0.0] * 12), n // 8, 0.5]
        for n, formula in enumerate(formulas)
    ]
    rows[3][1], rows[5][1] = 7000.0, "none"
    for name, part in (("train", rows[:58]), ("test", rows[58:])):
        write_csv(f"nasicon_ehull/{name}.csv", [header, *part])


def make_crystals(chance: np.random.Generator) -> None:
    """Rock salt of several compounds, whose ids are those of made-up electrodes; one text is no crystal."""
    columns = {"mpts_52": ["theoretical", "energy_above_hull", "formation_energy_per_atom", "year", "cif"]}
    columns["mp_20_biternary"] = ["formation_energy_per_atom", "band_gap", "pretty_formula", "e_above_hull", "elements"]
    columns["mp_20_biternary"] += ["cif", "spacegroup.number"]
    columns["raw_mp20"] = columns["mp_20_biternary"]
    rows = []
    for n, (metal, anion) in enumerate((m, a) for m in ("Co", "Ni", "Mn", "Fe", "V") for a in ("O", "S")):
        text = "data_made_up\n_cell_length_a 4.2\n_cell_length_b 4.2\n_cell_length_c 4.2\n_cell_angle_alpha 90\n"
        text += "_cell_angle_beta 90\n_cell_angle_gamma 90\n_symmetry_space_group_name_H-M 'P 1'\n"
        text += f"_chemical_formula_sum '{metal}4 {anion}4'\nloop_\n _atom_site_type_symbol\n _atom_site_label\n"
        text += " _atom_site_fract_x\n _atom_site_fract_y\n _atom_site_fract_z\n _atom_site_occupancy\n"
        for site, (x, y, z) in enumerate(((0, 0, 0), (0.5, 0.5, 0), (0.5, 0, 0.5), (0, 0.5, 0.5))):
            text += f" {metal} {metal}{site} {x} {y} {z} 1\n {anion} {anion}{site} {x + 0.5:g} {y} {z} 1\n"
        known = {
            "formation_energy_per_atom": round(-2 - chance.random(), 4),
            "cif": text,
            "pretty_formula": metal + anion,
        }
        rows.append([f"made-up-{n + 33 * (n > 4)}", known | {"year": 1990 + n, "elements": f"['{metal}', '{anion}']"}])
    rows[1][1]["cif"] = "no crystal"
    files = ("mpts_52_val.csv.gz", "mpts_52_test.csv.gz", "mp_20_biternary_val.csv.gz", "mp_20_biternary_test.csv.gz")
    for place, name in enumerate((*(f"mp_structures/{file}" for file in files), "mp20_mini/raw_mp20_dataset_mini.csv")):
        header = next(names for kind, names in columns.items() if kind in name)
        first = "Unnamed: 0" if "mini" in name else ""
        chosen = [[n, row[0], *(row[1].get(column, 0) for column in header)] for n, row in enumerate(rows[place::5])]
        write_csv(name.removesuffix(".gz"), [[first, "material_id", *header], *chosen])
        if name.endswith(".gz"):
            plain = HERE / name.removesuffix(".gz")
            # without the time, so that the same bytes are made again
            (HERE / name).write_bytes(gzip.compress(plain.read_bytes(), mtime=0))
            plain.unlink()


MAKERS = (
    *(make_obelix, make_adsorption, make_cells, make_electrodes, make_compositions, make_conductivities),
    make_barriers,
    make_scores,
    make_graphs,
    make_nasicons,
    make_crystals,
)

if __name__ == "__main__":
    wanted = sys.argv[1:] or [make.__name__ for make in (*MAKERS, make_structures)]
    for make in MAKERS:
        if make.__name__ in wanted:
            make(np.random.default_rng(0))
    if make_structures.__name__ in wanted:
        make_structures()
