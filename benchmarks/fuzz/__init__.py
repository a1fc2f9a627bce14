"""Coverage-guided fuzzing of everything that reads untrusted bytes, and the worst files that the limits allow."""
