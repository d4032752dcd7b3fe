"""FlexDepth: five self-supervised depth networks on a YOLO11 backbone with dynamic upsampling."""
