"""Two processes on one machine."""

import torch
from projects import Project
from pytorch_lightning.strategies import ModelParallelStrategy

from .configuration import Configuration


class Sharded(Project):
    """Every process keeps a part of each parameter (FSDP2)."""

    def configure_model(self):
        from torch.distributed.fsdp import fully_shard

        for layer in (self.net[0], self.net[4], self.net[9]):
            fully_shard(layer, mesh=self.device_mesh["data_parallel"])
        fully_shard(self.net, mesh=self.device_mesh["data_parallel"])


def _one_gpu_each() -> str:
    found = torch.cuda.device_count()
    return "" if found >= 2 else f"needs 2 GPUs, found {found}"


TWO = {"accelerator": "cpu", "devices": 2}
SHARDED = {"strategy": ModelParallelStrategy(data_parallel_size=2, tensor_parallel_size=1), "devices": 2}
ROWS = {
    "ddp, 2 gloo processes": Configuration(trainer={**TWO, "strategy": "ddp"}, program=True),
    "ddp_spawn, 2 gloo processes": Configuration(trainer={**TWO, "strategy": "ddp_spawn"}, program=True),
    "FSDP2, 2 gloo processes": Configuration(Sharded, trainer={**TWO, **SHARDED}, program=True),
    "ddp, 2 nccl processes": Configuration(
        trainer={"devices": 2, "strategy": "ddp"}, program=True, gpu=True, missing=_one_gpu_each
    ),
    "FSDP2, 2 nccl processes": Configuration(Sharded, trainer=SHARDED, program=True, gpu=True, missing=_one_gpu_each),
}
