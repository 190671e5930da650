"""`python -m gateway` is the command line too, for places where no script was installed."""

from __future__ import annotations

import sys

from gateway.cli import main

sys.exit(main())
