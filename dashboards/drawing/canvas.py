"""Drawing on a picture in the units of Grafana's grid."""

import functools

from PIL import Image, ImageDraw, ImageFont

# Pixels of a grid unit with the gap around it, as Grafana lays them out on a screen 1680 wide.
WIDTH, HEIGHT, GAP = 70, 38, 8
# Everything is drawn larger and shrunk at the end, which smooths lines.
SCALE = 2
BACKGROUND, SURFACE, BORDER, GRID, INK, FAINT = "#111217", "#181b1f", "#2c3036", "#2a2d33", "#d5d6dc", "#8e9099"


@functools.cache
def font(size):
    return ImageFont.load_default(size * SCALE)


class Canvas:
    """A picture of so many pixels."""

    def __init__(self, width, height):
        self.image = Image.new("RGB", (width * SCALE, height * SCALE), BACKGROUND)
        self.draw = ImageDraw.Draw(self.image, "RGBA")

    def save(self, path):
        size = (self.image.width // SCALE, self.image.height // SCALE)
        smooth = self.image.resize(size, Image.Resampling.LANCZOS)
        smooth.quantize(200, dither=Image.Dither.NONE).save(path, optimize=True)

    def box(self, left, top, right, bottom, fill, outline=None, radius=0):
        corners = [value * SCALE for value in (left, top, right, bottom)]
        self.draw.rounded_rectangle(corners, radius * SCALE, fill, outline, SCALE)

    def line(self, points, colour, width=1):
        self.draw.line([(x * SCALE, y * SCALE) for x, y in points], colour, round(width * SCALE), joint="curve")

    def area(self, points, colour):
        self.draw.polygon([(x * SCALE, y * SCALE) for x, y in points], colour)

    def dot(self, x, y, colour, radius=1.5):
        corners = [value * SCALE for value in (x - radius, y - radius, x + radius, y + radius)]
        self.draw.ellipse(corners, colour)

    def measure(self, text, size):
        return font(size).getlength(text) / SCALE

    def text(self, x, y, text, size=12, colour=INK, width=None, anchor="la"):
        """Text at a point, cut to a width; returns how wide it became."""
        text = text.replace("–", "-")  # The font that Pillow brings has no dash.
        if width is not None and self.measure(text, size) > width:
            while text and self.measure(text + "...", size) > width:
                text = text[:-1]
            text += "..."
        self.draw.text((x * SCALE, y * SCALE), text, colour, font(size), anchor)
        return self.measure(text, size)

    def fitting(self, text, width, sizes):
        """The largest of the sizes in which the text is no wider than that."""
        return next((size for size in sizes if self.measure(text, size) <= width), sizes[-1])
