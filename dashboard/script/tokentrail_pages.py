"""What Streamlit runs for each session.

It stands alone in its folder, because Streamlit puts that folder first on `sys.path`.
"""

from dashboard.navigation import show

show()
