"""The words that join or order the parts of a message, and those that point back, in several languages."""

# ruff: noqa: RUF001 - the signs of other scripts are meant

import re

VERBS = (
    "write|draft|compose|create|make|build|explain|describe|summari[sz]e|translate|count|list|name|compare|combine"
    "|merge|join|find|extract|give|tell|show|calculate|compute|check|review|add|remove|sort|rewrite|suggest|propose|prepare|plan|send|collect"
    "|analy[sz]e|evaluate|research|ask|read|choose|pick|generate|define|outline|estimate|rank|turn|convert"
    "|schreibe?|erstelle?|erkläre?|beschreibe?|fasse?|übersetze?|zähle?|liste|nenne|vergleiche?|kombiniere?"
    "|verbinde|finde|suche|gib|zeige?|berechne|prüfe|sortiere|sammle|frage?|plane|mache?"
    "|écris|écrivez|rédige[zr]?|explique[zr]?|décris|résume[zr]?|résumez|traduis|traduisez|compte[zr]?|nomme|compare[zr]?"
    "|combine[zr]?|trouve[zr]?|donne[zr]?|calcule[zr]?|crée[zr]?|cite[zr]?|demande[zr]?|énumère"
    "|escribe|redacta|explica|describe|resume|traduce|cuenta|enumera|nombra|compara|combina|encuentra|busca|da|calcula"
    "|crea|haz|pregunta|pregúntame"
    "|viết|soạn|giải thích|mô tả|tóm tắt|dịch|đếm|liệt kê|so sánh|kết hợp|tìm|tạo|tính|cho|hỏi|nêu"
)
CJK_VERBS = "写|翻译|总结|概括|列出|列举|比较|合并|解释|描述|计算|数|找|提取|创建|给|询问|问"

_THEN_WORDS = (
    "then|after that|after this|afterwards|subsequently|finally|lastly|next"
    "|dann|danach|anschließend|zum schluss|zuletzt|schließlich"
    "|puis|ensuite|après cela|après ça|enfin"
    "|luego|después|a continuación|finalmente|por último"
    "|sau đó|rồi|tiếp theo|cuối cùng"
)
_CJK_THEN = "然后|接着|随后|之后|最后|再|次に|その後|それから|そして|最後に"

THEN_AT_START = re.compile(
    rf"^(?:(?:and|und|et|y|và)\s+)?(?:(?:{_THEN_WORDS})\b[,:]?\s*|(?:{_CJK_THEN})[，、,]?\s*)", re.IGNORECASE
)
"""A part that begins so waits for the parts before it."""

THEN_INSIDE = re.compile(
    rf"\s*[,;]\s*(?:(?:and|und|et|y|và)\s+)?(?:{_THEN_WORDS})\b,?\s+"
    rf"|\s+(?:and|und|et|y|và)\s+(?:{_THEN_WORDS})\b,?\s+"
    rf"|\s+(?:then|puis|luego|sau đó|danach|rồi)\s+(?=(?:{VERBS})\b)"
    rf"|[，,、]?(?:然后|接着|随后|その後、?|それから、?)|[，,](?:之后|最后|再)(?=\S)",
    re.IGNORECASE,
)
"""Where a sentence goes on with a part that waits for the one before."""

AND_BETWEEN = re.compile(
    rf"(?:\s*,\s*(?:(?:and|und|et|y|và)\s+)?|\s+(?:and|und|et|y|và)\s+)(?=(?:{VERBS})\b)"
    rf"|[，,、]\s*(?:并且|并|以及|同时)?(?=(?:{CJK_VERBS}))",
    re.IGNORECASE,
)
"""Where a sentence goes on with a part of its own: "and" or a comma before an imperative."""

