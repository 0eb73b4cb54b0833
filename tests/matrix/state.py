"""What a forward changes, apart from what it puts out."""

import itertools
from dataclasses import dataclass, field

import numpy as np
import torch
from projects import Net, Project
from torch import nn
from torch.nn import functional as F

from .configuration import Configuration


class MomentumTeacher(Project):
    """A second network that follows the first one a little with every call."""

    def __init__(self):
        super().__init__()
        self.teacher = Net().requires_grad_(False)

    def forward(self, x):
        with torch.no_grad():
            for slow, fast in zip(self.teacher.parameters(), self.net.parameters(), strict=True):
                slow.lerp_(fast, 0.1)
        return self.net(x) + 0.1 * self.teacher(x)


class MaxNorm(nn.Conv2d):
    """A convolution that keeps its filters short."""

    def forward(self, x):
        self.weight.data = torch.renorm(self.weight.data, p=2, dim=0, maxnorm=0.5)
        return super().forward(x)


class Constrained(Project):
    """With a constraint on weights."""

    def __init__(self):
        super().__init__()
        self.net[4] = MaxNorm(8, 16, 3, padding=1)


class MeanOfInputs(Project):
    """Takes from its images a running mean of all that it has seen."""

    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.zeros(3, 1, 1))

    def forward(self, x):
        self.mean = self.mean.lerp(x.detach().mean((0, 2, 3)).view(3, 1, 1), 0.1)
        return self.net(x - 0.1 * self.mean)


@dataclass
class Seen:
    """How much a network has seen."""

    calls: int = 0
    sizes: list[int] = field(default_factory=list)


class Remembering(Project):
    """Keeps a dataclass, an array and iterators, on which its output depends."""

    def __init__(self):
        super().__init__()
        self.seen, self.counts = Seen(), np.zeros(3)
        self.numbers, self.cycle = iter(range(1_000_000)), itertools.cycle([0.0, 0.01])

    def remembered(self) -> float:
        return 0.0

    def forward(self, x):
        return self.net(x) * (1 + self.remembered())


class RemembersInDataclass(Remembering):
    def remembered(self):
        self.seen.calls += 1
        self.seen.sizes.append(self.seen.calls)
        return 0.001 * self.seen.calls + 0.0001 * len(self.seen.sizes)


class RemembersInArray(Remembering):
    def remembered(self):
        self.counts += [1, 2, 3]
        return 0.0001 * float(self.counts.sum())


class RemembersInIterators(Remembering):
    def remembered(self):
        return 0.0001 * next(self.numbers) + next(self.cycle)


class Hidden(Project):
    """With a network in a list, where no optimizer finds it, which moves with every call."""

    def __init__(self):
        super().__init__()
        self.others = [{"slow": Net().requires_grad_(False).eval()}]

    def on_fit_start(self):
        self.others[0]["slow"].to(self.device)

    def forward(self, x):
        slow = self.others[0]["slow"]
        with torch.no_grad():
            for one, other in zip(slow.parameters(), self.net.parameters(), strict=True):
                one.lerp_(other, 0.1)
        return self.net(x) + 0.1 * slow(x)


class Listens(Project):
    """Its hooks count in closures, and add to a list."""

    def __init__(self):
        super().__init__()
        self.heard, count = [], 0

        def hook(module, args, output):
            nonlocal count
            count += 1
            self.heard.append(count)
            return output * (1 + 0.0001 * len(self.heard))

        self.net[4].register_forward_hook(hook)


class Lazy(Project):
    """Learns the shapes of its layers from the first batch."""

    def __init__(self):
        super().__init__()
        self.net[0], self.net[4], self.net[9] = nn.LazyConv2d(8, 3), nn.LazyConv2d(16, 3), nn.LazyLinear(3)


class StepsInBackward(Project):
    """Every parameter has an optimizer of its own, which steps as soon as its gradient is there."""

    automatic_optimization = False

    def __init__(self):
        super().__init__()
        for parameter in self.parameters():
            optimizer = torch.optim.SGD([parameter], lr=0.05)

            def step(found, optimizer=optimizer):
                optimizer.step()
                optimizer.zero_grad()

            parameter.register_post_accumulate_grad_hook(step)

    def training_step(self, batch, batch_idx):
        loss = F.cross_entropy(self(batch[0]), batch[1])
        self.manual_backward(loss)
        self.optimizers().step()  # for Lightning, which counts steps
        self.log("loss", loss)

    def configure_optimizers(self):
        return torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.1)


AT_ONCE = {"num_sanity_val_steps": 0}
"""So that an explanation is what calls the network first."""
ROWS = {
    "momentum teacher": Configuration(MomentumTeacher, trainer=AT_ONCE),
    "max-norm constraint": Configuration(Constrained, trainer={**AT_ONCE, "limit_val_batches": 0}),
    "EMA in forward": Configuration(MeanOfInputs, trainer=AT_ONCE),
    "momentum teacher, drawn in the background": Configuration(MomentumTeacher, trainer=AT_ONCE, background=True),
    "dataclass state": Configuration(RemembersInDataclass, trainer=AT_ONCE),
    "NumPy state": Configuration(RemembersInArray, trainer=AT_ONCE),
    "iterator state": Configuration(RemembersInIterators, trainer=AT_ONCE),
    "hidden network": Configuration(Hidden, trainer=AT_ONCE),
    "hooks with closures": Configuration(Listens, trainer=AT_ONCE),
    "lazy modules": Configuration(Lazy, trainer=AT_ONCE),
    "optimizers in backward": Configuration(StepsInBackward),
}
