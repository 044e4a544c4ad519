"""ImagineAPI: Midjourney over REST, a Directus application."""

from genai_orchestration.providers.imagine_api.source import PROVIDER, imagine_api_source

__all__ = ["PROVIDER", "imagine_api_source"]
