"""Surround students (FSMDE): a light depth network with ZoeDepth's metric-bins head, for a rig's cameras."""
