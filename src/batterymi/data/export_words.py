"""Words by which the columns of instruments' exports are known, in several languages, with units in the header."""

import re

# the main words of each kind; the header may have beside them only words of MODIFIERS and UNITS
MAIN = {
    "time": {
        *("time", "zeit", "temps", "tiempo", "tempo", "czas", "tijd", "tid", "время", "timestamp", "datetime", "date"),
        *("testtime", "steptime", "testzeit", "datum", "dpt", "uhrzeit", "relativzeit"),
    },
    "voltage": {
        *("voltage", "volt", "volts", "potential", "ewe", "ecell", "spannung", "tension", "tensione", "voltaje"),
        *(
            "tensión",
            "napięcie",
            "напряжение",
            "spanning",
            "spänning",
            "potentiel",
            "voltagem",
            "tensão",
            "ece",
            "vf",
            "vm",
        ),
    },
    "current": {
        *("current", "amps", "amp", "ampere", "amperes", "strom", "stromstärke", "courant", "corriente", "corrente"),
        *("prąd", "ток", "stroom", "ström", "curr", "im"),
    },
    "charge": {
        *("capacity", "cap", "capacité", "capacite", "kapazität", "kapazitaet", "capacidad", "capacità", "capacidade"),
        *("pojemność", "ёмкость", "емкость", "capaciteit", "kapacitet", "ah", "mah", "amphr", "ahr", "ladung", "q"),
        *("qo", "dq", "energy", "energie", "energía", "energia", "watthr", "wh", "mwh", "wattstunden", "ahakku"),
    },
    "count": {
        *("cycle", "cyc", "zyklus", "zyklen", "zyklusnummer", "ciclo", "cykl", "цикл", "cyclus", "step", "schritt"),
        *(
            "record",
            "rec",
            "recno",
            "datapoint",
            "state",
            "status",
            "md",
            "mode",
            "pt",
            "es",
            "ns",
            "half",
            "ox",
            "red",
        ),
        *("étape", "paso", "passo", "krok", "шаг", "prozedurebene", "datensatz", "stepno", "cycleno", "halfcycle"),
    },
    "frequency": {"freq", "frequency", "frequenz", "fréquence", "frecuencia", "frequenza", "частота"},
    "efficiency": {"efficiency", "ce", "effizienz", "wirkungsgrad", "rendement", "eficiencia", "retention", "eff"},
    "other": {
        *("temperature", "temp", "temperatur", "aux", "resistance", "dcir", "acr", "power", "dvdt", "dqdv", "dv", "dt"),
        *("fc", "impedance", "acimp", "aci", "error", "control", "changes", "counter", "range", "leistung", "power"),
        *("rate", "crate", "channel", "chamber", "var", "variable", "internal", "ir", "speccap", "dod", "soc"),
        *("программа", "befehl", "command", "line", "kommentar", "comment", "density", "proc"),
    },
    "sample": {
        "sample",
        "cell",
        "zelle",
        "probe",
        "battery",
        "barcode",
        "name",
        "id",
        "électrode",
        "proben",
        "muestra",
    },
    "angle": {"theta", "twotheta", "2theta", "2θ", "2th", "θ"},
    "intensity": {"intensity", "counts", "intensität", "cps", "intensité"},
}
MODIFIERS = {
    *(
        "test",
        "step",
        "total",
        "relative",
        "absolute",
        "abs",
        "rel",
        "system",
        "sys",
        "elapsed",
        "cycle",
        "record",
        "real",
    ),
    *("index", "number", "no", "num", "nr", "id", "type", "point", "data", "charge", "discharge", "chg", "dchg", "dis"),
    *("specific", "spec", "spe", "sp", "cumulative", "net", "cell", "working", "we", "vs", "ce", "measured", "is", "n"),
    *(
        "coulombic",
        "coulomb",
        "lade",
        "entlade",
        "end",
        "median",
        "mean",
        "average",
        "avg",
        "mid",
        "of",
        "in",
        "from",
        "ref",
    ),
    *("charging", "discharging", "dch", "ch", "retained", "li", "na", "aux", "inc", "ac", "phase", "angle", "i", "set"),
    *("faraday", "energetic", "des", "prog", "gesamt", "spezifische", "akku", "lad", "ent", "ratio", "procedure"),
}
UNITS = {
    *("s", "sec", "secs", "second", "seconds", "min", "mins", "h", "hr", "hrs", "hour", "hours", "ms", "d", "v", "mv"),
    *(
        "a",
        "ma",
        "ua",
        "µa",
        "μa",
        "ah",
        "mah",
        "µah",
        "wh",
        "mwh",
        "w",
        "mw",
        "g",
        "kg",
        "cm",
        "ohm",
        "mohm",
        "c",
        "k",
    ),
    *("hz", "khz", "pct", "percent", "deg", "degc", "hh", "mm", "ss"),
}
# single letters count with their unit only
LETTERS = {
    ("t", "time"): {"s", "sec", "min", "h", "hr", "ms"},
    ("u", "voltage"): {"v", "mv"},
    ("e", "voltage"): {"v", "mv"},
    ("v", "voltage"): {"v", "mv"},
    ("i", "current"): {"a", "ma", "ua", "µa", "μa"},
    ("q", "charge"): {"ah", "mah", "c"},
    ("f", "frequency"): {"hz", "khz"},
}
# languages without blanks between words
JOINED_MAIN = (
    *(("时间", "time"), ("時間", "time"), ("시간", "time"), ("日期", "time"), ("日時", "time")),
    *(("电压", "voltage"), ("電圧", "voltage"), ("電壓", "voltage"), ("電位", "voltage"), ("电位", "voltage")),
    *(("전압", "voltage"), ("전위", "voltage"), ("电流", "current"), ("電流", "current"), ("전류", "current")),
    *(("容量", "charge"), ("能量", "charge"), ("용량", "charge"), ("电量", "charge"), ("効率", "efficiency")),
    *(("效率", "efficiency"), ("효율", "efficiency"), ("循环", "count"), ("循環", "count"), ("サイクル", "count")),
    *(("사이클", "count"), ("工步", "count"), ("步次", "count"), ("ステップ", "count"), ("스텝", "count")),
    *(("记录", "count"), ("記録", "count"), ("数据", "count"), ("状态", "count"), ("状態", "count")),
    *(("频率", "frequency"), ("周波数", "frequency"), ("주파수", "frequency"), ("温度", "other"), ("功率", "other")),
)
JOINED_MODIFIERS = (
    *(
        "序号",
        "类型",
        "名称",
        "编号",
        "总",
        "測定",
        "测试",
        "绝对",
        "相对",
        "系统",
        "充电",
        "放电",
        "充電",
        "放電",
        "比",
    ),
    *(
        "経過",
        "番号",
        "号",
        "数",
        "库伦",
        "库仑",
        "クーロン",
        "충전",
        "방전",
        "번호",
        "总",
        "累计",
        "步",
        "単",
        "次",
        "点",
    ),
    *("种类", "経", "セル", "单次", "工作", "当前", "设定", "开始", "结束", "净", "差"),
)
JOINED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
PREFIX = re.compile(
    r"^(?:ent)?lade|^(?:zell|klemmen|prüf|test|schritt|gesamt|akku)(?=spannung|zeit|strom|kapaz|energie|dauer)"
)
REAL = re.compile(r"(?:re\(?z\)?|z_?re(?:al)?|z'|zreal|r(?:eal)?z|zʹ|z′|re_?z)(?:[/(\[ _].*)?", re.IGNORECASE)
IMAGINARY = re.compile(
    r"[-−–]?\s*(?:im\(?z\)?|z_?im(?:ag)?|z''|z\"|z″|z′′|zimag|im(?:ag)?_?z)(?:[/(\[ _].*)?", re.IGNORECASE
)
MODULUS = re.compile(r"(?:\|z\||zmod|phase\s*\(?z?\)?|zphz|z_?phase|theta_?z)(?:[/(\[ _].*)?", re.IGNORECASE)


