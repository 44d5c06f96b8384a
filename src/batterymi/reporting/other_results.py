"""Results that belong to no study, and that claims are compared with where they are there: folders, files, rules."""

OTHER_RESULTS: dict[str, dict[str, str]] = {"arena": {"claims.csv": "check_arena_claims"}}
