"""The plot, an SVG by hand: how many of the interactive requests had their first token by when.

Curves carry their names; there is no legend to look up. It has a background of its own, so that it reads on a dark
page, too.
"""

import math
from html import escape

from measure import ARMS, GATEWAY_ALONE, GATEWAY_FLOOD, STRAIGHT_ALONE, STRAIGHT_FLOOD

WIDTH, HEIGHT = 860, 440
LEFT, RIGHT, TOP, BOTTOM = 64, 836, 72, 376
LETTER_WIDTH, GAP = 7.0, 10

INK, PALE, GROUND = "#1f2937", "#d9dee5", "#fbfbf9"
STYLES = {
    STRAIGHT_ALONE: ("#a8480a", "6 4"),
    STRAIGHT_FLOOD: ("#a8480a", ""),
    GATEWAY_FLOOD: ("#1d4fa8", ""),
    GATEWAY_ALONE: ("#1d4fa8", "6 4"),
}
FONT = "font-family=\"system-ui, 'Segoe UI', Helvetica, Arial, sans-serif\""


class Scale:
    """Milliseconds on a logarithmic axis from a round number to a round number, and shares upwards."""

    def __init__(self, times: list[float]) -> None:
        self.least, self.most = round_down(min(times)), round_up(max(times))

    def x(self, milliseconds: float) -> float:
        part = math.log(milliseconds / self.least) / math.log(self.most / self.least)
        return LEFT + part * (RIGHT - LEFT)

    def y(self, share: float) -> float:
        return BOTTOM - share * (BOTTOM - TOP)

    def ticks(self) -> list[float]:
        return [tick for tick in round_numbers() if self.least <= tick <= self.most]


def round_numbers() -> list[float]:
    return [digit * 10.0**power for power in range(-3, 7) for digit in (1, 2, 5)]


def round_down(time: float) -> float:
    return max(number for number in round_numbers() if number < time)


def round_up(time: float) -> float:
    return min(number for number in round_numbers() if number > time)


def draw(first_tokens: dict[str, list[float]], clients: int) -> str:
    curves = {arm: sorted(first_tokens[arm]) for arm in ARMS}
    scale = Scale([time for times in curves.values() for time in times])
    parts = [*frame(clients), *axes(scale)]
    parts += [curve(scale, times, *STYLES[arm]) for arm, times in curves.items()]
    parts += labels(scale, curves)
    return "\n".join([*parts, "</svg>", ""])


def frame(clients: int) -> list[str]:
    title = "Time to first token of interactive requests"
    beside = f"alone, and beside a flood of {clients} batch clients; two llama.cpp servers with four slots each"
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" {FONT} font-size="13">',
        f"<title>{title}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" rx="8" fill="{GROUND}"/>',
        text(24, 30, title, size=17, weight=600),
        text(24, 50, beside),
    ]


def axes(scale: Scale) -> list[str]:
    parts = []
    for tick in scale.ticks():
        parts.append(rule(scale.x(tick), TOP, scale.x(tick), BOTTOM))
        parts.append(text(scale.x(tick), BOTTOM + 20, spoken(tick), anchor="middle"))
    for percent in (0, 25, 50, 75, 100):
        parts.append(rule(LEFT, scale.y(percent / 100), RIGHT, scale.y(percent / 100)))
        parts.append(text(LEFT - 8, scale.y(percent / 100) + 4, f"{percent} %", anchor="end"))
    middle = (LEFT + RIGHT) / 2
    return [*parts, text(middle, BOTTOM + 46, "had their first token within (logarithmic)", anchor="middle")]


def curve(scale: Scale, times: list[float], colour: str, dashes: str) -> str:
    """A step up at each request, from the quickest to the slowest."""
    steps = [f"M{scale.x(times[0]):.1f} {scale.y(0):.1f}"]
    for count, time in enumerate(times, 1):
        steps.append(f"H{scale.x(time):.1f}V{scale.y(count / len(times)):.1f}")
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return f'<path d="{"".join(steps)}" fill="none" stroke="{colour}" stroke-width="2"{dashed}/>'


def labels(scale: Scale, curves: dict[str, list[float]]) -> list[str]:
    """Each at a height of its own, the quickest curve's the highest, beside its curve where no other one runs."""
    parts = []
    by_median = sorted(curves, key=lambda arm: at(curves[arm], 0.5))
    for rank, arm in enumerate(by_median):
        share = 0.86 - 0.2 * rank
        parts += label(scale, curves, arm, share)
    return parts


def label(scale: Scale, curves: dict[str, list[float]], arm: str, share: float) -> list[str]:
    """To the right of its curve and of those that run close by, a line leading there; at the edge to the left."""
    colour, _ = STYLES[arm]
    own, wide = scale.x(at(curves[arm], share)), LETTER_WIDTH * len(arm)
    own_left, own_right = span(scale, curves[arm], share)
    others = [span(scale, times, share) for name, times in curves.items() if name != arm]
    begin = own_right + GAP
    for left, right in sorted(others):
        if left < begin + wide + GAP and right > begin - GAP:
            begin = right + GAP
    y = scale.y(share)
    if begin + wide > RIGHT:
        return [text(own_left - GAP, y + 4, arm, anchor="end", colour=colour, weight=600)]
    leader = f'<path d="M{own:.1f} {y:.1f}H{begin - 3:.1f}" stroke="{colour}" stroke-width="1"/>'
    dot = f'<circle cx="{own:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>'
    return [leader, dot, text(begin, y + 4, arm, colour=colour, weight=600)]


def span(scale: Scale, times: list[float], share: float) -> tuple[float, float]:
    """From where to where a curve runs in the height of a line of text."""
    return scale.x(at(times, share - 0.035)), scale.x(at(times, share + 0.035))


def at(times: list[float], share: float) -> float:
    return times[min(max(math.ceil(share * len(times)) - 1, 0), len(times) - 1)]


def spoken(milliseconds: float) -> str:
    return f"{milliseconds / 1000:g} s" if milliseconds >= 1000 else f"{milliseconds:g} ms"


def rule(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<path d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}" stroke="{PALE}" stroke-width="1"/>'


def text(x: float, y: float, words: str, size=13, weight=400, anchor="start", colour=INK) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" font-size="{size}" font-weight="{weight}" text-anchor="{anchor}"'
    return f'<text {place} fill="{colour}">{escape(words)}</text>'
