"""What a piece of text asks for, by its verb, in the languages the model speaks."""

# ruff: noqa: RUF001 - the signs of other scripts are meant

import re
from enum import StrEnum


class Operation(StrEnum):
    """A kind of work on text."""

    COUNT = "count"
    SUMMARISE = "summarise"
    TRANSLATE = "translate"
    COMPARE = "compare"
    EXTRACT = "extract"
    COMBINE = "combine"
    LIST = "list"
    WRITE = "write"
    ANSWER = "answer"


_LATIN = {
    Operation.COUNT: "count|how many|zähl|wie ?viele|compte[zr]?|combien|cuenta|cuánt[oa]s|đếm|bao nhiêu",
    Operation.SUMMARISE: "summari[sz]|sum up|zusammenfass|fasse?|résum|resum|resúm|tóm tắt",
    Operation.TRANSLATE: "translat|übersetz|tradui|traduc|tradúc|dịch",
    Operation.COMPARE: "compar|vergleich|so sánh",
    Operation.EXTRACT: "extract|extrahier|extrai|extrae|trích",
    Operation.COMBINE: "combin|merge|join|kombinier|verbinde|füge|fusionn|réuni|reún|une |kết hợp|gộp",
    Operation.LIST: "list|name|enumerat|nenne|aufzähl|cite|énumère|enumera|liệt kê",
    Operation.WRITE: "writ|draft|compose|creat|explain|describ|schreib|erkläre|beschreib|erstell"
    "|écri|rédig|expliqu|décri|crée|escrib|redact|explic|describ|crea|viết|giải thích|mô tả|tạo",
}
_CJK = {
    Operation.COUNT: "数一|计数|计算|多少|几个|数えて|いくつ",
    Operation.SUMMARISE: "总结|概括|摘要|要約|まとめ",
    Operation.TRANSLATE: "翻译|译成|翻訳|訳して",
    Operation.COMPARE: "比较|对比|比較|比べ",
    Operation.EXTRACT: "提取|抽出",
    Operation.COMBINE: "合并|结合|整合|統合|組み合わせ",
    Operation.LIST: "列出|列举|挙げ|リスト",
    Operation.WRITE: "写|创建|解释|描述|書い|作成|説明",
}
_PATTERN = re.compile(
    "|".join(f"(?P<{kind.value}>\\b(?:{_LATIN[kind]})|{_CJK[kind]})" for kind in _LATIN), re.IGNORECASE
)
_QUESTION = ("?", "？")
_JUDGED = re.compile(
    r"\b(?:review|assess|judge|convincing|persuasive|polished|high.quality|careful|proofread|überzeug|sorgfältig|prüfe"
    r"|convaincant|soign|convincente|cuidados|thuyết phục|cẩn thận)|有说服力|仔细|丁寧|説得力",
    re.IGNORECASE,
)
_JSON = re.compile(r"\bJSON\b")


def operation_of(text: str) -> Operation:
    """Return the first kind of work the text names; a question asks for an answer, anything else is writing."""
    match = _PATTERN.search(text[:2000])
    if match is not None:
        return Operation(str(match.lastgroup))
    return Operation.ANSWER if text.rstrip().endswith(_QUESTION) else Operation.WRITE


def wants_judgement(text: str) -> bool:
    """Return whether it takes a model to say if the work is good."""
    return _JUDGED.search(text) is not None


def wants_json(text: str) -> bool:
    """Return whether the result is to be JSON."""
    return _JSON.search(text) is not None
