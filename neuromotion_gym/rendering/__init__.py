"""Pictures for people: back end without a display, scene, overlay, video. No agent sees them."""

from neuromotion_gym.rendering.backend import rendering_available, why_not
from neuromotion_gym.rendering.overlay import compose, window
from neuromotion_gym.rendering.scene import SceneRenderer
from neuromotion_gym.rendering.snapshot import Snapshot
from neuromotion_gym.rendering.video import VideoWriter

__all__ = ["SceneRenderer", "Snapshot", "VideoWriter", "compose", "rendering_available", "why_not", "window"]
