"""What a person sees: headless back end, scene, overlay, video. Nothing here is seen by an agent."""

from neuromotion_gym.rendering.backend import rendering_available, why_not
from neuromotion_gym.rendering.overlay import Snapshot, compose, window
from neuromotion_gym.rendering.scene import SceneRenderer
from neuromotion_gym.rendering.video import VideoWriter

__all__ = ["SceneRenderer", "Snapshot", "VideoWriter", "compose", "rendering_available", "why_not", "window"]
