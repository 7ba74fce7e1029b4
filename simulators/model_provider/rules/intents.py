"""What a clause wants done, and to what: its verb and the things of other systems that it names, in several languages.

A tool's name is read the same way, so that both can be compared.
"""

# ruff: noqa: RUF001 - the signs of other scripts are meant

import re
from enum import StrEnum
from typing import NamedTuple


class Verb(StrEnum):
    """What is done."""

    SEARCH = "search"
    GET = "get"
    CREATE = "create"
    UPDATE = "update"
    TRANSITION = "transition"
    DELETE = "delete"

    @property
    def reads(self) -> bool:
        """Whether it changes nothing."""
        return self in (Verb.SEARCH, Verb.GET)


class Intent(NamedTuple):
    """What is wanted. `words`: all words, singular and in lower case; `exact`: it names one thing by key or place."""

    verb: Verb | None
    things: frozenset[str]
    words: frozenset[str]
    exact: bool


ISSUE_KEY = re.compile(r"(?<![A-Za-z0-9_-])[A-Z][A-Z0-9_]{1,9}-\d{1,7}(?!\d)")
URL = re.compile(r"https?://[^\s<>\"'，。）)\]]{1,500}")
PATH = re.compile(r"(?<![\w/:.])(?:~|\.{1,2})?/[\w.@+-]{1,200}(?:/[\w.@+-]{1,200}){0,30}/?")

_VERBS = {
    Verb.SEARCH: "list|find|search|query|look for|list[ae]|suche|finde|cherche[zr]?|trouve[zr]?|busca|encuentra|enumera"
    "|tìm|liệt kê|列出|列举|查找|搜索|查询|検索|一覧",
    Verb.GET: "get|show|read|display|fetch|convert|open the|view|look up|what|which|when|wie spät|quelle heure|qué hora"
    "|zeige?|lies|hole|montre[zr]?|affiche|lis|muestra|lee|xem|đọc|hiển thị|mấy|显示|读取|查看|获取|打开|几点|表示|読",
    Verb.CREATE: "create|write|add|post|make|open an?|file an?|publish|raise|report|comment|save|erstelle?|schreibe?"
    "|lege?|füge?|kommentiere?|crée[zr]?|écri[st]|rédige|ajoute[zr]?|crea|escribe|redacta|añade|agrega|tạo|viết|thêm"
    "|bình luận|创建|新建|写|添加|发布|评论|作成|書|追加",
    Verb.UPDATE: "update|edit|change|set|rename|aktualisiere?|ändere?|bearbeite|modifie[zr]?|actualiza|cambia|cập nhật"
    "|sửa|更新|修改|编辑|変更",
    Verb.TRANSITION: "transition|move|close|resolve|reopen|verschiebe|schließe?|erledige|ferme[zr]?|cierra|chuyển|đóng"
    "|移动|关闭|解决",
    Verb.DELETE: "delete|remove|lösche?|entferne?|supprime[zr]?|elimina|borra|xóa|删除|移除|削除",
}
_STARTS = r"(?:(?<![A-Za-zÀ-ÿđĐăơưạ-ỹ])|(?=[\u3040-\u30ff\u3400-\u9fff]))"
"""Where a word begins: not within a word, but Chinese and Japanese have no blanks."""
_VERB = re.compile(
    "|".join(f"(?P<{verb.value}>{_STARTS}(?:{words})(?![a-zà-ÿ]))" for verb, words in _VERBS.items()),
    re.IGNORECASE,
)
_VERB_WITHIN = 60
"""Characters at a clause's beginning in which its verb stands."""

