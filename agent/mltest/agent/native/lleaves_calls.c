/* Calls of a function that lleaves compiled: `forest_root` of lleaves 1.3 (lleaves.py, get_entry_func_type). */

#include <stdint.h>

#include "native_calls.h"

typedef void (*forest)(const void *rows, void *output, int32_t first, int32_t behind);

struct mltest_lleaves {
    forest function;
    const void *const *batches;
    int32_t row_count;
    void *output; /* Every call writes here. */
};

int mltest_lleaves_call(void *context, size_t batch_index) {
    struct mltest_lleaves *calls = context;
    calls->function(calls->batches[batch_index], calls->output, 0, calls->row_count);
    return 0;
}
