"""How well each contender predicts, with its defaults, on real tables; see `measuring`."""
