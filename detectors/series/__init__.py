"""How odd each point of one time series is, beside all that came before it: `tokentrail score-series`.

`scorer` is the way in. `forecasts` say what is expected, `spreads` how far from it points usually lie, `windows` what
adds up over time, `calibration` what a probability was worth so far, `verdicts` what follows.
"""
