"""What a decoder's figure rests on (`audit`), EEG under several conditions, and surrogates beside recordings."""

from neuromotion_gym.audit.answer import Options
from neuromotion_gym.audit.asking import Audit, audit
from neuromotion_gym.audit.material import Material

__all__ = ["Audit", "Material", "Options", "audit"]
