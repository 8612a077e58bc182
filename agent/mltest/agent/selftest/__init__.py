"""How good a ruler this machine is: real visits of models whose truth is known, and what came of them."""
