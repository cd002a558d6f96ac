"""How hard the property tests try: `--hypothesis-profile=quick|ci|thorough`.

An example of a test in memory costs a millisecond, one that goes through the whole pipeline or
walks through a state machine a hundred times that, so they have numbers of their own.
"""

from hypothesis import HealthCheck, settings

IN_MEMORY = {"quick": 100, "ci": 500, "thorough": 20_000}
PIPELINE = {"quick": 30, "ci": 100, "thorough": 300}
WALKS = {"quick": 20, "ci": 100, "thorough": 1_000}
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


def through_the_pipeline(share: float = 1.0) -> settings:
    """Settings for a test of which each example goes through broker, worker and storage."""
    return settings(max_examples=max(1, round(PIPELINE[_chosen()] * share)))


def walks(share: float = 1.0) -> settings:
    """Settings for a state machine, of which each example is a walk of many steps."""
    return settings(max_examples=max(1, round(WALKS[_chosen()] * share)))


def _chosen() -> str:
    name = settings.get_current_profile_name()
    return name if name in IN_MEMORY else "quick"
