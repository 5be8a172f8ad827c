"""
The travel channel: flows, their control, what they export, and how people are brought back.

``trips`` counts who travels by records, ``mobility`` by public indices; ``register`` holds which
channels are open to whom; ``exports`` expects the infected among travellers; ``whatif`` holds two
registers against each other; ``checkpoints`` places staff; ``returns`` fills vehicles.
"""

from analytics.analysis.channel import (
    checkpoints,
    exports,
    mobility,
    pressure,
    register,
    returns,
    trips,
    whatif,
)
from analytics.analysis.channel.trips import (
    CHANNEL_OF_MODE,
    KEY,
    Level,
    compare,
    flows,
    trips_by_pass,
    trips_by_roaming,
    trips_by_ticket,
)

__all__ = [
    "CHANNEL_OF_MODE",
    "KEY",
    "Level",
    "checkpoints",
    "compare",
    "exports",
    "flows",
    "mobility",
    "pressure",
    "register",
    "returns",
    "trips",
    "trips_by_pass",
    "trips_by_roaming",
    "trips_by_ticket",
    "whatif",
]
