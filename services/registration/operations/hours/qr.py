"""QR codes as pictures that stand in a page or a document."""

import io

import segno


def svg(words: str) -> str:
    """The QR code as SVG, without the head that a file of its own would have. It says nothing to a screen reader:
    the words must stand beside it."""
    out = io.BytesIO()
    segno.make(words, error="m", micro=False).save(out, kind="svg", xmldecl=False, svgns=True, border=4, omitsize=True)
    return out.getvalue().decode()
