"""Messages of the command line and of settings, in the words of the pages."""

import re
from collections.abc import Mapping
from typing import Any

# options of `new-study`, and what stands for them under "What for"
CHOICES = {"objective": "objective", "factor": "factor", "group": "group", "formula": "formula", "ignore": "ignored"}
CHOICES |= {"id": "names the rows", "repeats": "marks repeats"}
# the longer first
PHRASES = (
    (r"Where a guess is wrong, run again with --[^\n]*? or --repeats", "Where a guess is wrong, choose another use"),
    (r"--(?:objective|factor|id|group|formula|ignore|repeats) says so", "as you chose"),
    (r"--objective NAME:min or :max changes it", "the goal changes it"),
    (r"\(--objective NAME:max for one alone\)", "(choose ‘objective’ for one alone)"),
    (r"run again with --ignore '[^'\n]*'", "choose ‘ignored’"),
    (r"run again with --fill-down ('[^'\n]*')", r"list \1 under `table: fill_down` in the file of the settings"),
    (r"or --fill-down\b", "or list the column under `table: fill_down` in the file of the settings,"),
    (r"--fill-down\b", "fill_down"),
    (r"\(new-study: --ignore\)", "(‘ignored’)"),
    (r"--encoding changes it", "`table: encoding` in the file of the settings changes it"),
    (r"(?:choose another|give another) --name", "choose another name of the study"),
    (r"give --name a word", "give it a word"),
    (r"set `table\.sheet` \(new-study: --sheet\)", "choose one"),
    (r"write the designs to a file with --csv, and copy them over", "download the batch, and copy it over"),
    (r"--objective (\S+?):target: ", r"\1: target: "),
    (r"\brun again\b(?! with)", "try again"),
    *((rf"--{option}\b", f"‘{choice}’") for option, choice in CHOICES.items()),
)
KEYS = {
    **{"unit": "Unit", "bounds": "From and To", "step": "In steps of", "choices": "Choices", "goal": "Goal"},
    **{"target": "Target", "at_least": "At least", "at_most": "At most", "expression": ""},
}
PLACE = re.compile(r"\b(features|objectives|constraints)\.(\d+)(?:\.(\w+))?(?:\.\d+)*")


def use_page_words(text: str) -> str:
    """Return a message of the command line with the words of the pages for its options."""
    for pattern, words in PHRASES:
        text = re.sub(pattern, words, text)
    return text


def name_places(text: str, content: Mapping[str, Any]) -> str:
    """Return a message on settings that names columns and fields as the page does, and no places of a file.

    Args:
        text: the message, as `features.0.bounds: ...`.
        content: the settings.
    """

    def name(found: re.Match[str]) -> str:
        items = content.get(found[1]) or ()
        if int(found[2]) >= len(items):
            return found[0]
        item = items[int(found[2])]
        key = KEYS.get(found[3] or "", found[3] or "")
        label = str(item["name"] if found[1] == "constraints" else item.get("label", item["name"]))
        return f"{label}: {key}" if key else label

    said = PLACE.sub(name, text).replace("; write [lower, upper]", "")
    return said.replace("campaign.suggestions", "Designs in a batch")
