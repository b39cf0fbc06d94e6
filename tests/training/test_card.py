"""Cards are made from recipe and figures alone: the committed ones come out again, whatever the figures' age."""

from __future__ import annotations

import pytest

from neuromotion_gym.decoders import list_decoders
from neuromotion_gym.decoders.folders import decoder_folder
from neuromotion_gym.decoders.recipe import load_recipe
from neuromotion_gym.training.card import card
from neuromotion_gym.training.report import CARD, read_metrics


@pytest.mark.parametrize("name", list_decoders())
def test_the_committed_card_is_made_from_the_committed_figures(name):
    folder = decoder_folder(name)
    assert card(load_recipe(folder), read_metrics(folder)) == (folder / CARD).read_text(encoding="utf-8")


def test_a_card_of_a_data_set_that_is_not_known_has_no_contrasts(tiny, tiny_folder):
    text = card(load_recipe(tiny_folder), {})
    assert "left, right" in text
    assert "eyes" not in text
