"""Checks of a decoder's figures: EEG under several conditions, and surrogates compared with recordings."""
