/* Calls of a function that was compiled from the source of a candidate (docs/c-interface.md). */

#include "native_calls.h"

typedef void (*predict)(const void *rows, size_t row_count, void *output);

struct mltest_compiled {
    predict function;
    const void *const *batches;
    size_t row_count;
    void *output; /* Every call writes here. */
};

int mltest_compiled_call(void *context, size_t batch_index) {
    struct mltest_compiled *calls = context;
    calls->function(calls->batches[batch_index], calls->row_count, calls->output);
    return 0;
}
