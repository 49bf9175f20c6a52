"""Fixes: what mends a finding, as edits of the source, and how they are carried out."""
