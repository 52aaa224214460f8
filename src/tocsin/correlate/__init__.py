"""Correlate: evidence across documents names the campaign behind them. No Beam here."""
