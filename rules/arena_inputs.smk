"""Inputs and params of the charging arena: settings and files of cells, temperatures, controllers and agents."""


def slice_of_place(model):
    """A param: the settings of the arena that a stage depends on, for a cell at a temperature."""

    def read(wildcards):
        return model.dump_from(ARENA.at(wildcards.cell, wildcards.condition))

    return read


def trained(cell, agent, name):
    """List a file of each training of an agent on a cell."""
    return [f"<results>/arena/agents/{cell}/{agent}/{seed}/{name}" for seed in ARENA.agent_seeds]


def drawn_curves():
    """List the learning curves of the cell that is drawn."""
    cell = ARENA.drawn_cell
    return [
        path
        for agent in ARENA.find_entry(cell).agents
        for path in trained(cell, agent, "curve.csv")
    ]


def list_job_files(name):
    """List a file of each job that charges on the reference model: cell, temperature and group of controllers."""
    return [
        f"<results>/arena/reference/{cell.name}/{condition}/{group}/{name}"
        for cell in ARENA.cells
        for condition in ARENA.list_conditions(cell.name)
        for group in ARENA.list_groups(cell.name)
    ]


def weights_table():
    """Return the table of the weight study on the cell that is drawn, if there is one."""
    return f"<results>/arena/agents/{ARENA.drawn_cell}/weights.csv" if ARENA.training.study else []
