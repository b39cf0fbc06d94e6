"""What a person sees: headless back end, scene, overlay, video. Nothing here is seen by an agent."""