_THINGS = {
    "issue": r"bugs?\b|issues?\b|tickets?\b|jira\b|defects?\b|epics?\b|user stor(?:y|ies)\b|fehlern?\b|vorg[aä]nge?\b"
    r"|bogues?\b|incidencias?\b|errores\b"
    r"|(?:task|story|stories|tasks) (?:in|for|of) (?:project )?(?-i:[A-Z]{2})|lỗi\b|缺陷|工单|漏洞|バグ|課題",
    "page": r"pages?\b|confluence\b|wiki\b|(?:\w{0,20})seiten?\b|páginas?\b|trang\b|页面|文档页|ページ",
    "comment": r"comment(?:s|ary)?\b|kommentare?\b|kommentiere?\b|commentaires?\b|comentarios?\b|bình luận|评论"
    r"|コメント",
    "time": r"(?:what(?:'s| is)? the |what |current )time\b|uhrzeit\b|wie spät|quelle heure|qué hora|mấy giờ"
    r"|(?<!\d)\d{1,2}:\d{2}(?!\d)"
    r"|时间|几点|何時",
    "file": r"files?\b|datei(?:en)?\b|fichiers?\b|archivos?\b|tệp\b|tập tin|文件|ファイル",
    "directory": r"director(?:y|ies)\b|folders?\b|ordner\b|verzeichnis|dossiers?\b|carpetas?\b|thư mục|目录|文件夹",
    "git": r"git\b|commits?\b|repositor(?:y|ies)\b|repo\b|提交|仓库",
    "sum": r"sum\b|summe\b|somme\b|suma\b|tổng\b|总和|plus\b|add (?=-?\d)",
}
_THING = {name: re.compile(rf"{_STARTS}(?:{words})", re.IGNORECASE) for name, words in _THINGS.items()}
_NAMED = {
    "issue": "issue",
    "jira": "issue",
    "page": "page",
    "confluence": "page",
    "wiki": "page",
    "comment": "comment",
    "time": "time",
    "file": "file",
    "directory": "directory",
    "git": "git",
    "sum": "sum",
    "fetch": "url",
    "url": "url",
}
"""What a word of a tool's name speaks of."""
_ACTS = {
    "search": Verb.SEARCH,
    "list": Verb.SEARCH,
    "find": Verb.SEARCH,
    "query": Verb.SEARCH,
    "get": Verb.GET,
    "read": Verb.GET,
    "show": Verb.GET,
    "view": Verb.GET,
    "convert": Verb.GET,
    "fetch": Verb.GET,
    "create": Verb.CREATE,
    "add": Verb.CREATE,
    "write": Verb.CREATE,
    "post": Verb.CREATE,
    "append": Verb.CREATE,
    "send": Verb.CREATE,
    "save": Verb.CREATE,
    "update": Verb.UPDATE,
    "edit": Verb.UPDATE,
    "set": Verb.UPDATE,
    "transition": Verb.TRANSITION,
    "move": Verb.TRANSITION,
    "close": Verb.TRANSITION,
    "delete": Verb.DELETE,
    "remove": Verb.DELETE,
}
_ADDRESSES = (("issue", ISSUE_KEY), ("url", URL), ("file", PATH))
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_WORD = re.compile(r"[^\W_]+")
_SCAN = 2000


def intent_of(text: str) -> Intent:
    """Return what a clause wants."""
    text = text[:_SCAN]
    match = _VERB.search(text[:_VERB_WITHIN])
    verb = Verb(str(match.lastgroup)) if match else None
    things = {name for name, pattern in _THING.items() if pattern.search(text)}
    addressed = {name for name, pattern in _ADDRESSES if pattern.search(text)}
    if "file" in addressed and (verb is Verb.SEARCH or "directory" in things):
        addressed = addressed - {"file"} | {"directory"}
    if "sum" in things:
        verb = Verb.GET
    return Intent(verb, frozenset(things | addressed), frozenset(words_of(text)), bool(addressed))


def named(name: str) -> Intent:
    """Return what a tool does by its name: the first verb in it, and all that it speaks of."""
    words = words_of(name)
    verb = next((_ACTS[word] for word in words if word in _ACTS), None)
    things = {_NAMED[word] for word in words if word in _NAMED}
    return Intent(verb, frozenset(things), frozenset(words), exact=False)


def is_known(word: str) -> bool:
    """Return whether a word of a tool's name says what it does, or to what."""
    return word in _ACTS or word in _NAMED


def thing_of(word: str) -> str | None:
    """Return what a word of a tool's name speaks of."""
    return _NAMED.get(word)


def words_of(text: str) -> list[str]:
    """Return words in lower case, cut as names are, plurals without their s."""
    found = [match.group().lower() for match in _WORD.finditer(_CAMEL.sub(" ", text))]
    return [
        word[:-1] if len(word) > len("yes") and word.endswith("s") and word[-2] not in "su" else word for word in found
    ]
