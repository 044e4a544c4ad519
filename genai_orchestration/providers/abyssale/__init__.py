"""Abyssale: banners generated from designs."""

from genai_orchestration.providers.abyssale.source import PROVIDER, abyssale_source

__all__ = ["PROVIDER", "abyssale_source"]
