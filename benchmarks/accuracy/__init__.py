"""How far the package's answers are from what others measured and published."""
