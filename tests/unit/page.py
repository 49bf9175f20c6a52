"""What is in an HTML page."""

from __future__ import annotations

from html.parser import HTMLParser


class Page(HTMLParser):
    """Tags, ids, links and text of a page; ``folds`` counts the details elements that are no findings."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.attributes: list[str] = []
        self.folds = 0
        self.text = ""
        self._silent = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        given = dict(attrs)
        self.attributes += given
        self.ids += [given["id"] or ""] if "id" in given else []
        self.links += [
            given[name] or "" for name in ("href", "src", "action", "data", "poster") if name in given
        ]
        self.folds += tag == "details" and not (given.get("class") or "").startswith("f ")
        if tag in ("script", "style"):
            self._silent = tag

    def handle_endtag(self, tag: str) -> None:
        if tag == self._silent:
            self._silent = ""

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.text += data
