"""The words of Magic Hour's two image operations, as its SDK 0.90.0 lists them.

Models are not among them: those, with their limits and prices, are in the dated models.csv.
"""

ASPECT_RATIOS = ("1:1", "16:9", "9:16")
ORIENTATIONS = ("landscape", "portrait", "square")  # deprecated, behind aspect_ratio
RESOLUTIONS = ("auto", "640px", "1k", "2k", "4k")  # auto is deprecated: it follows the tier
QUALITY_MODES = {"standard": "z-image-turbo", "pro": "seedream-v4"}  # deprecated, behind model
MODES = ("preserve", "balanced", "creative", "pro")
OLD_MODES = {"pro": "preserve"}  # deprecated mode -> what it means
ENHANCEMENTS = {"Resemblance": "preserve", "Balanced": "balanced", "Creative": "creative"}  # too
SCALE_FACTORS = (2, 4)  # 4 needs a paid tier
MOST_IMAGES = 16  # of any model
TOOL_WORDS = """
    ai-anime-generator ai-art-generator ai-background-generator ai-character-generator
    ai-face-generator ai-fashion-generator ai-icon-generator ai-illustration-generator
    ai-interior-design-generator ai-landscape-generator ai-logo-generator ai-manga-generator
    ai-outfit-generator ai-pattern-generator ai-photo-generator ai-sketch-generator
    ai-tattoo-generator album-cover-generator animated-characters-generator
    architecture-generator book-cover-generator comic-book-generator dark-fantasy-ai
    disney-ai-generator dnd-ai-art-generator emoji-generator fantasy-map-generator general
    graffiti-generator movie-poster-generator optical-illusion-generator pokemon-generator
    south-park-character-generator superhero-generator thumbnail-maker
"""
TOOLS = tuple(TOOL_WORDS.split())  # of the image generator: its styles, "general" by default
# files that need no https URL: uploads, saved items, and pictures of the web app's library
OWN_FILES = ("api-assets/", "saved-items/", "https://magichour.ai/my-library?imageId=")
