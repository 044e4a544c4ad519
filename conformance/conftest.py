"""What the end-to-end tests stand on, beside the real server: a clean environment and home."""

from genai_orchestration_tests.conftest import clean_environment, settings

__all__ = ["clean_environment", "settings"]
