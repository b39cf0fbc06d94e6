"""Packages are found, not listed; assets/ and classifiers/ lie beside the library and become sub-packages of it."""

from setuptools import find_packages, setup

BESIDE = ("assets", "classifiers")

setup(
    packages=[
        *find_packages(include=["neuromotion_gym", "neuromotion_gym.*"]),
        *(f"neuromotion_gym.{name}" for name in BESIDE),
    ],
    package_dir={"neuromotion_gym": "neuromotion_gym", **{f"neuromotion_gym.{name}": name for name in BESIDE}},
)
