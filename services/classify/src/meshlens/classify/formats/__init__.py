"""The file formats of models: cards, labels, .tflite files, archives."""
