"""The encoder or decoder of a fitted model as a program: layers and weights in one flat file, for a browser to run."""

from explorer.program.models import PARTS, Part, decoder_program, encoder_program, program_of
from explorer.program.steps import FORMAT, ProgramError, Steps, Value
from explorer.program.traced import traced_decoder, traced_encoder

__all__ = [
    "FORMAT",
    "PARTS",
    "Part",
    "ProgramError",
    "Steps",
    "Value",
    "decoder_program",
    "encoder_program",
    "program_of",
    "traced_decoder",
    "traced_encoder",
]
