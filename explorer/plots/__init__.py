"""Figures: numpy in, plotly out, a file per tab.

    style        palette, themes, axes, and how a figure travels
    map          the frame of the map
    holes        planes of Holes, their layers, and a path across one
    scores       p-values under each law, and the trade-off along a beta ladder
    interpolate  norm and vacancy along a walk
    report       losses, rates and codes of a fit

Each file imports plotly, which takes a second: import them where a figure is drawn.
"""
