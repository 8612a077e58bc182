"""The submitted program of PyTorch itself, byte for byte, for Inductor, and as TorchScript."""

import shutil
from pathlib import Path
from typing import Any

from mltest.coordinator.builder.exporters.registry import exporter
from mltest.coordinator.builder.exporters.role import Exported, ExporterNeeds, ExportSource
from mltest.coordinator.builder.variant import Variant
from mltest.shared.native.compiled_program import ROW_SHAPE, TORCH_COMPILE, row_shape_text

_CONVERTER = "torch.jit"


@exporter
class TorchNative:
    """The baseline of every exported program of PyTorch."""

    needs = ExporterNeeds(
        name="torch_native",
        runtimes=("torch",),
        formats={"pt2": "pt2"},
        takes="exported programs of PyTorch",
        is_native=True,
    )

    def export(self, source: ExportSource, target: Path) -> Exported:
        """Copy the file."""
        from mltest.shared.native.pt2_archive import read_program

        shutil.copyfile(source.path, target)
        return Exported(input_dtype=read_program(source.path).facts.input_dtype)


@exporter
class TorchCompileExport:
    """The same file for Inductor, which compiles it on the agent, for the agent's processor."""

    needs = ExporterNeeds(
        name="torch_compile_export",
        runtimes=(TORCH_COMPILE,),
        formats={"pt2": "pt2"},
        takes="exported programs of PyTorch",
    )

    def export(self, source: ExportSource, target: Path) -> Exported:
        """Copy the file; say what shape its rows have, which a compiled library does not."""
        from mltest.shared.native.pt2_archive import read_program

        shutil.copyfile(source.path, target)
        facts = read_program(source.path).facts
        return Exported(input_dtype=facts.input_dtype, options={ROW_SHAPE: row_shape_text(facts.row_shape)})


@exporter
class TorchScriptExport:
    """Traces the program once: its executor needs no Python between the operators."""

    needs = ExporterNeeds(
        name="torchscript_export",
        runtimes=("torch",),
        formats={"pt2": "torchscript"},
        takes="exported programs of PyTorch",
        variants=(Variant(name="TorchScript"),),
        packages=("torch",),
        extra="builder-torch",
    )

    def export(self, source: ExportSource, target: Path) -> Exported:
        """Trace the program with rows as an agent has them."""
        from mltest.coordinator.builder.torch_parts import require, write_script
        from mltest.shared.native.torch_module import open_program

        require("torch", converter=_CONVERTER)
        import torch

        opened = open_program(source.path)
        shape, module = (-1, *opened.facts.row_shape), opened.program.module(check_guards=False)
        # What checks the shapes of a call is Python, and has no place in TorchScript.
        module._forward_pre_hooks.clear()

        class Flat(torch.nn.Module):  # type: ignore[misc]  # its types are not looked at
            def __init__(self) -> None:
                super().__init__()
                self.inner = module

            def forward(self, rows: Any) -> Any:
                return self.inner(rows.reshape(shape))

            def train(self, mode: bool = True) -> Any:
                """Stay as exported: the program inside cannot be trained."""
                self.training = False
                return self

        dtype = getattr(torch, opened.facts.input_dtype)
        write_script(Flat(), opened.facts.feature_count, dtype, target, converter=_CONVERTER)
        return Exported(input_dtype=opened.facts.input_dtype)
