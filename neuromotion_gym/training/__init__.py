"""Making a decoder: networks, windows, training, folds, evaluation, cards. Running one needs none of these."""
