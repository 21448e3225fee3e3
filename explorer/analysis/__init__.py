"""Pure numpy functions of latents, images and a Coder: frames, holes, scores, bounds, directions, walks."""
