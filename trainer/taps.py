"""Which taps of a filter meet which inputs, along the height or the width of a map."""

from dataclasses import dataclass
from functools import cached_property, lru_cache


@dataclass(frozen=True)
class Side:
    """A convolution along one side of a map. Tap t of output o meets input o * stride + t - padding."""

    size: int
    taps: int
    stride: int
    padding: int

    @cached_property
    def out(self) -> int:
        return max(0, (self.size + 2 * self.padding - self.taps) // self.stride + 1)

    @cached_property
    def all_meet(self) -> bool:
        """Whether every output sees every input."""
        return self.padding >= (self.out - 1) * self.stride and self.size + self.padding <= self.taps

    @cached_property
    def live(self) -> slice | None:
        """From the first to the last tap that meets an input; None where none does."""
        met = [tap for tap in range(self.taps) if self.met_by(tap)[0] != slice(0, 0)]
        return slice(met[0], met[-1] + 1) if met else None

    @cached_property
    def all_live(self) -> bool:
        return self.live == slice(0, self.taps)

    @cached_property
    def around_live(self) -> tuple[int, int]:
        """What is to be added before and after the inputs, negative where some are never met, for `live` taps alone."""
        live = self.live or slice(0, self.taps)
        before = self.padding - live.start
        return before, (self.out - 1) * self.stride + live.stop - live.start - self.size - before

    def taps_of(self, output: int) -> slice:
        """Those that meet the inputs, from the first to the last; only where `all_meet`."""
        first = self.padding - output * self.stride
        return slice(first, first + self.size)

    def met_by(self, tap: int) -> tuple[slice, slice]:
        """The outputs for which `tap` lies within the map, and the inputs that it meets there."""
        first = max(0, -((tap - self.padding) // self.stride))
        last = min(self.out - 1, (self.size - 1 + self.padding - tap) // self.stride)
        begin = first * self.stride + tap - self.padding
        count = last - first + 1
        if count <= 0:
            return slice(0, 0), slice(0, 0)
        return slice(first, first + count), slice(begin, begin + count * self.stride, self.stride)


side_of = lru_cache(maxsize=None)(Side)  # what is found out about one is asked for at every step
