"""MonoViT (Zhao et al., 3DV 2022): the multi-path vision transformer MPViT and HR-Depth's decoder."""
