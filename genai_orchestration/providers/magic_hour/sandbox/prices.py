"""What Magic Hour's sandbox charges and allows: a model goes in, its price and limits come out.

The base prices, counts and resolutions are the vendor's published ones. How a price rises with
the resolution is not published: the factors here are the sandbox's own.
"""

from dataclasses import dataclass

FEW, GRID, SINGLE = (1, 2, 3, 4), (1, 4, 9, 16), (1,)
SMALL, MEDIUM = ("640px", "1k"), ("640px", "1k", "2k")
LARGE = ("640px", "1k", "2k", "4k")


@dataclass(frozen=True)
class ImageModel:
    """A model of the image generator."""

    credits: int  # per image, at the lowest resolution
    counts: tuple[int, ...]  # how many images one job may ask for
    resolutions: tuple[str, ...]
    free: bool = False  # also on the free tier


IMAGE_MODELS = {
    "flux-2-klein": ImageModel(5, SINGLE, MEDIUM, free=True),
    "flux-schnell": ImageModel(5, FEW, MEDIUM, free=True),
    "gpt-image-2": ImageModel(50, FEW, LARGE),
    "gpt-image-2.5-flare": ImageModel(100, FEW, LARGE),
    "krea-2": ImageModel(10, SINGLE, SMALL, free=True),
    "nano-banana": ImageModel(50, FEW, SMALL),
    "nano-banana-2": ImageModel(100, GRID, LARGE),
    "nano-banana-2-lite": ImageModel(50, FEW, SMALL),
    "nano-banana-2.1": ImageModel(50, GRID, LARGE),
    "nano-banana-pro": ImageModel(150, GRID, ("1k", "2k", "4k")),
    "qwen-image-2.1": ImageModel(10, FEW, MEDIUM, free=True),
    "seedream-v4": ImageModel(40, FEW, LARGE),
    "seedream-v5-pro": ImageModel(75, FEW, MEDIUM),
    "z-image-turbo": ImageModel(5, FEW, MEDIUM, free=True),
}
ALIASES = {"default": "z-image-turbo", "seedream": "seedream-v4"}
QUALITY_MODES = {"standard": "z-image-turbo", "pro": "seedream-v4"}  # deprecated, used sans model
RESOLUTION_FACTORS = {"auto": 1, "640px": 1, "1k": 1, "2k": 2, "4k": 4}
UPSCALING = {2: 25, 4: 100}  # scale factor -> credits of `preserve`; other modes take twice that
VIDEO_CREDITS_PER_FRAME = 2  # 5 s at 24 fps are 240 credits, as in the vendor's example
VOICE_CREDITS_PER_CHARACTER = 0.1
ESTIMATED_FPS, REAL_FPS = 30, 24  # a video is charged at 30 and corrected when it is complete


def image_price(model: str, resolution: str, count: int) -> int:
    """Credits of a job of the image generator."""
    return IMAGE_MODELS[model].credits * RESOLUTION_FACTORS[resolution] * count


def upscaler_price(factor: int, mode: str) -> int:
    """Credits of a job of the upscaler."""
    return UPSCALING[factor] * (1 if mode in ("preserve", "pro") else 2)


def video_price(seconds: float, fps: int) -> int:
    """Credits of a video of that length at that frame rate."""
    return round(seconds * fps * VIDEO_CREDITS_PER_FRAME)


def voice_price(text: str) -> int:
    """Credits of a spoken text; at least one."""
    return max(1, round(len(text) * VOICE_CREDITS_PER_CHARACTER))
