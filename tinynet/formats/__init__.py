"""What tinynet writes and reads: models, checkpoints, PyTorch's files, ONNX."""
