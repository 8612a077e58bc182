"""Networks as files of LiteRT (TensorFlow Lite)."""
