"""HR-Depth (Lyu et al., AAAI 2021): ResNet-18 and a nested decoder with gated fusion."""
