"""PatchRefiner V2: coarse metric depth of a whole picture, refined patch by patch (Li et al. 2025)."""
