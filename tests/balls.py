"""Small volumes and clips, and projects for them as users have them; they know nothing of lightning_viz."""

import torch
from projects import Net, Project
from torch import nn
from torch.utils.data import DataLoader, Dataset


class Balls(Dataset):
    """Dark noise with a bright ball, cube or plate, which is the class, (C, 8, 10, 12) in [0, 1]."""

    classes = ["ball", "cube", "plate"]

    def __init__(self, count=12, *, size=(8, 10, 12), channels=1, seed=0, item=None, names=None):
        self.classes = names or self.classes
        generator = torch.Generator().manual_seed(seed)
        self.targets = [i % 3 for i in range(count)]
        spans = [(min(3, n // 2), max(n - 3, n // 2 + 1)) for n in size]
        centres = [[int(torch.randint(*span, (), generator=generator)) for span in spans] for _ in range(count)]
        grid = torch.meshgrid(*[torch.arange(n) for n in size], indexing="ij")
        self.masks = torch.stack([_shape(grid, c, k) for c, k in zip(centres, self.targets, strict=True)])
        self.images = 0.3 * torch.rand(count, channels, *size, generator=generator) + 0.7 * self.masks[:, None]
        self.item = item or (lambda image, label, mask: (image, label))

    def __len__(self):
        return len(self.targets)

    def __getitem__(self, i):
        return self.item(self.images[i], self.targets[i], self.masks[i])

    def mask(self, i):
        return self.masks[i]


def _shape(grid, centre, kind):
    depth, *rest = ((axis - c).abs() for axis, c in zip(grid, centre, strict=True))
    if kind == 0:
        return depth**2 + rest[0] ** 2 + rest[1] ** 2 <= 9
    return (depth <= 2 * (kind == 1)) & (torch.stack(rest).amax(0) <= 1 + kind)


class Deep(nn.Sequential):
    """Takes volumes (N, C, D, H, W), or clips (N, C, T, H, W): convolutions in three dimensions."""

    def __init__(self, channels=1, classes=3, width=6):
        super().__init__(
            nn.Conv3d(channels, width, 3, padding=1),
            nn.BatchNorm3d(width),
            nn.ReLU(inplace=True),
            nn.MaxPool3d(2),
            nn.Conv3d(width, width, 3, padding=1),
            nn.ReLU(),
            nn.AdaptiveAvgPool3d(1),
            nn.Flatten(),
            nn.Linear(width, classes),
        )


class Factored(nn.Sequential):
    """Takes clips (N, C, T, H, W): convolutions over space, then over time, as R(2+1)D has them."""

    def __init__(self, channels=3, classes=3, width=6):
        super().__init__(
            nn.Conv3d(channels, width, (1, 3, 3), padding=(0, 1, 1)),
            nn.ReLU(),
            nn.Conv3d(width, width, (3, 1, 1), padding=(1, 0, 0)),
            nn.BatchNorm3d(width),
            nn.ReLU(),
            nn.AdaptiveAvgPool3d(1),
            nn.Flatten(),
            nn.Linear(width, classes),
        )


class ByFrame(nn.Module):
    """Takes clips (N, T, C, H, W): every frame by itself, then the mean over time."""

    def __init__(self, channels=3, classes=3):
        super().__init__()
        self.frames = Net(classes, channels)

    def forward(self, clips):
        n, t = clips.shape[:2]
        return self.frames(clips.flatten(0, 1)).view(n, t, -1).mean(1)


class DeepUNet(nn.Module):
    """A class for every place: one level down and up again, with a way around it."""

    def __init__(self, channels=1, classes=4, width=4):
        super().__init__()
        self.enter = nn.Sequential(nn.Conv3d(channels, width, 3, padding=1), nn.ReLU())
        self.down = nn.Sequential(nn.MaxPool3d(2), nn.Conv3d(width, 2 * width, 3, padding=1), nn.ReLU())
        self.up = nn.ConvTranspose3d(2 * width, width, 2, stride=2)
        self.head = nn.Conv3d(2 * width, classes, 1)

    def forward(self, x):
        fine = self.enter(x)
        return self.head(torch.cat([fine, self.up(self.down(fine))], dim=1))


class OfVolumes(Project):
    """Any of these networks."""

    def __init__(self, net=Deep):
        super().__init__()
        self.net = net()


def frames_first(image, label, mask):
    """An item of clips as most data sets have them, (T, C, H, W)."""
    return image.transpose(0, 1), label


def every_place(image, label, mask):
    """An item with a class for every place, 0 where there is nothing."""
    return image, mask * (label + 1)


def volumes(**data):
    """The loaders of `Balls`."""
    return {
        "train_dataloaders": DataLoader(Balls(12, seed=1, **data), batch_size=6, shuffle=True),
        "val_dataloaders": DataLoader(Balls(6, seed=2, **data), batch_size=6),
    }


def clips():
    """The same in colour, frame by frame."""
    return volumes(channels=3, item=frames_first)
