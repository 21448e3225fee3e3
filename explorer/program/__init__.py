"""The encoder or decoder of a fitted model as a program: layers and weights in one flat file, for a browser to run.

`program_of` in `models` makes one of a fitted model; `traced_decoder` and `traced_encoder` in `traced` make one of a
torch module of one's own; `steps` states the file. What is named here imports no torch.
"""

from explorer.program.steps import FORMAT, PARTS, Part, ProgramError

__all__ = ["FORMAT", "PARTS", "Part", "ProgramError"]
