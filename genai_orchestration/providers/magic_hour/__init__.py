"""Magic Hour: image generation and upscaling."""

from genai_orchestration.providers.magic_hour.source import PROVIDER, magic_hour_source

__all__ = ["PROVIDER", "magic_hour_source"]
