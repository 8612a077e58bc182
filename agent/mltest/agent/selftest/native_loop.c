/* Times calls of treelite's C interface: what a user who writes C would measure.
 *
 * Independent of the agent's own loop on purpose. As a library it times them inside of another process. As a program it
 * has eight arguments: libtreelite.so, model, rows (raw), type of the rows, bytes of a row, rows, rows of a call, bytes
 * of an answer; then, for each line with a number of ns on standard input, it calls for so long and prints the median of
 * a call in ns. Declarations follow treelite/c_api.h. */

#define _POSIX_C_SOURCE 200809L
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define ARGUMENTS 8
#define MOST_CALLS 1000000
#define UNTIMED_CALLS 20

typedef int (*load_model)(const char *path, void **model);
typedef int (*parse_config)(const char *json, void **config);
typedef int (*predict_rows)(void *model, const void *rows, const char *type, uint64_t row_count, void *output,
                            void *config);

struct loop {
    predict_rows predict;
    void *model, *config, *output;
    const char *type;
    char *rows;
    size_t batch, batch_bytes, batches, next;
    double *times;
};

static double ns_between(struct timespec from, struct timespec to) {
    return (double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec);
}

static int ascending(const void *one, const void *other) {
    double difference = *(const double *)one - *(const double *)other;
    return (difference > 0) - (difference < 0);
}

static char *read_file(const char *path, size_t bytes) {
    char *content = malloc(bytes);
    FILE *stream = fopen(path, "rb");
    if (!content || !stream || fread(content, 1, bytes, stream) != bytes)
        return NULL;
    fclose(stream);
    return content;
}

static int call_next(struct loop *loop) {
    const void *here = loop->rows + (loop->next++ % loop->batches) * loop->batch_bytes;
    return loop->predict(loop->model, here, loop->type, loop->batch, loop->output, loop->config);
}

/* Returns what the other function takes; NULL if something is missing. The arguments have to stay. */
struct loop *open_loop(char **arguments) {
    struct loop *loop = calloc(1, sizeof *loop);
    void *library = dlopen(arguments[0], RTLD_NOW);
    if (!loop || !library)
        return NULL;
    load_model load = (load_model)dlsym(library, "TreeliteDeserializeModelFromFile");
    parse_config parse = (parse_config)dlsym(library, "TreeliteGTILParseConfig");
    loop->predict = (predict_rows)dlsym(library, "TreeliteGTILPredict");
    if (!load || !parse || !loop->predict || load(arguments[1], &loop->model) ||
        parse("{\"predict_type\": \"default\", \"nthread\": 1}", &loop->config))
        return NULL;
    size_t row_bytes = (size_t)atol(arguments[4]), rows = (size_t)atol(arguments[5]);
    loop->type = arguments[3];
    loop->batch = (size_t)atol(arguments[6]);
    loop->batch_bytes = loop->batch * row_bytes;
    loop->batches = rows / loop->batch;
    loop->rows = read_file(arguments[2], row_bytes * rows);
    loop->output = malloc((size_t)atol(arguments[7]));
    loop->times = malloc(MOST_CALLS * sizeof *loop->times);
    return loop->rows && loop->output && loop->times ? loop : NULL;
}

/* Calls for so long; returns the median time of a call in ns, less than 0 if one failed. */
double median_call_ns(struct loop *loop, double slice_ns) {
    struct timespec begin, before, after;
    size_t calls = 0;
    for (int index = 0; index < UNTIMED_CALLS; index++)
        call_next(loop);
    clock_gettime(CLOCK_MONOTONIC, &begin);
    do {
        clock_gettime(CLOCK_MONOTONIC, &before);
        if (call_next(loop))
            return -1;
        clock_gettime(CLOCK_MONOTONIC, &after);
        loop->times[calls++] = ns_between(before, after);
    } while (calls < MOST_CALLS && ns_between(begin, after) < slice_ns);
    qsort(loop->times, calls, sizeof *loop->times, ascending);
    return loop->times[calls / 2];
}

int main(int count, char **arguments) {
    struct loop *loop = count == ARGUMENTS + 1 ? open_loop(arguments + 1) : NULL;
    double slice_ns, found_ns;
    if (!loop)
        return 2;
    while (scanf("%lf", &slice_ns) == 1) {
        if ((found_ns = median_call_ns(loop, slice_ns)) < 0)
            return 3;
        printf("%.1f\n", found_ns);
        fflush(stdout);
    }
    return 0;
}
