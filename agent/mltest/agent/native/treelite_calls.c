/* Calls of treelite's general tree inference library through its C interface (treelite/c_api.h, TreeliteGTILPredict). */

#include "native_calls.h"

typedef int (*gtil_predict)(void *model, const void *rows, const char *dtype, uint64_t row_count, void *output,
                            void *config);

struct mltest_treelite {
    gtil_predict predict;
    void *model;
    void *config;
    const char *dtype;
    const void *const *batches;
    uint64_t row_count;
    void *output; /* Every call writes here. */
};

int mltest_treelite_call(void *context, size_t batch_index) {
    struct mltest_treelite *calls = context;
    return calls->predict(calls->model, calls->batches[batch_index], calls->dtype, calls->row_count, calls->output,
                          calls->config);
}
