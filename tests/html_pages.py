"""Pages taken apart, to see what they show and what they may run."""

from html.parser import HTMLParser

VOID = {"br", "img", "input", "link", "meta"}


class Page(HTMLParser):
    """A page taken apart: (tag, attributes) of all elements, and all text outside style sheets and scripts."""

    def __init__(self, html):
        super().__init__()
        self.elements, self.text, self.style, self.scripts, self._open = [], "", "", [], []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag):
        self._open.pop()

    def handle_data(self, data):
        if self._open[-1:] == ["style"]:
            self.style += data
        elif self._open[-1:] == ["script"]:
            self.scripts.append(data)
        else:
            self.text += data + "\n"

    def count(self, tag):
        return sum(name == tag for name, _ in self.elements)

    def classes(self, tag):
        return [attributes.get("class", "") for name, attributes in self.elements if name == tag]