_ALL = (
    r"all|these|those|them|both|everything|the (?:results|parts|answers|texts|above)"
    r"|alles?|beides?|diese|die ergebnisse|sie|tout(?:es)?|tous|ces|les deux|les résultats"
    r"|todos?|todas?|ambos|ambas|estos|estas|los resultados"
    r"|tất cả|chúng|cả hai|các kết quả|những"
)
_MERGE = (
    "combin|compar|summari[sz]|sum up|merge|join|rank|sort|kombinier|vergleich|fasse?|verbinde|füge|résum|fusionn|réuni"
    "|resum|reún|une|kết hợp|so sánh|tóm tắt|gộp|collect|put"
)
REFERS_TO_ALL = re.compile(
    rf"^(?:please\s+)?(?:{_MERGE})\w*\s+(?:\w+\s+){{0,2}}?(?:{_ALL})\b"
    r"|^(?:请)?(?:把|将)?(?:所有|全部|它们|这些|以上|两者)|(?:合并|比较|总结|概括|汇总)(?:所有|全部|它们|这些|以上|两者|结果)"
    r"|^(?:すべて|これら|それら|以上|両方)",
    re.IGNORECASE,
)
"""A part that works on everything before it."""

REFERS_BACK = re.compile(
    rf"^(?:please\s+|bitte\s+)?(?:{VERBS})\s+(?:it|this|that|the (?:result|answer|output)|es|das|ihn|nó|kết quả)\b"
    r"|^\w+-(?:le|la|les)\b|^(?:escríbe|tradúce|resúme|cuénta|explíca)(?:lo|la|los|las)\b"
    r"|^(?:把|将)它|^(?:翻译|总结|概括|解释)它|^それを",
    re.IGNORECASE,
)
"""A part that works on the one before it."""

HUMAN = re.compile(
    r"^(?:please\s+)?(?:ask|check with|confirm with)\s+(?:me|us|the user|the requester)\b[,:]?\s*"
    r"(?:about|for|whether\b)?\s*|^(?:bitte\s+)?frage?\s+(?:mich|uns|den nutzer|die nutzerin|den benutzer)\b[,:]?\s*"
    r"|^demande[zr]?(?:-moi|\s+à l['’]utilisateur)[,:]?\s*"
    r"|^(?:pregúntame|pregunta (?:me|al usuario|a la usuaria))[,:]?\s*"
    r"|^(?:hãy\s+)?hỏi (?:tôi|người dùng)[,:]?\s*"
    r"|^(?:请)?(?:问我|询问我|询问用户|问用户)[，：:]?\s*|^(?:私|ユーザー)に(?:聞いて|質問して|尋ねて)[、：]?\s*",
    re.IGNORECASE,
)
"""A part that a person answers."""

SUB_REQUEST = re.compile(
    r"^#*\s*(?:sub-?request|unteranfrage|sous-demande|subsolicitud|yêu cầu con|子请求|サブリクエスト)\s*[:：]\s*",
    re.IGNORECASE,
)
"""A line that is a request of its own."""

POLITE = re.compile(
    r"^(?:(?:please|kindly|could you|can you|would you|bitte|kannst du|s'il te plaît|s'il vous plaît|por favor"
    r"|hãy|vui lòng|xin)\b|请|麻烦)[,，]?\s*",
    re.IGNORECASE,
)
GREETING = re.compile(
    r"^(?:hi|hello|hey|good (?:morning|afternoon|evening)|thanks|thank you|hallo|guten (?:morgen|tag|abend)|danke"
    r"|servus|bonjour|bonsoir|salut|merci|hola|buenos días|buenas (?:tardes|noches)|gracias|xin chào|chào|cảm ơn"
    r"|你好|您好|早上好|谢谢|こんにちは|おはよう|ありがとう)"
    r"(?:\s+(?:there|all|everyone|team|you|bạn|zusammen|à tous|a todos|so much|very much))?\s*(?:[,!.，！。、]+\s*|$)",
    re.IGNORECASE,
)
FIRST = re.compile(r"^(?:first(?:ly)?|zuerst|d'abord|primero|đầu tiên|trước tiên|首先|まず)[,，、:]?\s*", re.IGNORECASE)
GENERIC_INTRO = re.compile(
    r"following|\b(?:tasks?|to-?dos?|steps?|things|do)\b|folgende|aufgaben|suivant|tâches|siguiente|tareas|sau đây"
    r"|如下|以下|任务|次の|^\W*$",
    re.IGNORECASE,
)
"""A line before a list that says nothing of the items' subject."""
