"""What files say: cards, labels, .tflite files, archives."""
