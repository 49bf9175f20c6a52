"""The rule tier: suspects are confirmed on LibCST nodes by rules, built-in ones and those of third parties."""
