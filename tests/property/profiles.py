"""How hard the property tests try: `--hypothesis-profile=quick|ci|thorough`.

Most examples cost a millisecond; a whole JSON object, which Hypothesis takes its time to draw, and
a walk through the broker in memory ten or more; other walks, and the way through the pipeline,
hundreds; a walk through a process seconds. So each kind has numbers of its own, with which a
thorough run ends within the hour.
"""

from hypothesis import HealthCheck, settings

IN_MEMORY = {"quick": 100, "ci": 500, "thorough": 10_000}
LARGE = {"quick": 100, "ci": 500, "thorough": 3_000}
WALKS = {"quick": 20, "ci": 100, "thorough": 500}
PIPELINE = {"quick": 30, "ci": 100, "thorough": 300}
PROCESS = {"quick": 6, "ci": 30, "thorough": 300}
STEPS = {"quick": 30, "ci": 50, "thorough": 100}

_HEALTH = [  # of how examples are made, which a machine's speed or bad luck decides
    HealthCheck.too_slow,
    HealthCheck.data_too_large,
    HealthCheck.large_base_example,
    HealthCheck.filter_too_much,
]


def load_profiles() -> None:
    """Make the profiles known, and choose the quick one; the command line may choose another."""
    for name, examples in IN_MEMORY.items():
        settings.register_profile(
            name,
            max_examples=examples,
            stateful_step_count=STEPS[name],
            deadline=None,  # other work on the machine is no failure of the code
            suppress_health_check=_HEALTH,
            # Each run tries the same, so that it says something of the change that it tests, and
            # keeps nothing for the next; only who looks for what nobody knows yet rolls the dice.
            derandomize=name != "thorough",
            print_blob=True,
        )
    settings.load_profile("quick")


def large() -> settings:
    """Settings for a test of which each example is a whole JSON object, or a walk in memory."""
    return _as_many_as(LARGE)


def through_the_pipeline() -> settings:
    """Settings for a test of which each example goes through broker, worker and storage."""
    return _as_many_as(PIPELINE)


def through_a_process() -> settings:
    """Settings for a state machine of which each step asks another process."""
    return _as_many_as(PROCESS)


def walks(share: float = 1.0) -> settings:
    """Settings for a state machine, of which each example is a walk of many steps."""
    return _as_many_as(WALKS, share)


def _as_many_as(examples: dict[str, int], share: float = 1.0) -> settings:
    name = settings.get_current_profile_name()
    most = examples[name if name in examples else "quick"]
    return settings(max_examples=max(1, round(most * share)))
