/* Calls of ONNX Runtime through its C interface.
 *
 * OrtApi is a table of functions to which later versions only append, so a function is named here by its position in
 * it. Source: include/onnxruntime/core/session/onnxruntime_c_api.h, struct OrtApi, as of ORT_API_VERSION 29; positions
 * counted from 0.
 */

#include <stdlib.h>
#include <string.h>

#include "native_calls.h"

enum {
    GET_ERROR_MESSAGE = 2,
    CREATE_ENV = 3,
    CREATE_SESSION = 7,
    RUN = 9,
    CREATE_SESSION_OPTIONS = 10,
    SET_SESSION_LOG_SEVERITY_LEVEL = 22,
    SET_INTRA_OP_NUM_THREADS = 24,
    SET_INTER_OP_NUM_THREADS = 25,
    CREATE_TENSOR_WITH_DATA = 49,
    CREATE_CPU_MEMORY_INFO = 69,
    RELEASE_ENV = 92,
    RELEASE_STATUS = 93,
    RELEASE_MEMORY_INFO = 94,
    RELEASE_SESSION = 95,
    RELEASE_VALUE = 96,
    RELEASE_SESSION_OPTIONS = 100,
    ADD_SESSION_CONFIG_ENTRY = 130
};

/* A version whose table reaches further than this file needs; GetApi gives NULL if it is not served. */
#define WANTED_API_VERSION 14
#define ERRORS_ONLY 3
#define ARENA_ALLOCATOR 1
#define DEFAULT_MEMORY 0
#define MESSAGE_BYTES 300

typedef void (*any_function)(void);
typedef any_function const *api_table;
typedef void *status; /* NULL if all went well. */

struct api_base {
    api_table (*get_api)(uint32_t version);
    const char *(*get_version)(void);
};

struct mltest_onnxruntime {
    api_table api;
    void *env;
    void *options;
    void *session;
    void *memory;
    char message[MESSAGE_BYTES]; /* Of the last failure. */
};

struct mltest_onnxruntime_calls {
    struct mltest_onnxruntime *owner;
    status (*run)(void *session, const void *run_options, const char *const *input_names, const void *const *inputs,
                  size_t input_count, const char *const *output_names, size_t output_count, void **outputs);
    const char *input_name;
    const char *output_name;
    void **inputs;
    size_t input_count;
    void *output; /* Every call writes into it. */
};

/* Keeps the message of a failed call; returns whether it failed. */
static int failed(struct mltest_onnxruntime *owner, status found) {
    if (!found)
        return 0;
    const char *text = ((const char *(*)(const void *))owner->api[GET_ERROR_MESSAGE])(found);
    strncpy(owner->message, text, MESSAGE_BYTES - 1);
    owner->message[MESSAGE_BYTES - 1] = 0;
    ((void (*)(void *))owner->api[RELEASE_STATUS])(found);
    return 1;
}

static int set_options(struct mltest_onnxruntime *owner, int threads) {
    api_table api = owner->api;
    void *options = owner->options;
    return failed(owner, ((status(*)(void *, int))api[SET_INTRA_OP_NUM_THREADS])(options, threads)) ||
           failed(owner, ((status(*)(void *, int))api[SET_INTER_OP_NUM_THREADS])(options, 1)) ||
           failed(owner, ((status(*)(void *, int))api[SET_SESSION_LOG_SEVERITY_LEVEL])(options, ERRORS_ONLY)) ||
           failed(owner, ((status(*)(void *, const char *, const char *))api[ADD_SESSION_CONFIG_ENTRY])(
                             options, "session.intra_op.allow_spinning", "0"));
}

static int open_session(struct mltest_onnxruntime *owner, const char *path, int threads) {
    api_table api = owner->api;
    return failed(owner, ((status(*)(int, const char *, void **))api[CREATE_ENV])(ERRORS_ONLY, "mltest", &owner->env)) ||
           failed(owner, ((status(*)(void **))api[CREATE_SESSION_OPTIONS])(&owner->options)) ||
           set_options(owner, threads) ||
           failed(owner, ((status(*)(const void *, const char *, const void *, void **))api[CREATE_SESSION])(
                             owner->env, path, owner->options, &owner->session)) ||
           failed(owner, ((status(*)(int, int, void **))api[CREATE_CPU_MEMORY_INFO])(ARENA_ALLOCATOR, DEFAULT_MEMORY,
                                                                                     &owner->memory));
}

