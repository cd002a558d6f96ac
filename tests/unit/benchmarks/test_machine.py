from benchmarks.machine import Noise, spin


def test_noise_is_told_against_the_fastest_sample() -> None:
    noise = Noise()
    noise.samples = [1.0, 1.1, 1.2, 3.0, 1.1]
    assert "10 % longer in the median, and 3 times as long at worst" in noise.describe()


def test_without_samples_nothing_is_claimed() -> None:
    assert Noise().describe() == "noise: not sampled"


def test_work_takes_time() -> None:
    assert spin() > 0
