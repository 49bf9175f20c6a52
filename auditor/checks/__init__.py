"""The built-in rules' code: LibCST visitors, one module a family. What they say stands in ``rules/``."""
