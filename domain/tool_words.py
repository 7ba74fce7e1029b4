"""Words that people use for what tools call otherwise, in the languages that requests are mostly written in.

Folded as `domain.shortlist.terms` folds: lower case, no accents, singular, Chinese and Japanese in pairs of signs.
"""

_CONCEPTS = """
issue jira bug ticket task story defect incident fehler vorgang aufgabe bogue incidencia error errore loi 缺陷 错误
漏洞 工单 问题 任务 バグ 課題;
page confluence wiki document article seite dokument artikel pagina articulo documento trang tai 页面 文档
文章 网页 ペー ージ;
search find list query liste lista suche finde enumera cherche trouve busca encuentra tim liet ke 列出 搜索 查找 查询
検索 一覧;
get read show view look lies zeige lis montre affiche lee muestra xem doc 显示 查看 读取 打开 表示;
create write add new make post append neu schreibe erstelle lege cree ecri ecris ecrivez redige crea escribe tao viet
them 创建 新建 编写 撰写 添加 写一 作成 追加;
update change edit set modify andere aktualisiere bearbeite modifie cambia actualiza sua cap 更新 修改 编辑
変更;
transition status move close resolve done reopen workflow verschiebe schliesse erledige ferme cierra
chuyen dong 关闭 状态 完成 解决 移动;
comment note reply remark kommentar kommentiere commentaire comentario binh luan 评论 备注 コメ;
delete remove losche entferne supprime elimina borra xoa 删除 移除 削除;
time clock timezone now hour uhr uhrzeit spat zeit heure hora gio 时间 几点 時間 時刻;
file datei fichier archivo tep 文件 ファ;
directory folder ordner verzeichni dossier carpeta thu 目录 文件夹;
url web website fetch link download http https www 网址 网站 链接;
git commit repository branch repo diff log history 提交 仓库 分支;
project projekt projet proyecto 项目 プロ;
space bereich espace espacio 空间;
sum add plus total summe somme suma tong 求和 总和;
user person assignee benutzer utilisateur usuario 用户;
"""
"""One concept after another; its first word names it."""

_OF: dict[str, tuple[str, ...]] = {}
for _words in (_concept.split() for _concept in _CONCEPTS.split(";")):
    for _word in _words:
        _OF[_word] = (*_OF.get(_word, ()), f"={_words[0]}")


def concepts(word: str) -> tuple[str, ...]:
    """Return what a word stands for, such as `=issue`; empty when it stands for itself alone."""
    return _OF.get(word, ())


_NOTHING = """
a an and are as at be by can could das de del den der die do does du een ein eine el en et for from hay i ich il in is
it la las le les los me mir my o of on or our para please por pour que qui s se su sur te the their then there this to
un una und une us von was we what when where which who will with would y you your zu zum zur và
"""
IGNORED = frozenset(_NOTHING.split())
"""Words that tell nothing."""
