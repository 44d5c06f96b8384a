"""`python -m batterymi.cli`: the command `batterymi`."""

import sys

from batterymi.cli.main import main

sys.exit(main())
