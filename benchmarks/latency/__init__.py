"""How far estimates of speed are from what others measured, and the fit of the constants that they use."""
