"""Load tests of the reference engines, or of a service of the user's own."""
