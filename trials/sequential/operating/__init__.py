"""Operating characteristics: what a method does in repeated trials, exact where counts allow, else simulated."""
