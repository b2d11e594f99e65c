"""Pure functions from rows to frames and charts. Nothing here knows Streamlit, the store or the time of day."""
