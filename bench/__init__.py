"""Measures the running system, beside bounds measured in the same run. See bench/README.md.

python -m bench              # everything, and bench/latest.json
python -m bench signups      # one part, printed only
"""
