"""Verdict: confirmed suspects become findings with severity, confidence, exposures and fingerprints; and the score."""
