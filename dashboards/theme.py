"""Design tokens, and what is made of them: the CSS variables and one Plotly template per colour scheme."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Scheme = Literal["light", "dark"]

FONT = '"Inter", system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif'
VERDICT_COLOURS = ("promote", "keep_going", "drop", "cant_tell", "stop_for_harm", "setting_up")

ICONS = Path(__file__).parent / "assets" / "icons"  # an icon is a file there: `parts.icon` by its name

TINT: dict[Scheme, float] = {"light": 0.10, "dark": 0.14}

# Verdict colours stay apart (worst pair ΔE76 ≥ 14) for the three colour-vision deficiencies as well, and text on its
# tint keeps a contrast ≥ 4.5: tests/dashboards/test_theme.py measures both again.
TOKENS: dict[Scheme, dict[str, str]] = {
    "light": {
        "background": "#F6F7F9",
        "surface": "#FFFFFF",
        "sunken": "#F0F2F5",
        "line": "#E3E7ED",
        "ink": "#0F1728",
        "ink-2": "#445066",
        "ink-3": "#5D687C",
        "promote": "#006B4F",
        "keep_going": "#1D4ED8",
        "drop": "#B0410A",
        "cant_tell": "#B0267A",
        "stop_for_harm": "#A90B21",
        "setting_up": "#3D4654",
        "warn": "#8A5A00",
        "shadow": "0 1px 2px rgba(15,23,40,.06), 0 1px 3px rgba(15,23,40,.05)",
    },
    "dark": {
        "background": "#0C1016",
        "surface": "#141A22",
        "sunken": "#0F141B",
        "line": "#27303C",
        "ink": "#E8ECF2",
        "ink-2": "#B3BDCB",
        "ink-3": "#94A0B1",
        "promote": "#35C9A8",
        "keep_going": "#8FB4FF",
        "drop": "#FF9E73",
        "cant_tell": "#FFB3E0",
        "stop_for_harm": "#FF4D6A",
        "setting_up": "#8894A6",
        "warn": "#F2C14E",
        "shadow": "0 1px 2px rgba(0,0,0,.4)",
    },
}


@dataclass(frozen=True, slots=True)
class Screen:
    """What the reader looks at: colour scheme and whether it is as narrow as a phone. The browser says so in cookies."""

    scheme: Scheme = "light"
    narrow: bool = False

    def colour(self, token: str) -> str:
        return TOKENS[self.scheme][token]

    def tint(self, token: str, share: float) -> str:
        """A token's colour as a wash over the surface."""
        return mix(self.colour(token), self.colour("surface"), share)


def mix(colour: str, ground: str, share: float) -> str:
    """`share` of a #RRGGBB colour over the rest of a ground."""
    pairs = ((int(colour[i : i + 2], 16), int(ground[i : i + 2], 16)) for i in (1, 3, 5))
    return "#" + "".join(f"{round(share * a + (1 - share) * b):02X}" for a, b in pairs)


def css() -> str:
    """The tokens as CSS variables; `data-scheme` on the root element chooses between the schemes."""
    blocks, paper = [], ""
    for scheme, tokens in TOKENS.items():
        screen = Screen(scheme)
        wanted = dict(tokens)
        for name in (*VERDICT_COLOURS, "warn"):
            wanted[f"{name}-tint"] = screen.tint(name, TINT[scheme])
            wanted[f"{name}-edge"] = screen.tint(name, 0.35)
        body = "".join(f"--{name}:{value};" for name, value in wanted.items())
        blocks.append(f':root[data-scheme="{scheme}"]{{color-scheme:{scheme};{body}}}')
        if scheme == "light":  # paper is white, whatever the screen was
            paper = f"@media print{{:root[data-scheme][data-scheme]{{color-scheme:light;{body}}}}}"
    fonts = (
        '@font-face{font-family:"Inter";font-style:normal;font-weight:100 900;font-display:swap;'
        'src:url("/assets/fonts/inter-latin.woff2") format("woff2")}'
    )
    icons = (
        f'.icon.icon-{file.stem}{{mask-image:url("/assets/icons/{file.name}")}}' for file in sorted(ICONS.glob("*.svg"))
    )
    return fonts + f":root{{--font:{FONT}}}" + "".join(blocks) + paper + "".join(icons)


def template(screen: Screen) -> dict[str, Any]:
    """The Plotly template of a scheme: transparent paper, horizontal hairlines, tabular figures, unified hover."""
    axis = {
        "showline": False,
        "zeroline": False,
        "ticks": "",
        "fixedrange": True,
        "tickfont": {"color": screen.colour("ink-3"), "size": 12},
        "title": {"font": {"color": screen.colour("ink-3"), "size": 12}, "standoff": 10},
        "automargin": False,
    }
    return {
        "layout": {
            "font": {"family": FONT, "size": 12, "color": screen.colour("ink-2")},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "margin": {"l": 56, "r": 16, "t": 12, "b": 44},
            "showlegend": False,
            "hovermode": "x unified",
            "hoverlabel": {
                "bgcolor": screen.colour("surface"),
                "bordercolor": screen.colour("line"),
                "font": {"color": screen.colour("ink"), "size": 12, "family": FONT},
            },
            "dragmode": False,
            "xaxis": {**axis, "showgrid": False},
            "yaxis": {**axis, "showgrid": True, "gridcolor": screen.colour("line"), "gridwidth": 1},
        }
    }


def mantine() -> dict[str, Any]:
    """The theme of the form parts (dash-mantine-components), from the same tokens; mantine.css maps the rest."""
    return {
        "fontFamily": FONT,
        "primaryColor": "blue",
        "defaultRadius": 6,
        "respectReducedMotion": True,
        "cursorType": "pointer",
    }
