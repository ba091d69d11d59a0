"""The last touches WeasyPrint leaves to us: PDF/UA-1 marks, table scopes, and the strike over blank space."""

import zlib

import pydyf
from weasyprint import Document

from .layout import SIDE_MM, Frame
from .typeface import MM_PER_PT

PT_PER_PX = 0.75
STRIKE_CLEARANCE_PT = 14
SMALLEST_STRIKE_PT = 36
# A packed stream that happens to end in a carriage return seems one byte short to a strict reader, who takes
# that byte and the line feed after it for one end of line.
AMBIGUOUS_END = b"\r\nendstream"

# ISO 14289-1 asks for the part number; ISO 19005-3 asks that a schema it does not know be described.
_UA_METADATA = b"""<rdf:Description xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" rdf:about=""
 xmlns:pdfuaid="http://www.aiim.org/pdfua/ns/id/"><pdfuaid:part>1</pdfuaid:part></rdf:Description>
<rdf:Description xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" rdf:about=""
 xmlns:pdfaExtension="http://www.aiim.org/pdfa/ns/extension/"
 xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#"
 xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#"><pdfaExtension:schemas><rdf:Bag>
<rdf:li rdf:parseType="Resource"><pdfaSchema:schema>PDF/UA Universal Accessibility Schema</pdfaSchema:schema>
<pdfaSchema:namespaceURI>http://www.aiim.org/pdfua/ns/id/</pdfaSchema:namespaceURI>
<pdfaSchema:prefix>pdfuaid</pdfaSchema:prefix><pdfaSchema:property><rdf:Seq><rdf:li rdf:parseType="Resource">
<pdfaProperty:name>part</pdfaProperty:name><pdfaProperty:valueType>Integer</pdfaProperty:valueType>
<pdfaProperty:category>internal</pdfaProperty:category>
<pdfaProperty:description>Part of ISO 14289 the file adheres to</pdfaProperty:description>
</rdf:li></rdf:Seq></pdfaSchema:property></rdf:li></rdf:Bag></pdfaExtension:schemas></rdf:Description>"""


def finish(document: Document, pdf: pydyf.PDF, frame: Frame | None) -> None:
    """A label has no frame: nothing on it is struck through."""
    _declare_accessibility(pdf)
    _scope_table_heads(pdf)
    if frame is not None:
        _strike_blank_space(document, pdf, frame)
    _pack_streams(pdf)


def _declare_accessibility(pdf: pydyf.PDF) -> None:
    for item in pdf.objects:
        if isinstance(item, pydyf.Stream) and item.extra.get("Type") == "/Metadata":
            # Left uncompressed, so that a reader can find it without unpacking the file.
            item.compress = False
            metadata = b"".join(
                part if isinstance(part, bytes) else str(part).encode() for part in item.stream
            )
            item.stream = [metadata.replace(b"</rdf:RDF>", _UA_METADATA + b"</rdf:RDF>")]


def _scope_table_heads(pdf: pydyf.PDF) -> None:
    elements = {item.reference: item for item in pdf.objects if isinstance(item, pydyf.Dictionary)}
    for item in elements.values():
        if item.get("S") == "/TH":
            row = elements[item["P"]]
            is_column_head = elements[row["P"]].get("S") == "/THead"
            item["A"]["Scope"] = "/Column" if is_column_head else "/Row"


def _strike_blank_space(document: Document, pdf: pydyf.PDF, frame: Frame) -> None:
    """A diagonal from "No further orders" to the foot of the last page: nothing can be added by hand."""
    top = document.pages[-1].anchors["end"][3] * PT_PER_PX + STRIKE_CLEARANCE_PT
    bottom = (frame.height_mm - frame.bottom_mm) / MM_PER_PT
    left = SIDE_MM / MM_PER_PT
    right = (frame.width_mm - SIDE_MM) / MM_PER_PT
    if bottom - top < SMALLEST_STRIKE_PT:
        return
    last_page = pdf.objects[pdf.pages["Kids"][-3]]
    drawing = pdf.objects[int(last_page["Contents"].split()[0])]
    # Outside the structure tree, because it says nothing the words above it do not say.
    drawing.stream.append(
        f"/Artifact BMC q 0 0 0 RG 0.75 w {left:.2f} {bottom:.2f} m {right:.2f} {top:.2f} l S Q EMC".encode()
    )


def _pack_streams(pdf: pydyf.PDF) -> None:
    """Once; pydyf packs anew for the file and for its identifier, hardly smaller, and in thrice the time."""
    for item in pdf.objects:
        if not isinstance(item, pydyf.Stream) or not item.compress:
            continue
        item.compress = False
        _, _, written = item.data.partition(b"\nstream\n")
        packed = zlib.compress(written.removesuffix(b"\nendstream"))
        if not packed.endswith(b"\r"):
            item.stream = [packed]
            item.extra["Filter"] = "/FlateDecode"
