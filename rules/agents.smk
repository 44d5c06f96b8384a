"""Agents that learn to charge, one job for each cell, agent and seed.

Takes   the settings `training` of the arena's configuration, as ARENA.training
Makes   <results>/arena/agents/{cell}/{algorithm}/{seed}/: the policy, its weights, its learning curve and its cost
"""

from batterymi.config.slices.agents import WeightStudySettings


def training_of(wildcards):
    """A param: settings of one agent's training."""
    return ARENA.training.dump_agent_settings(wildcards.algorithm)


rule train_agent:
    """Train on the coarse model; an interrupted training continues from its last checkpoint."""
    input:
        code=list_code("train_agent.py"),
    output:
        policy="<results>/arena/agents/{cell}/{algorithm}/{seed}/policy.json",
        weights="<results>/arena/agents/{cell}/{algorithm}/{seed}/policy.safetensors",
        curve="<results>/arena/agents/{cell}/{algorithm}/{seed}/curve.csv",
        record="<results>/arena/agents/{cell}/{algorithm}/{seed}/training.json",
    log:
        "<logs>/train_agent/{cell}/{algorithm}/{seed}.log",
    benchmark:
        "<benchmarks>/train_agent/{cell}/{algorithm}/{seed}.tsv"
    wildcard_constraints:
        cell=r"\w+",
        algorithm="|".join(
            agent.name for agent in (*ARENA.training.agents, *ARENA.training.variants)
        ),
        seed=r"\d+",
    threads: 1
    params:
        settings=training_of,
    script:
        "../scripts/train_agent.py"


def weight_files(name):
    """Return an input: a file of all trainings of the weight study, and of the agent that it varies."""

    def files(wildcards):
        study, variants = ARENA.training.study, ARENA.training.variants
        agents = [study.agent, *(agent.name for agent in variants)] if study else []
        return [path for agent in agents for path in trained(wildcards.cell, agent, name)]

    return files


rule compare_weights:
    """Compare policies trained with other weights of the reward, over seeds."""
    input:
        records=weight_files("training.json"),
        curves=weight_files("curve.csv"),
        code=list_code("compare_weights.py"),
    output:
        table="<results>/arena/agents/{cell}/weights.csv",
    log:
        "<logs>/compare_weights/{cell}.log",
    benchmark:
        "<benchmarks>/compare_weights/{cell}.tsv"
    params:
        settings=WeightStudySettings.dump_from(
            ARENA.training,
            steps=ARENA.training.study.steps if ARENA.training.study else None,
        ),
    script:
        "../scripts/compare_weights.py"
