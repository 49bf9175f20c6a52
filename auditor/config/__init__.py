"""``[tool.auditor]`` and the command line become one `Config`; every problem is reported at once."""

from __future__ import annotations

from auditor.config.load import ConfigError, load, setting_names
from auditor.config.settings import Config, matches

__all__ = ["Config", "ConfigError", "load", "matches", "setting_names"]
