"""What the rules of the charging arena share: settings and files of cells, temperatures, controllers and agents."""


def training_of(wildcards):
    """Settings of one agent's training."""
    return ARENA.training.alone(wildcards.algorithm)


def situation(wildcards):
    """A param: cell, temperature and rules of a job of the arena."""
    return ARENA.situation(wildcards.cell, ARENA.condition(wildcards.condition))


def map_situations(wildcards):
    """A param: a cell at every starting temperature of the feasibility map."""
    return [ARENA.map_situation(wildcards.cell, start) for start in ARENA.map.starts]


def map_search():
    """Settings of the campaigns of the feasibility map."""
    own = ARENA.map
    return {
        "steps": ARENA.search.steps,
        "initial": ARENA.search.initial,
        "budget": own.budget,
        "confirmed": own.confirmed,
    }


def controllers_here(wildcards):
    """A param: controllers of a cell."""
    return ARENA.controllers_of(wildcards.cell)


def n_held_out(wildcards):
    """A param: held-out scenarios of a cell."""
    return ARENA.entry(wildcards.cell).held_out or ARENA.scenarios.held_out


def needs_tuning(name):
    """An input: what a group of controllers was tuned to, for the group that is."""

    def file(wildcards):
        path = f"<results>/arena/{name}/{wildcards.cell}/{wildcards.condition}.json"
        return path if wildcards.group == "tuned" else []

    return file


def policies_here(wildcards):
    """An input: trained policies of a group of agents, one for each seed."""
    return (
        trained(wildcards.cell, wildcards.group, "policy.json")
        if wildcards.group in ARENA.agent_names
        else []
    )


def trained(cell, agent, name):
    """A file of each training of an agent on a cell."""
    return [f"<results>/arena/agents/{cell}/{agent}/{seed}/{name}" for seed in ARENA.agent_seeds]


def every_training(name):
    """A file of every training whose agent is judged."""
    return [
        path
        for entry in ARENA.cells
        for agent in entry.agents
        for path in trained(entry.name, agent, name)
    ]


def drawn_curves():
    """Learning curves of the cell that is drawn."""
    cell = ARENA.drawn_cell
    return [
        path for agent in ARENA.entry(cell).agents for path in trained(cell, agent, "curve.csv")
    ]


def weights_table():
    """The study of the reward's weights on the cell that is drawn, if there is one."""
    return f"<results>/arena/agents/{ARENA.drawn_cell}/weights.csv" if ARENA.training.study else []


def tuned_situations(folder):
    """What tuning writes, where a tuned controller takes part."""
    return [
        f"<results>/arena/{folder}/{entry.name}/{condition}.json"
        for entry in ARENA.cells
        if "tuned" in ARENA.groups_of(entry.name)
        for condition in ARENA.conditions_of(entry.name)
    ]


def every_job(name):
    """A file of each job that judges: cell, temperature and group of controllers."""
    return [
        f"<results>/arena/judged/{entry.name}/{condition}/{group}/{name}"
        for entry in ARENA.cells
        for condition in ARENA.conditions_of(entry.name)
        for group in ARENA.groups_of(entry.name)
    ]


def weight_files(name):
    """An input: a file of all trainings of the study of weights, and of the agent that it varies."""

    def files(wildcards):
        return [path.replace("training.json", name) for path in weight_records(wildcards)]

    return files


def study_steps():
    """A param: control steps of the study's trainings."""
    return ARENA.training.study.steps if ARENA.training.study else None


def weight_records(wildcards):
    """Records of all trainings of the study of weights, and of the agent that it varies."""
    names = (
        [ARENA.training.study.agent, *(agent.name for agent in ARENA.training.variants)]
        if ARENA.training.study
        else []
    )
    seeds = range(ARENA.training.seed, ARENA.training.seed + ARENA.training.seeds)
    folder = f"<results>/arena/agents/{wildcards.cell}"
    return [f"{folder}/{name}/{seed}/training.json" for name in names for seed in seeds]
