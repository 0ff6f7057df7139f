"""Parts as their papers print them, one for each thing that a part may ask for."""
