"""`python -m genai_orchestration.cli`: the command `genai`."""

from genai_orchestration.cli import main

main(prog_name="genai")
