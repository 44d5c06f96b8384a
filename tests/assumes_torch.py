"""A file of tests that imports this is skipped where there is no PyTorch, before it imports what needs it."""

import pytest
from conftest import NO_TORCH

pytest.importorskip("torch", reason=NO_TORCH)
