"""The names of simulated agents.

Every name is unusual enough to be searched for in logs and metrics, where none may ever be found, and several are
not ASCII, so that encoding mistakes show.
"""

from __future__ import annotations

import random

FIRST_NAMES: tuple[str, ...] = (
    "Akinyi",
    "Bartholomew",
    "Chiamaka",
    "Dagmar",
    "Eleftheria",
    "Fionnuala",
    "Guðrún",
    "Hyacinth",
    "Ignatius",
    "Jacinta",
    "Krzysztof",
    "Leocadia",
    "Mireille",
    "Nkechi",
    "Oluwaseun",
    "Philippa",
    "Quintessa",
    "Rosalind",
    "Siobhán",
    "Thaddeus",
    "Umberto",
    "Valentina",
    "Wilhelmina",
    "Zoë",
)
LAST_NAMES: tuple[str, ...] = (
    "Abernathy",
    "Bhattacharya",
    "Castellanos",
    "Dąbrowska",
    "Etxeberria",
    "Featherstone",
    "Gunnarsdóttir",
    "Hernández-Vega",
    "Iwuchukwu",
    "Jørgensen",
    "Kowalczyk",
    "Lindqvist",
    "Mukherjee",
    "Nakagawa",
    "O'Shaughnessy",
    "Papadopoulos",
    "Quattrocchi",
    "Ravindranath",
    "Szymańska",
    "Takahashi",
    "Undurraga",
    "Villeneuve",
    "Wojciechowski",
    "Öztürk",
)


def name_of(*, seed: int, tenant: str, number: int) -> str:
    """The full name of a tenant's agent; the same for the same arguments, not necessarily unique in the tenant."""
    dice = random.Random(f"{seed}/{tenant}/{number}/name")
    return f"{dice.choice(FIRST_NAMES)} {dice.choice(LAST_NAMES)}"