static void release(api_table api, int position, void *object) {
    if (object)
        ((void (*)(void *))api[position])(object);
}

void mltest_onnxruntime_close(struct mltest_onnxruntime *owner) {
    if (owner->api) {
        release(owner->api, RELEASE_MEMORY_INFO, owner->memory);
        release(owner->api, RELEASE_SESSION, owner->session);
        release(owner->api, RELEASE_SESSION_OPTIONS, owner->options);
        release(owner->api, RELEASE_ENV, owner->env);
    }
    free(owner);
}

/* Opens the graph at `path` with the API of `get_api_base` (OrtGetApiBase), with the options of the Python session;
 * gives NULL, and the reason in `message` (MESSAGE_BYTES), if that fails. */
struct mltest_onnxruntime *mltest_onnxruntime_open(const struct api_base *(*get_api_base)(void), const char *path,
                                                   int threads, char *message) {
    struct mltest_onnxruntime *owner = calloc(1, sizeof *owner);
    if (!owner)
        return NULL;
    owner->api = get_api_base()->get_api(WANTED_API_VERSION);
    if (!owner->api)
        strcpy(owner->message, "it does not serve this version of its C interface");
    else if (!open_session(owner, path, threads))
        return owner;
    memcpy(message, owner->message, MESSAGE_BYTES);
    mltest_onnxruntime_close(owner);
    return NULL;
}

const char *mltest_onnxruntime_message(const struct mltest_onnxruntime *owner) { return owner->message; }

static void *tensor(struct mltest_onnxruntime *owner, void *data, size_t byte_count, const int64_t *shape,
                    size_t dimension_count, int element) {
    void *value = NULL;
    failed(owner, ((status(*)(const void *, void *, size_t, const int64_t *, size_t, int, void **))
                       owner->api[CREATE_TENSOR_WITH_DATA])(owner->memory, data, byte_count, shape, dimension_count,
                                                            element, &value));
    return value;
}

void mltest_onnxruntime_unbind(struct mltest_onnxruntime_calls *calls) {
    api_table api = calls->owner->api;
    for (size_t index = 0; index < calls->input_count; index++)
        release(api, RELEASE_VALUE, calls->inputs[index]);
    release(api, RELEASE_VALUE, calls->output);
    free(calls->inputs);
    free(calls);
}

/* An array as ONNX Runtime is told of it. */
struct mltest_array {
    void *data;
    size_t byte_count;
    const int64_t *shape;
    size_t dimension_count;
    int element; /* ONNXTensorElementDataType */
};

/* Binds batches of the shape of `input` that begin at `batches`, and one output for all; NULL if that fails. The
 * names, the batches and the output belong to the caller, and live at least as long. */
struct mltest_onnxruntime_calls *mltest_onnxruntime_bind(struct mltest_onnxruntime *owner, const char *input_name,
                                                         const struct mltest_array *input, void *const *batches,
                                                         size_t batch_count, const char *output_name,
                                                         const struct mltest_array *output) {
    struct mltest_onnxruntime_calls *calls = calloc(1, sizeof *calls);
    int is_complete;
    if (!calls)
        return NULL;
    calls->owner = owner;
    memcpy(&calls->run, &owner->api[RUN], sizeof calls->run);
    calls->input_name = input_name;
    calls->output_name = output_name;
    calls->inputs = calloc(batch_count, sizeof *calls->inputs);
    calls->output = tensor(owner, output->data, output->byte_count, output->shape, output->dimension_count,
                           output->element);
    is_complete = calls->inputs && calls->output;
    while (is_complete && calls->input_count < batch_count) {
        void *value = tensor(owner, batches[calls->input_count], input->byte_count, input->shape,
                             input->dimension_count, input->element);
        calls->inputs[calls->input_count] = value;
        is_complete = value != NULL;
        calls->input_count += is_complete;
    }
    if (is_complete)
        return calls;
    mltest_onnxruntime_unbind(calls);
    return NULL;
}

int mltest_onnxruntime_call(void *context, size_t batch_index) {
    struct mltest_onnxruntime_calls *calls = context;
    const void *input = calls->inputs[batch_index];
    void *output = calls->output;
    return failed(calls->owner, calls->run(calls->owner->session, NULL, &calls->input_name, &input, 1,
                                           &calls->output_name, 1, &output));
}
