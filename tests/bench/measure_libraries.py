"""Measure what the catalog says of libraries: databases, parsers, codecs, hashes, tables, pictures, documents.

    python tests/bench/measure_libraries.py [--write] [--only REGEX]

As `measure_costs` does for files and processes, and in the same form; a library that is not installed is left out, and
the notes that name its calls stay as they are. Data is made here: no model, no network, no file of others.
"""

from __future__ import annotations

import argparse
import bz2
import hashlib
import io
import json
import lzma
import pickle
import platform
import re
import socket
import sqlite3
import ssl
import tomllib
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from measure_costs import Bench, scratch, short, write_notes

ROWS = [{"id": n, "name": f"name {n}", "values": [n, n + 1, n * 0.5], "ok": True} for n in range(140_000)]
"""Some 10 MB as JSON."""

Part = Callable[[Bench], None]


def serialization(bench: Bench) -> None:
    text = json.dumps(ROWS)
    path = bench.directory / "rows.json"
    path.write_text(text)

    def load() -> object:
        with path.open() as source:
            return json.load(source)

    def dump() -> None:
        with path.open("w") as target:
            json.dump(ROWS, target)

    bench.measure("json loads 10 MB", lambda: json.loads(text))
    bench.measure("json dumps 10 MB", lambda: json.dumps(ROWS))
    bench.measure("json dumps indent 10 MB", lambda: json.dumps(ROWS, indent=2))
    bench.measure("json load 10 MB", load)
    bench.measure("json dump 10 MB", dump)
    packed = pickle.dumps(ROWS * 2)[:]
    bench.measure("pickle dumps 10 MB", lambda: pickle.dumps(ROWS * 2))
    bench.measure("pickle loads 10 MB", lambda: pickle.loads(packed))  # made above
    toml = "".join(f'[table{n}]\nname = "name {n}"\nvalues = [1, 2, 3]\n\n' for n in range(2_100))
    bench.measure("tomllib loads 100 kB", lambda: tomllib.loads(toml))
    xml = "<rows>" + "".join(f'<row id="{n}"><name>name {n}</name></row>' for n in range(230_000)) + "</rows>"
    bench.measure("ElementTree parse 10 MB", lambda: ET.parse(io.StringIO(xml)))


def yaml(bench: Bench) -> None:
    import yaml

    data = [{"name": f"name {n}", "values": [n, n + 1], "ok": True} for n in range(1_800)]
    text = yaml.safe_dump(data)
    bench.measure("yaml safe_load 100 kB", lambda: yaml.safe_load(text))
    bench.measure("yaml safe_dump 100 kB", lambda: yaml.safe_dump(data))


def hashes(bench: Bench) -> None:
    data = bytes(range(256)) * 40_000
    bench.measure("sha256 10 MB", lambda: hashlib.sha256(data))
    bench.measure(
        "pbkdf2_hmac 600000 rounds", lambda: hashlib.pbkdf2_hmac("sha256", b"word", b"salt", 600_000)
    )
    bench.measure("scrypt 16 MiB", lambda: hashlib.scrypt(b"word", salt=b"salt", n=2**14, r=8, p=1))
    text = json.dumps(ROWS).encode()
    for name, module in (("zlib", zlib), ("bz2", bz2), ("lzma", lzma)):
        bench.measure(f"{name} compress 10 MB", lambda module=module: module.compress(text))
    packed = zlib.compress(text)
    bench.measure("zlib decompress 10 MB", lambda: zlib.decompress(packed))


def passwords(bench: Bench) -> None:
    import bcrypt

    salt = bcrypt.gensalt(12)
    bench.measure("bcrypt hashpw 12 rounds", lambda: bcrypt.hashpw(b"word", salt))


def argon(bench: Bench) -> None:
    import argon2

    hasher = argon2.PasswordHasher()
    bench.measure("argon2 hash", lambda: hasher.hash("word"))


def keys(bench: Bench) -> None:
    from cryptography.hazmat.primitives.asymmetric import rsa

    bench.measure("rsa key 2048 bits", lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048))


def sqlite(bench: Bench) -> None:
    path = bench.directory / "rows.sqlite"
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE book (id INTEGER PRIMARY KEY, title TEXT, pages INTEGER)")
    database.executemany(
        "INSERT INTO book (title, pages) VALUES (?, ?)", ((f"t{n}", n) for n in range(1_000_000))
    )
    database.commit()

    def insert() -> None:
        database.execute("INSERT INTO book (title, pages) VALUES ('x', 1)")
        database.commit()

    bench.measure("sqlite connect", lambda: sqlite3.connect(path).close(), times=100)
    bench.measure(
        "sqlite select by key", lambda: database.execute("SELECT * FROM book WHERE id = 7"), times=1000
    )
    bench.measure(
        "sqlite scan of 1000000 rows",
        lambda: database.execute("SELECT count(*) FROM book WHERE pages % 7 = 3").fetchall(),
    )
    bench.measure(
        "sqlite fetchall of 100000 rows",
        lambda: database.execute("SELECT * FROM book LIMIT 100000").fetchall(),
    )
    bench.measure("sqlite insert and commit", insert, times=5)
    database.close()


