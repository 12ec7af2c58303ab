"""Everything that can be wrong with a file or a row: what it is, and what to do, in both languages.

A fault names a row and a column and never repeats what stands there: faults are kept, shown and downloaded, and the
file has people's details.
"""

from dataclasses import dataclass

from services.common.errors import Words
from services.registration.codes import CATEGORIES, PROFESSIONS, SKILLS


@dataclass(frozen=True)
class Fault:
    """One thing wrong: `row` as a spreadsheet counts, `column` its letter and field; 0 and empty for the whole file.

    `title` and `other` fill the words: a heading that is missing, the number of another row.
    """

    row: int
    column: str
    code: str
    title: str = ""
    other: int = 0


def _one_of(codes: dict[str, Words]) -> Words:
    zh, en = ("、".join(one.zh for one in codes.values()), ", ".join(one.en for one in codes.values()))
    return Words(
        f"不在列表中。请从以下各项中选，用顿号分开：{zh}。",
        f"Is not on the list. Choose among these, with commas: {en}.",
    )


WORDS: dict[str, Words] = {
    "not_a_table": Words(
        "这不是 CSV 或 XLSX 文件。请在 Excel 中另存为“Excel 工作簿（.xlsx）”或“CSV UTF-8”。",
        "This is no CSV or XLSX file. Save it in Excel as “Excel Workbook (.xlsx)” or “CSV UTF-8”.",
    ),
    "workbook_damaged": Words(
        "无法打开此工作簿：已损坏或有密码。请去掉密码，另存后重新上传。",
        "This workbook cannot be opened: it is damaged or has a password. Remove the password, save it again.",
    ),
    "workbook_too_large": Words(
        "工作簿过大：约 20 万行以上，或很远的单元格里还有内容。请删去多余内容，或另存为“CSV UTF-8”，CSV 不限行数。",
        "This workbook is too large: more than about 200,000 rows, or something stands in a cell far away. Remove what"
        " is not the list, or save it as CSV in UTF-8, which may have any number of rows.",
    ),
    "empty": Words("文件中没有数据行。请检查是否选对文件。", "The file has no rows. Check that it is the right file."),
    "quote_not_closed": Words(
        "有一个引号没有结束。请在 Excel 中打开并重新保存为“CSV UTF-8”。",
        "A quotation mark is never closed. Open it in Excel and save it again as “CSV UTF-8”.",
    ),
    "no_headings": Words(
        "前 10 行中没有找到标题行。请使用模板中的标题，如“姓名”“电话”。",
        "No headings were found in the first 10 rows. Use those of the template, such as “name” and “phone”.",
    ),
    "heading_twice": Words("此标题出现两次。请删去一列。", "This heading stands twice. Remove one of the columns."),
    "column_missing": Words("缺少此列。请加上这一标题。", "The column “{title}” is missing. Add this heading."),
    "unreadable": Words(
        "有无法识别的字符。请重新保存为“CSV UTF-8”或 XLSX。",
        "Has characters that cannot be read. Save the file as “CSV UTF-8” or XLSX.",
    ),
    "cut": Words(
        "数字已被 Excel 截断（如 1.38E+10）。请把此列设为“文本”后重新填写。",
        "Excel has cut this number short (as 1.38E+10). Format the column as text and enter it again.",
    ),
    "missing": Words("必填，请补上。", "Is required. Fill it in."),
    "too_long": Words("过长，请缩短。", "Is too long. Shorten it."),
    "invisible": Words("没有可见的文字，请重新填写。", "Has no visible character. Enter it again."),
    "unreachable": Words(
        "电话和电子邮件都没有填。请至少补上一项。", "Neither phone nor e-mail is given. Fill in one of them."
    ),
    "phone": Words(
        "不是有效的电话号码，请改正；国外号码请带国家码，如 +44…。",
        "Is no valid phone number. Correct it; one from outside China needs its country code, such as +44….",
    ),
    "email": Words("不是有效的电子邮件地址，请改正。", "Is no valid e-mail address. Correct it."),
    "date": Words("不是日期。请写成 1961-07-13。", "Is no date. Write it as 1961-07-13."),
    "birth_date": Words("应在 1900 年至今天之间，请改正。", "Must lie between 1900 and today. Correct it."),
    "sex": Words("应为 女 或 男。", "Must be female or male."),
    "unborn": Words(
        "没有出生日期和性别。请填写，或填身份证号码。",
        "Birth date and sex are not known. Fill them in, or an ID number that tells them.",
    ),
    "id_number": Words(
        "不是有效的居民身份证号码，请核对 18 位号码。", "Is no valid Chinese ID number. Check its 18 characters."
    ),
    "id_birth_date": Words("与出生日期不符，请核对。", "Does not agree with the birth date. Check both."),
    "id_sex": Words("与性别不符，请核对。", "Does not agree with the sex. Check both."),
    "id_number_consent": Words(
        "登记身份证号码须另行同意。请填同意日期，或删去号码。",
        "An ID number needs a consent of its own. Fill in the day, or leave the number out.",
    ),
    "id_elsewhere": Words(
        "此号码已登记在另一个姓名下。请核对号码和姓名，或联系运营方。",
        "This number is registered under another name. Check both, or ask the operator.",
    ),
    "another_id": Words(
        "此人已登记另一个身份证号码。请核对；如需更正，请先更正志愿者资料。",
        "This person is registered with another ID number. Check it, or correct the volunteer's data first.",
    ),
    "another_birth_date": Words(
        "与本站点已有的出生日期不符。请核对；如需更正，请先更正个人资料。",
        "Is not what the site was told before. Check it, or correct the person's data first.",
    ),
    "area": Words("没有这个区划。请填区划代码。", "Is no known area. Enter its code."),
    "area_twice": Words("有几个同名的区划。请填区划代码。", "Several areas have this name. Enter the code."),
    "skills": _one_of(SKILLS),
    "professions": _one_of(PROFESSIONS),
    "categories": _one_of(CATEGORIES),
    "consent": Words(
        "不是日期，也不是“是”或“否”。请填同意的日期（如 2026-05-12）。",
        "Is no day, nor yes or no. Enter the day on which they agreed, as 2026-05-12.",
    ),
    "not_agreed": Words(
        "没有同意服务条款的人不能登记。请先征得同意，或删去这一行。",
        "Nobody is registered who did not agree to the terms. Ask them first, or remove this row.",
    ),
    "no_guardian": Words("未满 18 岁须有监护人。请填写。", "A guardian is needed under 18. Fill in who it is."),
    "guardian_unreachable": Words(
        "监护人的电话和电子邮件都没有填。请至少补上一项。",
        "Neither phone nor e-mail of the guardian is given. Fill in one of them.",
    ),
    "guardian_consent": Words(
        "未满 14 岁须先取得监护人同意。请填同意日期。",
        "Under 14 the guardian has to agree first. Fill in the day.",
    ),
    "guardian_consent_outdated": Words(
        "同意的是旧版文本，此后须重新同意。请让监护人按现行文本同意，再填同意日期。",
        "This consent is to an earlier text, and guardians were asked again since. Let them agree to the text of now,"
        " and fill in that day.",
    ),
    "another_guardian": Words(
        "与本站点已确认的监护人不是同一人（姓名、电话）。请核对；如需更换，请先在此人的资料页更正监护人。",
        "Is another than the guardian on file, whom the site made sure of (name, phone). Check it, or correct the"
        " guardian on the person's page first.",
    ),
    "nobody": Words(
        "没有写明是谁。请填志愿者编号，或姓名和电话。",
        "Does not say whose it is. Give the volunteer number, or name and phone.",
    ),
    "unknown_person": Words(
        "本站没有这个人。请核对编号、姓名和电话，或先导入人员名单。",
        "The site knows nobody like this. Check number, name and phone, or import the people first.",
    ),
    "another_name": Words(
        "编号和姓名不是同一个人。请核对。", "The number and the name belong to different people. Check both."
    ),
    "day": Words("应在 1990 年至今天之间，请改正。", "Must lie between 1990 and today. Correct it."),
    "hours": Words("不是小时数，或超过 24。请写成 1.5。", "Is no number of hours, or more than 24. Write it as 1.5."),
    "language": Words("应为 zh-CN 或 en。", "Must be zh-CN or en."),
    "role": Words("应为 队长 或 队员。", "Must be leader or member."),
    "team": Words(
        "站点没有这支队伍。请先建立队伍，或改正名称。",
        "The site has no such team. Make the team first, or correct the name.",
    ),
    "team_kind": Words("应为 合唱团、志愿服务队 或 其他。", "Must be choir, volunteers or other."),
    "another_kind": Words(
        "这支队伍已登记为另一种类。请改成一致。", "The team is there, as one of another kind. Make them agree."
    ),
    "two_kinds": Words(
        "与第 {other} 行所填的种类不同。请改成一致。", "Row {other} says another kind of this team. Make them agree."
    ),
    "leader": Words("这支队伍已有队长。请改为队员。", "This team has a leader already. Change the role to member."),
    "second_leader": Words(
        "第 {other} 行已是这支队伍的队长。请改为队员。",
        "Row {other} is the leader of this team already. Change the role to member.",
    ),
    "double": Words("与第 {other} 行是同一条。请删去一行。", "Is the same as row {other}. Remove one of them."),
}


def words(code: str, title: str = "", other: int = 0) -> Words:
    """What is wrong and what to do."""
    found = WORDS[code]
    return Words(found.zh.format(title=title, other=other), found.en.format(title=title, other=other))
