"""One file a page; Streamlit runs it for each session."""