def duckdb(bench: Bench) -> None:
    import duckdb

    database = duckdb.connect()
    database.execute("CREATE TABLE t AS SELECT range AS a, range % 100 AS b FROM range(1000000)")
    bench.measure(
        "duckdb aggregate of 1000000 rows",
        lambda: database.execute("SELECT b, sum(a) FROM t GROUP BY b ORDER BY b").fetchall(),
    )


def sqlalchemy(bench: Bench) -> None:
    from sqlalchemy import Column, Integer, String, create_engine, select
    from sqlalchemy.orm import Session, declarative_base

    Base = declarative_base()

    class Book(Base):  # type: ignore[misc,valid-type]  # made at run time
        __tablename__ = "book"
        id = Column(Integer, primary_key=True)
        title = Column(String)

    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add_all(Book(title=str(n)) for n in range(1_000))
        session.commit()

    def load() -> int:
        with Session(engine) as session:
            return len(session.scalars(select(Book)).all())

    bench.measure("sqlalchemy select of 1000 objects", load)


def peewee(bench: Bench) -> None:
    import peewee

    database = peewee.SqliteDatabase(":memory:")

    class Book(peewee.Model):  # type: ignore[misc]  # peewee has no types
        title = peewee.CharField()

    with database.bind_ctx([Book]):
        database.create_tables([Book])
        Book.insert_many({"title": str(n)} for n in range(1_000)).execute()
        bench.measure("peewee select of 1000 rows", lambda: list(Book.select()))


def network(bench: Bench) -> None:
    here, there = socket.socketpair()
    payload = bytes(1_000)

    def send() -> None:
        here.send(payload)
        there.recv(2_000)

    bench.measure("socket send 1 kB", send, times=1000)
    here.close()
    there.close()
    bench.measure("ssl default context", ssl.create_default_context)
    bundle = ssl.get_default_verify_paths().cafile
    if bundle:
        bench.measure(
            "ssl load_verify_locations",
            lambda: ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(bundle),
        )


def processes(bench: Bench) -> None:
    import psutil

    me = psutil.Process()
    bench.measure("psutil process_iter", lambda: [p.name() for p in psutil.process_iter()])
    bench.measure("psutil children", lambda: me.children(recursive=True))
    bench.measure("psutil memory_info", me.memory_info, times=100)
    bench.measure("psutil memory_full_info", me.memory_full_info, times=10)


def aws(bench: Bench) -> None:
    import boto3

    def make() -> object:
        session = boto3.session.Session(
            aws_access_key_id="x", aws_secret_access_key="x", region_name="eu-west-1"
        )
        return session.client("s3")

    bench.measure("boto3 client s3", make)