def find_kind(header: str) -> str:
    """Return what an instrument's column holds, as time or voltage; nothing for a column that is none of its own.

    Args:
        header: as written, with a unit behind / or in brackets, or none.
    """
    text = " ".join(header.split())
    if any(pattern.fullmatch(text) for pattern in (REAL, IMAGINARY, MODULUS)):
        return "impedance"
    if JOINED.search(text):
        return _find_joined_kind(re.split(r"[(（\[/]", text)[0])
    # what stands behind / or in brackets is the unit, unless nothing stands before
    label = re.split(r"[(\[/]", text)[0].strip(" _<>|#") or text
    words, units = _split_words(label), set(_split_words(text[len(label) :]))
    if len(words) > 1 and {words[-1]} <= UNITS:
        units |= {words[-1]}
    own = [word for word in words if word not in UNITS] or words
    for (letter, kind), needed in LETTERS.items():
        if own == [letter] and units & needed:
            return kind
    if "".join(words) in ("amphr", "watthr", "amphours", "watthours"):
        return "charge"
    if {"2", "theta"} <= {*words} or {"two", "theta"} <= {*words}:
        return "angle"
    for kind, main in MAIN.items():
        found = [word for word in words if word in main]
        if found and all(word in main or word in MODIFIERS or word in UNITS or word.isdigit() for word in words):
            return kind
    return "charge" if words and all(word in ("charge", "discharge") for word in words) and _is_charge(units) else ""


def _is_charge(units: set[str]) -> bool:
    """Return whether a unit is one of charge or capacity."""
    return bool(units & {"ah", "mah", "wh", "mwh"})


def _find_joined_kind(label: str) -> str:
    """Return the kind of a label in a language without blanks; nothing if it says more, as the time of sintering."""
    kinds: list[str] = []
    rest = label
    for word, kind in JOINED_MAIN:
        if word in rest:
            rest, kinds = rest.replace(word, ""), [*kinds, kind]
    for word in JOINED_MODIFIERS:
        rest = rest.replace(word, "")
    # 循环时间 is a time, 工步电压 a voltage
    measured = [kind for kind in kinds if kind != "count"]
    return (measured or kinds or [""])[0] if not re.sub(r"[\W\dA-Za-z_]", "", rest) else ""


def _split_words(text: str) -> list[str]:
    """Split a text into its words in small letters, as test and time of TestTime."""
    # mAh is one word
    spaced = re.sub(r"(?<=[a-z]{2})(?=[A-Z][a-z])", " ", text)
    words = re.findall(r"[^\W\d_]+|\d+", spaced.lower())
    return [PREFIX.sub("", word) or word for word in words]
