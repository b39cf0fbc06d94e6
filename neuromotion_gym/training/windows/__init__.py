"""How training windows are made: one module for each preparation, see `neuromotion_gym.training.preparations`."""
