"""The stage `compare_pretrained`: held-out predictions of the pre-trained graph network, by one partition."""

from pathlib import Path

from batterymi.config.slices.structures import StructureSettings
from batterymi.errors import BatteryMIError, DamagedFileError
from batterymi.features.graph_files import read_graphs
from batterymi.files import read_frame, write_json, write_parquet
from batterymi.surrogates.families.graph_net import MEMBERS
from batterymi.surrogates.feature_gain import make_study_problem
from batterymi.surrogates.nets.checkpoint import read_weights
from batterymi.surrogates.nets.train import check_site_weights
from batterymi.surrogates.pretraining_gain import predict_pretrained
from batterymi.surrogates.structure_gain import KnownStructures
from batterymi.vocabulary.splits import SPLIT


def compare_pretrained(
    table: Path,
    graphs: Path,
    described: Path,
    weights: Path,
    predictions: Path,
    times: Path,
    partition: str,
    settings: StructureSettings,
) -> None:
    """Predict every row by the network that learned from rows of other groups, starting from pre-trained weights.

    Args:
        table: the study's table.
        graphs: of the rows' structures.
        described: source of each row.
        weights: as `pretrain_graph_net` wrote them.
        predictions: Parquet to write.
        times: JSON to write: processor time.
        partition: its number, from 1.
        settings: what models learn from, and how they are held out.
    """
    start = read_weights(weights)
    try:
        check_site_weights(start, MEMBERS)
    except BatteryMIError as error:
        raise DamagedFileError(weights, str(error)) from None
    rows = read_frame(table, needs=[*(column.name for column in (*settings.features, *settings.objectives)), SPLIT])
    problem = make_study_problem(rows, settings)
    known = KnownStructures(read_frame(described, needs=["line"]).set_index("line"), read_graphs(graphs))
    found, seconds = predict_pretrained(problem, known, start, settings.surrogate, settings.seed, int(partition))
    write_parquet(predictions, found)
    write_json(times, {"partition": int(partition), "cpu_seconds": seconds})
