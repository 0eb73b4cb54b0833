"""Makes the films of a run from its frames: `python -m lightning_viz.films RUN`, where `RUN/frames` holds them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from lightning_viz.callbacks.films.assembly import Reels
from lightning_viz.harness.folders import Place, place
from lightning_viz.harness.sinks.frames import INDEX, Frames
from lightning_viz.harness.sinks.results import Film, Logged
from lightning_viz.harness.sinks.room import write_whole
from lightning_viz.harness.sinks.sinks import film_file


class _Files:
    """Takes films as files of a run's folder."""

    def __init__(self, home: Place) -> None:
        self._home = home

    def write(self, results: Sequence[Logged], step: int, epoch: int) -> None:
        """There is nobody to tell."""

    def write_film(self, film: Film, step: int) -> None:
        """Writes a film and says where it is."""
        file = film_file(self._home, film)
        write_whole(file, film.encoded)
        print(file)


def main(arguments: Sequence[str] | None = None) -> None:
    """Makes the films that the arguments ask for."""
    parser = argparse.ArgumentParser(prog="python -m lightning_viz.films", description=__doc__)
    parser.add_argument("run", type=place, help="the log folder of the run, such as runs/demo/version_0")
    home = parser.parse_args(arguments).run
    if not (home / "frames" / INDEX).is_file():
        parser.error(
            f"expected frames of a run with the callback Films, but there is no {home / 'frames' / INDEX}: frames stay "
            "where fit ends early, or with Films(keep_frames=True)"
        )
    Reels(_Files(home), Frames(home / "frames")).make()


if __name__ == "__main__":
    main()
