"""A directory that `auditor monitor` puts on the path of the program that it runs."""
