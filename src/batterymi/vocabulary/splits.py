"""What part a row of a table plays."""

SPLIT = "split"
TRAIN = "train"  # learned from, and scored by cross-validation
TEST = "test"  # an official test split, predicted after everything is decided
SOURCE = "source"  # rows of a related task: may join the training, are never scored
REFERENCE = "reference"  # shown beside the others, never learned from
PENDING = "pending"  # an experiment under way: not learned from, and not suggested again
FAILED = "failed"  # an experiment without a result, which tells the search what to avoid
WITHDRAWN = "withdrawn"  # a row that its owner no longer trusts: kept, and otherwise ignored
WITHOUT_RESULT = (PENDING, FAILED)  # designs without a result
CHECKED = (TRAIN, TEST, SOURCE)
PARTITION = "partition"  # column of held-out predictions: which of the partitions into folds, from 1
ARROW = " ↔ "  # between two fractions of a whole that are exchanged, in importances
