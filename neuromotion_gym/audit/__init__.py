"""What a decoder's figure rests on: conditions of EEG, and surrogates compared with recordings."""
