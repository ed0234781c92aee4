"""Pictures of digits such as people make: strokes of a pen, drawn with Pillow in several ways."""

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

STROKES = [  # one way to write each digit, unlike the playground's: turns and corners, 0 to 100
    ["60 14 38 20 27 48 34 78 54 88 72 74 76 44 66 20 56 13 44 18"],
    ["56 11 52 36 49 62 46 89"],
    ["27 34 32 18 50 11 66 19 68 36 54 56 38 72 26 87 50 84 78 88"],
    ["30 20 46 11 64 17 66 33 54 44 44 47 60 50 72 62 68 80 48 89 28 80"],
    ["36 11 31 34 25 55 48 53 78 51", "62 30 60 58 57 90"],
    ["38 12 35 30 33 45 50 41 68 49 71 68 60 84 42 89 27 80", "38 12 54 14 72 11"],
    ["64 11 46 26 33 50 31 72 42 88 60 87 70 74 64 58 48 54 34 66"],
    ["25 15 48 17 75 13 66 36 54 60 46 90"],
    ["64 20 48 11 33 20 36 36 54 48 69 62 66 82 48 90 32 80 34 64 50 50 66 36 64 20"],
    ["69 28 58 13 40 15 31 31 40 47 58 46 69 30 69 50 65 72 58 90"],
]


def ink(
    digit: int, side: int, width: float, at: tuple[float, float] = (0.0, 0.0), scale: float = 1.0
) -> Image.Image:
    """A picture of mode L, white ink on black, drawn finely and made smaller."""
    k = max(1, 1200 // side)
    image = Image.new("L", (side * k, side * k))
    draw = ImageDraw.Draw(image)
    for stroke in STROKES[digit]:
        numbers = np.array(stroke.split(), float).reshape(-1, 2) / 100
        points = (np.array(at) + scale * _smooth(numbers)) * side * k
        radius = width * k / 2
        draw.line([tuple(point) for point in points], fill=255, width=round(2 * radius))
        for x, y in points:
            draw.ellipse([x - radius, y - radius, x + radius, y + radius], fill=255)
    return image.resize((side, side), Image.Resampling.BOX)


def _smooth(points: np.ndarray) -> np.ndarray:
    """A curve through the middles between points, which it only bends towards."""
    curve = [points[:1]]
    t = np.linspace(0, 1, 12)[:, None]
    ends = np.vstack([points[:1], (points[1:-1] + points[2:]) / 2])
    for start, bend, end in zip(ends, points[1:-1], ends[1:]):
        curve.append((1 - t) ** 2 * start + 2 * t * (1 - t) * bend + t**2 * end)
    return np.vstack([*curve, points[-1:]])


def on_paper(
    mask: Image.Image,
    ink_tone: float,
    light: Callable[[np.ndarray, np.ndarray], np.ndarray],
    grain: float = 0.0,
) -> Image.Image:
    """Ink on paper under this light, with a grain."""
    levels = np.asarray(mask) / 255
    H, W = levels.shape
    y, x = np.mgrid[:H, :W] / max(H, W)
    paper = light(x, y)
    noise = np.random.default_rng(0).normal(0, grain, levels.shape) if grain else 0
    grey = paper + (ink_tone - paper) * levels + noise
    return Image.fromarray(grey.clip(0, 255).astype(np.uint8))


WAYS: dict[str, Callable[[int], Image.Image]] = {
    "dark on white": lambda digit: on_paper(ink(digit, 280, 22), 20, lambda x, y: 255 + 0 * x),
    "light on black": lambda digit: on_paper(ink(digit, 200, 15), 255, lambda x, y: 0 * x),
    "off centre": lambda digit: on_paper(
        ink(digit, 400, 14, (0.5, 0.05), 0.45), 40, lambda x, y: 250 + 0 * x
    ),
    "small": lambda digit: on_paper(
        ink(digit, 64, 2.6, (0.3, 0.35), 0.4), 0, lambda x, y: 255 + 0 * x
    ),
    "large": lambda digit: on_paper(
        ink(digit, 900, 68, (-0.05, -0.05), 1.1), 60, lambda x, y: 240 + 0 * x, 3
    ),
    "grey paper": lambda digit: on_paper(
        ink(digit, 500, 24, (0.2, 0.2), 0.6).filter(ImageFilter.GaussianBlur(1.5)),
        70,
        lambda x, y: 190 - 70 * x - 30 * y,
        6,
    ),
}
