"""The benchmark: every decoder with every controller on every level; the unit of the statistics is the person."""

from neuromotion_gym.benchmark.config import BenchmarkConfig, load_config
from neuromotion_gym.benchmark.one_call import Answer, bench
from neuromotion_gym.benchmark.report import read_lines, write_report
from neuromotion_gym.benchmark.runner import run_benchmark

__all__ = ["Answer", "BenchmarkConfig", "bench", "load_config", "read_lines", "run_benchmark", "write_report"]
