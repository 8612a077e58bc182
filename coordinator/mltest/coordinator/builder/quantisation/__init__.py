"""Networks in ONNX with smaller numbers: int8 and float16; graph in, graph out."""
