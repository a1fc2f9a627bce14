"""A scene as PNG on white, at twice its size for dense screens. Pillow is loaded here only, when a PNG is asked for."""

from __future__ import annotations

from io import BytesIO

from ai_on_eks.cli.plots.scene import FONT_PX, HEIGHT, LIGHT, WIDTH, Dot, Line, Scene
from ai_on_eks.errors import Problem, UsageError

SCALE = 2
ANCHORS = {"start": "ls", "middle": "ms", "end": "rs"}
WIDTHS = {"front": 2, "grid": 1}

_WRITTEN = str.maketrans("×", "x")
"""The font that comes with Pillow has no multiplication sign."""


def png(scene: Scene) -> bytes:
    """The image's bytes."""
    try:
        from PIL import Image, ImageDraw, ImageFont  # noqa: PLC0415 - only this format needs it
    except ModuleNotFoundError as error:
        raise UsageError(
            Problem(
                code="missing-dependency",
                message=f"a PNG needs the Python module {error.name}",
                value=error.name,
                fix="pip install 'ai-on-eks[plots]', or name a file that ends in .svg",
            )
        ) from None
    image = Image.new("RGB", (WIDTH * SCALE, HEIGHT * SCALE), LIGHT["paper"])
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(FONT_PX * SCALE)
    for one in scene:
        colour = LIGHT[one.style]
        if isinstance(one, Line):
            points = [(x * SCALE, y * SCALE) for x, y in one.points]
            draw.line(points, fill=colour, width=WIDTHS.get(one.style, 1) * SCALE, joint="curve")
        elif isinstance(one, Dot):
            radius = one.radius * SCALE
            box = (one.x * SCALE - radius, one.y * SCALE - radius, one.x * SCALE + radius, one.y * SCALE + radius)
            if one.style == "chosen":
                draw.ellipse(box, outline=colour, width=3 * SCALE)
            else:
                draw.ellipse(box, fill=colour)
        else:
            at = (one.x * SCALE, one.y * SCALE)
            words, anchor = one.text.translate(_WRITTEN), ANCHORS[one.anchor]
            draw.text(
                at, words, fill=colour, font=font, anchor=anchor, stroke_width=2 * SCALE, stroke_fill=LIGHT["paper"]
            )
    out = BytesIO()
    image.save(out, "PNG", optimize=True)
    return out.getvalue()
