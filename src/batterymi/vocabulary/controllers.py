"""Names of the arena's controllers, and what tables and figures call them."""

# groups of controllers that one job tests together: their charges cost about the same
GROUPS: dict[str, tuple[str, ...]] = {
    "fixed": ("cc_cv_1c", "chapter_standard", "chapter_fast", "chapter_optimized", "chapter_phases"),
    "tuned": ("cc_cv_safe", "plating_limited", "protocol_nominal", "protocol_robust"),
    "look_ahead": ("look_ahead",),
    "oracle": ("oracle",),
}
CONTROLLERS = tuple(name for group in GROUPS.values() for name in group)
LABELS = {
    "cc_cv_1c": "CC-CV 1C",
    "chapter_standard": "chapter: 1C 60 min",
    "chapter_fast": "chapter: 3C 20 min",
    "chapter_optimized": "chapter: optimized profile",
    "chapter_phases": "chapter: four phases",
    "cc_cv_safe": "CC-CV, fastest safe",
    "plating_limited": "plating-limited CC-CV",
    "protocol_nominal": "BO 4-step, nominal",
    "protocol_robust": "BO 4-step, robust",
    "look_ahead": "look-ahead",
    "oracle": "look-ahead, oracle",
}
OPEN_LOOP = ("protocol_nominal", "protocol_robust")


def label_controller(name: str) -> str:
    """Return the label of a controller in tables and figures; agents keep their name in the settings."""
    # short names of agents are acronyms such as SAC and DQN
    return LABELS.get(name, name.upper() if len(name) <= 4 else name.replace("_", " "))


def order_controllers(names: list[str]) -> list[str]:
    """Order controllers as in the settings, with the agents after them."""
    return [*(name for name in CONTROLLERS if name in names), *sorted(set(names) - set(CONTROLLERS))]
