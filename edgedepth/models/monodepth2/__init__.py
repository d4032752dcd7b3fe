"""Monodepth2 (Godard et al., ICCV 2019): ResNet-18 and a U-shaped decoder."""
