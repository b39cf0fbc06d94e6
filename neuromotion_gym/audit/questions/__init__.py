"""Questions of an audit, one module each; `neuromotion_gym.audit.registry` finds them by walking this folder."""
