"""``python -m analytics`` is ``workbench``."""

from analytics.cli import main

main()
