"""Colours can be told apart and read, by everybody."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from dashboards.theme import TINT, TOKENS, VERDICT_COLOURS, Scheme, Screen, css, template

# Machado, Oliveira & Fernandes (2009), severity 1.0; applied to linear RGB.
DEFICIENCIES = {
    "none": np.eye(3),
    "protan": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deutan": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritan": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
SCHEMES: tuple[Scheme, ...] = ("light", "dark")


def linear(colour: str) -> np.ndarray:
    channels = np.array([int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)])
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    """CIE 1976 L*a*b* of linear sRGB, D65."""
    to_xyz = np.array(
        [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
    )
    xyz = to_xyz @ np.clip(rgb, 0, 1) / np.array([0.95047, 1.0, 1.08883])
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def contrast(one: str, other: str) -> float:
    """WCAG 2 contrast ratio."""
    luminance = sorted(float(np.array([0.2126, 0.7152, 0.0722]) @ linear(colour)) for colour in (one, other))
    return (luminance[1] + 0.05) / (luminance[0] + 0.05)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("deficiency", DEFICIENCIES)
def test_verdict_colours_can_be_told_apart(scheme: Scheme, deficiency: str) -> None:
    """The worst pair of verdicts differs by ΔE76 ≥ 14, whatever the reader's eyes."""
    seen = {name: lab(DEFICIENCIES[deficiency] @ linear(TOKENS[scheme][name])) for name in VERDICT_COLOURS}
    worst = min((float(np.linalg.norm(seen[a] - seen[b])), a, b) for a, b in combinations(seen, 2))
    assert worst[0] >= 14, worst


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_ink_can_be_read_on_every_ground(scheme: Scheme) -> None:
    """Contrast ≥ 5 for ink and verdict words on the surface, ≥ 4.5 on the page's ground and on a verdict's own tint."""
    tokens, screen = TOKENS[scheme], Screen(scheme)
    for name in ("ink", "ink-2", "ink-3", "warn", *VERDICT_COLOURS):
        assert contrast(tokens[name], tokens["surface"]) >= 5, name
        assert contrast(tokens[name], tokens["background"]) >= 4.5, name
    for name in (*VERDICT_COLOURS, "warn"):
        assert contrast(tokens[name], screen.tint(name, TINT[scheme])) >= 4.5, name


def test_css_and_charts_come_from_the_same_tokens() -> None:
    """Every token is a CSS variable in its scheme, and the chart template uses the same inks."""
    text = css()
    for scheme in SCHEMES:
        for name, value in TOKENS[scheme].items():
            assert f"--{name}:{value};" in text
        assert template(Screen(scheme))["layout"]["font"]["color"] == TOKENS[scheme]["ink-2"]
    assert "http" not in text


def test_paper_is_light_whatever_the_screen_was() -> None:
    """Printing from dark would make a black page: the light tokens hold there, and weigh more than the scheme's own."""
    paper = css().partition("@media print")[2]
    assert paper.startswith("{:root[data-scheme][data-scheme]{color-scheme:light;")
    assert f"--surface:{TOKENS['light']['surface']};" in paper.partition("}")[0]
