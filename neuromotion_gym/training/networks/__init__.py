"""One torch module for each architecture; ``network.name`` of a recipe is the name of the module.

Every module has ``build(spec, *, options...) -> DecoderNetwork``; see `neuromotion_gym.training.architectures`.
"""
