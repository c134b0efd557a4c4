"""What a clinic may set: files and environment read once into frozen, checked values."""