def tokens(bench: Bench) -> None:
    from tokenizers import Tokenizer
    from tokenizers.models import BPE
    from tokenizers.pre_tokenizers import Whitespace
    from tokenizers.trainers import BpeTrainer

    text = " ".join(f"word{n % 977} sentence{n % 311}" for n in range(6_000))
    tokenizer = Tokenizer(BPE(unk_token="?"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.train_from_iterator([text], BpeTrainer(special_tokens=["?"], show_progress=False))
    bench.measure("tokenizers encode 100 kB", lambda: tokenizer.encode(text[:100_000]))


def pictures(bench: Bench) -> None:
    from PIL import Image

    picture = Image.effect_noise((4_000, 3_000), 60).convert("RGB")
    jpeg, png = bench.directory / "p.jpg", bench.directory / "p.png"
    picture.save(jpeg)
    picture.save(png)
    bench.measure("pillow open", lambda: Image.open(jpeg).close(), times=20)
    bench.measure("pillow decode jpeg 12 MP", lambda: Image.open(jpeg).load())
    bench.measure("pillow decode png 12 MP", lambda: Image.open(png).load())
    bench.measure("pillow save jpeg 12 MP", lambda: picture.save(jpeg))
    bench.measure("pillow save png 12 MP", lambda: picture.save(png))
    bench.measure("pillow resize 12 MP", lambda: picture.resize((1_000, 750)))
    bench.measure("pillow convert 12 MP", lambda: picture.convert("L"))
    bench.measure("pillow rotate 12 MP", lambda: picture.rotate(10))


def opencv(bench: Bench) -> None:
    import cv2
    import numpy as np

    picture = np.random.default_rng(1).integers(0, 255, (3_000, 4_000, 3), dtype=np.uint8)
    path = str(bench.directory / "cv.jpg")
    cv2.imwrite(path, picture)
    bench.measure("cv2 imread jpeg 12 MP", lambda: cv2.imread(path))
    bench.measure("cv2 imwrite jpeg 12 MP", lambda: cv2.imwrite(path, picture))
    bench.measure("cv2 cvtColor 12 MP", lambda: cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY))
    bench.measure("cv2 resize 12 MP", lambda: cv2.resize(picture, (1_000, 750)))
    bench.measure("cv2 GaussianBlur 12 MP", lambda: cv2.GaussianBlur(picture, (7, 7), 0))
    bench.measure("cv2 Canny 12 MP", lambda: cv2.Canny(picture, 50, 150))
    grey = np.ascontiguousarray(picture[:1_000, :1_000, 0])
    bench.measure("cv2 fastNlMeansDenoising 1 MP", lambda: cv2.fastNlMeansDenoising(grey))


def _pdf(path: Path, pages: int) -> None:
    import pymupdf

    document = pymupdf.open()
    for _ in range(pages):
        page = document.new_page()
        for line in range(50):
            page.insert_text((50, 60 + line * 14), f"This is line {line} of a page with some words on it.")
    document.save(path)


def documents(bench: Bench) -> None:
    import pymupdf

    path = bench.directory / "d.pdf"
    _pdf(path, 50)
    page = pymupdf.open(path)[0]
    bench.measure("pymupdf get_text of a page", page.get_text)
    bench.measure("pymupdf get_pixmap 200 dpi", lambda: page.get_pixmap(dpi=200))
    for part in (_pypdf, _pdfplumber, _pdfminer, _pypdfium):
        _run(part, bench)


def _pypdf(bench: Bench) -> None:
    import pypdf

    path = bench.directory / "d.pdf"
    page = pypdf.PdfReader(path).pages[0]
    bench.measure("pypdf open 50 pages", lambda: pypdf.PdfReader(path))
    bench.measure("pypdf extract_text of a page", page.extract_text)


def _pdfplumber(bench: Bench) -> None:
    import pdfplumber

    def read() -> object:
        with pdfplumber.open(bench.directory / "d.pdf") as document:
            return document.pages[0].extract_text()

    bench.measure("pdfplumber extract_text of a page", read)


def _pdfminer(bench: Bench) -> None:
    from pdfminer.high_level import extract_text

    bench.measure("pdfminer extract_text of 50 pages", lambda: extract_text(bench.directory / "d.pdf"))


def _pypdfium(bench: Bench) -> None:
    import pypdfium2

    page = pypdfium2.PdfDocument(bench.directory / "d.pdf")[0]
    bench.measure("pypdfium2 text of a page", lambda: page.get_textpage().get_text_range())
    bench.measure("pypdfium2 render 200 dpi", lambda: page.render(scale=200 / 72))


def spreadsheets(bench: Bench) -> None:
    import openpyxl

    book = openpyxl.Workbook()
    for n in range(10_000):
        book.active.append([f"x{n}", *range(9)])
    path = bench.directory / "s.xlsx"

    bench.measure("openpyxl save 10000 rows of 10 cells", lambda: book.save(path))
    bench.measure("openpyxl load 10000 rows of 10 cells", lambda: openpyxl.load_workbook(path))


def office(bench: Bench) -> None:
    import docx

    document = docx.Document()
    for n in range(2_000):
        document.add_paragraph(f"This is paragraph {n}, with some words in it.")
    path = str(bench.directory / "d.docx")
    document.save(path)
    bench.measure("python-docx load 2000 paragraphs", lambda: docx.Document(path))


def markup(bench: Bench) -> None:
    from bs4 import BeautifulSoup
    from lxml import html

    page = "<html><body>" + "".join(
        f'<div class="row"><a href="/{n}">link {n}</a><p>Some <b>words</b> of text, number {n}.</p></div>'
        for n in range(2_100)
    )
    bench.measure("bs4 html.parser 200 kB", lambda: BeautifulSoup(page, "html.parser"))
    bench.measure("bs4 lxml 200 kB", lambda: BeautifulSoup(page, "lxml"))
    bench.measure("lxml html fromstring 200 kB", lambda: html.fromstring(page))


def templates(bench: Bench) -> None:
    import jinja2

    environment = jinja2.Environment(autoescape=True)
    source = "{% for row in rows %}<tr><td>{{ row.name }}</td><td>{{ row.id }}</td></tr>\n{% endfor %}"
    template = environment.from_string(source)
    bench.measure("jinja2 render 1000 rows", lambda: template.render(rows=ROWS[:1_000]))
    bench.measure("jinja2 compile 100 lines", lambda: environment.compile((source + "\n") * 34))


def tables(bench: Bench) -> None:
    import numpy as np
    import pandas as pd

    generator = np.random.default_rng(1)
    frame = pd.DataFrame({f"c{n}": generator.random(110_000) for n in range(5)})
    csv, parquet = bench.directory / "t.csv", bench.directory / "t.parquet"
    bench.measure("pandas to_csv 10 MB", lambda: frame.to_csv(csv, index=False))
    bench.measure("pandas read_csv 10 MB", lambda: pd.read_csv(csv))
    frame.to_parquet(parquet)
    bench.measure("pandas read_parquet 10 MB", lambda: pd.read_parquet(parquet))
    small = frame.head(10_000)
    bench.measure("pandas apply 10000 rows", lambda: small.apply(lambda row: row["c0"] + row["c1"], axis=1))
    bench.measure("pandas iterrows 10000 rows", lambda: [row["c0"] for _, row in small.iterrows()])
    long = pd.DataFrame(
        {"key": generator.integers(0, 1_000, 1_000_000), "value": generator.random(1_000_000)}
    )
    bench.measure("pandas groupby mean 1000000 rows", lambda: long.groupby("key").mean())
    bench.measure("pandas sort_values 1000000 rows", lambda: long.sort_values("value"))
    left = pd.DataFrame({"key": range(100_000), "a": generator.random(100_000)})
    bench.measure("pandas merge 100000 rows", lambda: left.merge(left, on="key"))


def polars(bench: Bench) -> None:
    import polars as pl

    path = bench.directory / "t.csv"
    if path.exists():
        bench.measure("polars read_csv 10 MB", lambda: pl.read_csv(path))


def arrays(bench: Bench) -> None:
    import numpy as np

    generator = np.random.default_rng(1)
    path = bench.directory / "a.npy"
    array = generator.random(1_250_000)
    bench.measure("numpy save 10 MB", lambda: np.save(path, array))
    bench.measure("numpy load 10 MB", lambda: np.load(path))
    text = bench.directory / "a.txt"
    np.savetxt(text, generator.random((10_000, 10)))
    bench.measure("numpy loadtxt 100000 numbers", lambda: np.loadtxt(text))
    square, large = generator.random((500, 500)), generator.random((1_000, 1_000))
    bench.measure("numpy svd 500x500", lambda: np.linalg.svd(square))
    bench.measure("numpy inv 1000x1000", lambda: np.linalg.inv(large))


def forests(bench: Bench) -> None:
    import numpy as np
    from sklearn.ensemble import RandomForestClassifier

    samples = np.random.default_rng(1).random((1_000, 20))
    forest = RandomForestClassifier(random_state=1).fit(samples, samples[:, 0] > 0.5)
    bench.measure("sklearn forest predict 100 samples", lambda: forest.predict(samples[:100]))


PARTS: tuple[Part, ...] = (
    serialization, yaml, hashes, passwords, argon, keys, sqlite, duckdb, sqlalchemy, peewee, network, processes, aws,
    tokens, pictures, opencv, documents, spreadsheets, office, markup, templates, tables, polars, arrays, forests,
)  # fmt: skip


def _run(part: Part, bench: Bench) -> None:
    try:
        part(bench)
    except ModuleNotFoundError as error:
        print(f"{part.__name__.strip('_')}: {error.name} is not installed")


def main() -> None:
    """Measure, print, and with --write record."""
    parser = argparse.ArgumentParser(description="Measure what the catalog says of libraries.")
    parser.add_argument("--write", action="store_true", help="put the figures into the notes of the catalog")
    parser.add_argument("--repeat", type=int, default=3, help="samples for each call (default: 3)")
    parser.add_argument("--only", metavar="REGEX", default="", help="only parts whose name matches")
    options: Any = parser.parse_args()
    with scratch() as directory:
        bench = Bench(directory, options.repeat)
        bench.processes()
        for part in PARTS:
            if re.search(options.only, part.__name__):
                _run(part, bench)
    for result in bench.results.values():
        stall = "" if result.stall is None else f"longest GIL hold {short(result.stall):>8}"
        print(f"{result.name:36} {short(result.seconds):>9}   {stall}")
    if options.write:
        machine = f"{platform.system()}, Python {platform.python_version()}, warm page cache"
        print("changed:", ", ".join(write_notes(bench.results, machine)) or "nothing")


if __name__ == "__main__":
    main()
