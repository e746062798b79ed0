"""What operators and staff see: every stream, every educator, what is stuck, and who mended it."""
