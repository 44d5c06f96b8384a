"""The encoding of text files: by their byte-order mark, as UTF-8, or else as their bytes look."""

import re
from pathlib import Path
from typing import NamedTuple

from batterymi.errors import TableError

# letters and signs that tables of Western Europe hold beyond ASCII; other bytes are those of another encoding
WESTERN = frozenset("äöüßáàâãåæçéèêëíìîïñóòôõøœúùûýÿÄÖÜÅØÆÉÈÀÇÑŒ°µ±²³¹·×÷¼½¾§«»ªº€–—…’‘“”•™®©‰ \u00a0")
ACCENTED = re.compile("[\u00c0-\u00ff]{3}")
# words of headers, by which short files are known better than by statistics of letters
TELLING = {
    "cp932": ("温度", "時間", "容量", "密度", "電圧", "電流", "試料", "組成", "濃度", "圧力", "平均", "測定", "導電率"),
    "euc_jp": (
        "温度",
        "時間",
        "容量",
        "密度",
        "電圧",
        "電流",
        "試料",
        "組成",
        "濃度",
        "圧力",
        "平均",
        "測定",
        "導電率",
    ),
    "gb18030": (
        "温度",
        "时间",
        "容量",
        "密度",
        "电压",
        "电流",
        "样品",
        "组成",
        "浓度",
        "压力",
        "平均",
        "测定",
        "电导率",
    ),
    "big5": ("溫度", "時間", "容量", "密度", "電壓", "電流", "樣品", "組成", "濃度", "壓力", "平均", "導電率"),
    "cp949": ("온도", "시간", "용량", "밀도", "전압", "전류", "시료", "조성", "농도", "압력", "평균", "전도도"),
}
NEVER = ["utf_16", "utf_16_be", "utf_16_le", "utf_32", "utf_32_be", "utf_32_le", "utf_7"]  # these have marks or nulls
LEAST_LEGIBLE = 0.34  # of the characters beyond ASCII, letters that belong to a word of the table
MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
ADVICE = "save the file as UTF-8, or set `table.encoding`"


class Decoded(NamedTuple):
    """The text of a file.

    Attributes:
        text: without a byte-order mark.
        encoding: in which its bytes are that text.
        is_guessed: whether neither a mark nor the settings nor UTF-8 said so.
    """

    text: str
    encoding: str
    is_guessed: bool = False


def decode_text(data: bytes, path: str | Path, encoding: str | None = None) -> Decoded:
    """Decode the content of a text file.

    Args:
        data: its bytes.
        path: the file, for messages.
        encoding: that its settings name; None finds it.

    Raises:
        TableError: if it is no text, or its encoding cannot be detected.
    """
    if encoding is None:
        encoding, guessed = _find_encoding(data, path)
    else:
        guessed = False
    try:
        text = data.decode(encoding)
    except LookupError:
        raise TableError(
            f"{path}: table.encoding: there is no encoding '{encoding}'; as utf-8, cp1252, shift_jis, utf-16"
        ) from None
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise TableError(f"{path}: line {line} is not {encoding} text; {ADVICE}") from None
    text = text.removeprefix("\ufeff")
    # null bytes are valid UTF-8, so a binary file may decode without an error
    if "\x00" in text:
        raise TableError(f"{path}: this is not a text file; save it as CSV, UTF-8, or as .xlsx, .ods or .parquet")
    return Decoded(text, encoding, guessed)


def _find_encoding(data: bytes, path: str | Path) -> tuple[str, bool]:
    """Return an encoding, and whether it is a guess.

    Raises:
        TableError: if there is no good guess.
    """
    for mark, name in MARKS:
        if data.startswith(mark):
            return name, False
    if b"\x00" in data[:10_000]:
        head = data[:10_000]
        places = [head[start::2].count(0) / max(len(head[start::2]), 1) for start in (0, 1)]
        # of plain letters, every second byte is 0
        if max(places) > 0.5 and min(places) < 0.1:
            return ("utf-16-be" if places[0] > places[1] else "utf-16-le"), True
        return "utf-8", False
    try:
        data.decode("utf-8")
        return "utf-8", False
    except UnicodeDecodeError as error:
        place = error.start
    if _is_western(data):
        return "cp1252", True
    if found := _find_by_words(data):
        return found, True
    if found := _detect_encoding(data):
        return found, True
    line = data[:place].count(b"\n") + 1
    raise TableError(f"{path}: line {line} is not UTF-8 text, and its encoding cannot be detected; {ADVICE}")


def _is_western(data: bytes) -> bool:
    """Return whether bytes beyond ASCII are letters and signs of Western Europe in Windows' encoding."""
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError:
        return False
    # words of other alphabets look like rows of accented letters
    return all(character in WESTERN for character in text if ord(character) > 127) and not ACCENTED.search(text)


def _find_by_words(data: bytes) -> str | None:
    """Return the encoding in which a file has most words of headers; None if it has none in any."""
    counts = {}
    for encoding, words in TELLING.items():
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        counts[encoding] = sum(word in text for word in words)
    best = max(counts, key=lambda encoding: counts[encoding], default=None)
    return best if best and counts[best] else None


def _detect_encoding(data: bytes) -> str | None:
    """Return the encoding that charset-normalizer finds most likely, None if none is."""
    from charset_normalizer import from_bytes

    # lines without a letter beyond ASCII say nothing, and would outweigh the others
    telling = b"\n".join(line for line in data.splitlines() if any(byte > 127 for byte in line))
    best = from_bytes(telling[:100_000], cp_exclusion=NEVER).best()
    if best is None:
        return None
    text = str(best)
    beyond = [character for character in text if ord(character) > 127]
    legible = sum(character.isalpha() or character in WESTERN for character in beyond)
    return best.encoding if legible >= LEAST_LEGIBLE * len(beyond) else None
