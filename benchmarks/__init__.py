"""What the claims about speed, memory and accuracy are measured with."""
