"""The link tier: the facts of all files become one program with names, types, a call graph and contexts."""
