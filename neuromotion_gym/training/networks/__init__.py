"""One torch module per architecture; a recipe's ``network.name`` is the module's name.

Every module has ``build(spec, **options) -> DecoderNetwork``; see `neuromotion_gym.training.networks.network`.
"""
