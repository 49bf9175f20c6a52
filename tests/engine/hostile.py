"""Documents that nobody would hand in with good intentions, or that take longer than anybody should wait."""

from __future__ import annotations

import io
import random
import struct
import zlib


def png(width: int, height: int, rows: int = 1) -> bytes:
    """A PNG that claims to be so large; of its pixels only some rows are there."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    packer = zlib.compressobj(9)
    data = b"".join(packer.compress(bytes(width + 1)) for _ in range(rows)) + packer.flush()
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def pdf(content: bytes, *, resources: bytes = b"<<>>", more: tuple[bytes, ...] = ()) -> bytes:
    """A PDF of one page; ``content`` is its packed content stream, ``more`` are objects from number 5 on."""
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources " + resources + b">>",
        b"<</Filter/FlateDecode/Length %d>>stream\n%s\nendstream" % (len(content), content),
        *more,
    ]
    out = io.BytesIO(b"%PDF-1.4\n")
    out.seek(0, io.SEEK_END)
    places = []
    for number, body in enumerate(objects, 1):
        places.append(out.tell())
        out.write(b"%d 0 obj%s endobj\n" % (number, body))
    start = out.tell()
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    for place in places:
        out.write(b"%010d 00000 n \n" % place)
    out.write(b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start))
    return out.getvalue()


def pdf_with_huge_image(side: int) -> bytes:
    """The picture says that it has side x side pixels."""
    packed = zlib.compress(bytes(1000))
    image = b"<</Type/XObject/Subtype/Image/Width %d/Height %d/ColorSpace/DeviceGray/BitsPerComponent 8" % (
        side,
        side,
    )
    image += b"/Filter/FlateDecode/Length %d>>stream\n%s\nendstream" % (len(packed), packed)
    return pdf(
        zlib.compress(b"q 500 0 0 500 0 0 cm /I Do Q"), resources=b"<</XObject<</I 5 0 R>>>>", more=(image,)
    )


def pdf_bomb(megabytes: int) -> bytes:
    """A content stream that unpacks to so much drawing."""
    packer = zlib.compressobj(9)
    piece = b"0 0 m 9 9 l S\n" * 75_000
    data = b"".join(packer.compress(piece) for _ in range(megabytes)) + packer.flush()
    return pdf(data)


def noise(width: int, height: int) -> bytes:
    """A picture full of specks: reading it takes very long."""
    from PIL import Image

    dice = random.Random(7)
    grains = Image.frombytes("L", (width // 4, height // 4), dice.randbytes((width // 4) * (height // 4)))
    target = io.BytesIO()
    grains.resize((width, height)).point(lambda value: 255 if value > 120 else 0).save(target, "PNG")
    return target.getvalue()


def pdf_with_endless_page(pages: int, endless: int) -> bytes:
    """Short pages, and one of graph paper: looking for tables takes minutes, by the fourth power of its lines."""
    from reportlab.pdfgen.canvas import Canvas

    lines, apart = 300, 4  # points; lines that are closer than 3 count as one
    side = lines * apart
    target = io.BytesIO()
    canvas = Canvas(target, pagesize=(side, side), invariant=1)
    for page in range(pages):
        if page == endless:
            for place in range(0, side, apart):
                canvas.line(0, place, side, place)
                canvas.line(place, 0, place, side)
        else:
            canvas.setFont("Helvetica", 36)
            canvas.drawString(72, 700, f"HARBOUR {page + 1}")
        canvas.showPage()
    canvas.save()
    return target.getvalue()
