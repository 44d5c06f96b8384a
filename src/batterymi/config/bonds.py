"""How voltages with and without structures are compared."""

from batterymi.config.models import CrossValidated

# extra trees are what the published trial used, and cheap enough for several partitions
METHOD = CrossValidated(models=("dummy", "ridge", "extra_trees"), folds=5, trees=100)
NETWORK = "graph_net"
KINDS = ("trees", "network", "control")  # jobs of a partition: networks take most of the time
PARTITIONS = 5
BOOTSTRAPS = 2000
SEED = 42
