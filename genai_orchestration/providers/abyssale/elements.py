"""The properties of a layer by its type, as the vendor's SDK 1.7.0 models them.

A design lists the properties that were set in it; the API takes every one of the layer's type. A
name that is in neither list is taken in silence, rendered with the saved content, and billed.
"""

from collections.abc import Mapping

EVERY = frozenset(["hidden", "shadow_color", "shadow_blur", "shadow_offset_x", "shadow_offset_y"])
_WORDS = {
    "container": "background_color",  # the root alone
    "text": """
        payload color background_color background_padding font_size font font_weight line_height
        skew_y alignment stroke_width stroke_color text_transform auto_resize min_font_size
        max_lines text_harmony text_truncation side_border side_border_thickness side_border_color
        side_border_rounded side_border_padding side_border_offset side_border_spread
    """,
    # the last three lines spend AI credits
    "image": """
        image_url image_encoded opacity stroke_width stroke_color fitting_type alignment mask_name
        mask_properties filter_name filter_properties overlay_direction overlay_color_1
        overlay_color_2 auto_focus auto_focus_model focus_objects focus_framing focus_zoom
        focus_target auto_focus_properties
        remove_bg remove_bg_properties
        text_to_image text_to_image_properties
        expand expand_properties upscale upscale_properties
    """,
    "button": """
        payload color background_color background_padding font_size font font_weight line_height
        text_transform alignment text_align stroke_color stroke_width min_font_size auto_resize
        text_shadow_color text_shadow_blur text_shadow_offset_x text_shadow_offset_y icon_url
        icon_encoded icon_color
    """,
    "logo": "image_url image_encoded alignment",
    "shape": "background_color pattern_name pattern_color stroke_width stroke_color",
    "rating": "rating_score star_dimension star_margin star_color background_color",
    "illustration": """
        illustration_type illustration_file illustration_properties alignment opacity
    """,
    "qrcode": "background_color foreground_color payload image_url hide_icon",
    "video": "video_url audio_muted",
    "audio": "audio_url audio_encoded max_volume speed",
}
PROPERTIES: Mapping[str, frozenset[str]] = {
    kind: EVERY.union(words.split()) for kind, words in _WORDS.items()
}


def properties_of(kind: object) -> frozenset[str]:
    """What a layer of that type may be given, whatever its design lists."""
    return PROPERTIES.get(str(kind), EVERY)
