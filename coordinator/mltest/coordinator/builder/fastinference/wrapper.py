"""The interface of docs/c-interface.md around the function that FastInference generates. Pure."""

from mltest.coordinator.builder.c_source.ensemble import Ensemble
from mltest.coordinator.builder.c_source.frame import ABI_VERSION, answer_lines
from mltest.coordinator.builder.c_source.literals import C_TYPES
from mltest.coordinator.builder.fastinference.model_json import MODEL_NAME

LABEL_TYPES = {"float32": "float", "float64": "double", "int32": "int"}
"""Type of sums, as FastInference is asked for it."""


def wrapper(ensemble: Ensemble) -> str:
    """Return C++ that stands behind the generated code.

    It begins every sum with its base score, since the generated function adds to what it finds, and makes answers of
    sums: average, link, one value for each class in the order of the model's classes.
    """
    lines = [
        "/* From here on: mltest, around the code of FastInference. */",
        "#include <math.h>",
        "#include <stddef.h>",
        "#include <stdint.h>",
        "",
        f"typedef {C_TYPES[ensemble.input_type]} INPUT;",
        f"typedef {LABEL_TYPES[ensemble.sum_type]} SUM;",
        "",
        "enum {",
        f"    FEATURES = {ensemble.feature_count},",
        f"    SUMS = {ensemble.sum_count},",
        f"    OUTPUTS = {ensemble.output_count}",
        "};",
        "",
        *answer_lines(ensemble),
        'extern "C" void mltest_predict(const INPUT *rows, size_t row_count, double *out);',
        "",
        'extern "C" void mltest_predict(const INPUT *rows, size_t row_count, double *out) {',
        "    for (size_t row = 0; row < row_count; row++) {",
        "        SUM sums[SUMS];",
        "        for (size_t i = 0; i < SUMS; i++)",
        "            sums[i] = BASE_SCORES[i];",
        f"        FAST_INFERENCE::predict_{MODEL_NAME}(rows + row * FEATURES, sums);",
        "        finish(sums, out + row * OUTPUTS);",
        "    }",
        "}",
        "",
        # A constant is not seen from outside in C++, unless it is said of each.
        f'extern "C" const uint32_t mltest_feature_count = {ensemble.feature_count};',
        f'extern "C" const uint32_t mltest_output_count = {ensemble.output_count};',
        f'extern "C" const char mltest_input_type[] = "{ensemble.input_type}";',
        'extern "C" const char mltest_output_type[] = "float64";',
        f'extern "C" const uint32_t mltest_abi = {ABI_VERSION};',
    ]
    return "\n".join([*lines, ""])
